"""Parquet and Arrow files, opened, and their columns handed out batch by batch."""

from __future__ import annotations

import tempfile
from collections import deque
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

import pyarrow as pa
from pyarrow import ipc

from streamsig.columnar import page_sizes
from streamsig.columnar.arrays import row_texts, to_texts
from streamsig.columnar.table_layout import detect_table
from streamsig.errors import LayoutError, SourceError
from streamsig.sniffer.layout import SampleRow
from streamsig.sources.formats import ARROW_FILE, ARROW_STREAM, CONTINUATION, DECRYPT, FILE_MAGIC, PARQUET, PREFIX_BYTES
from streamsig.sources.objects import reader_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    from streamsig.sniffer.layout import Layout, LayoutOptions
BATCH_ROWS = 1 << 16
"""Rows of the longest batch."""

SAMPLE_ROWS = 4000
"""Rows of the longest sample."""

_ROWS_AT_ONCE = 1 << 10
"""As many rows are turned into text at once."""

FRAME = "frame"
_TITLES = {PARQUET: "Parquet", ARROW_FILE: "Arrow", ARROW_STREAM: "Arrow stream", FRAME: "frame's"}
_STREAM_END = CONTINUATION + bytes(4)
_PIECE_BYTES = 1 << 20
_MOST_COLUMNS = 24
"""So many columns are read side by side at most: the close, groups, and those that are looked at for times."""

_SHOWN_REASON = 200


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Store(Protocol):
    """Where record batches come from; `rows` is how many rows there are, `None` where only reading tells.

    `read` returns the columns of these indices in this order, in batches of any size. `limit` raises UsageError, at
    once or while it is read, where more than so many bytes have to be read at once. A store that is
    `once` can be read once only, returns all columns whatever the indices are, and is then asked for all.
    """

    schema: pa.Schema
    once: bool

    @property
    def rows(self) -> int | None: ...

    def read(self, indices: Sequence[int]) -> Iterator[pa.RecordBatch]: ...

    def limit(self, name: str, most_bytes: int) -> None: ...


class ColumnarTable:
    """An open columnar input, its rows to be read once from start to end.

    `rows` is how many rows there are, `None` where only reading tells. As a context manager it closes what it has
    opened, never the object it was given.
    """

    def __init__(self, store: _Store, name: str, kind: str, owned: ExitStack) -> None:
        self.schema, self.rows = store.schema, store.rows
        self._store, self._name, self._kind, self._owned = store, name, kind, owned
        self._ahead: list[pa.RecordBatch] = []
        self._whole: Iterator[pa.RecordBatch] | None = None
        self._batch: pa.RecordBatch | None = None
        self._checked: pa.RecordBatch | None = None
        self._start = 0

    def limit(self, most_bytes: int) -> None:
        """Raise UsageError, now or while it is read, where more than this has to be read at once."""
        with _readable(self._name, self._kind):
            self._store.limit(self._name, most_bytes)

    def detect(self, options: LayoutOptions) -> Layout:
        """Detect the layout from the first rows; call it before `batches`. Raises LayoutError and UsageError."""
        # the names of a damaged file may be no texts
        with _readable(self._name, self._kind):
            return detect_table(self.schema, self.sample, options, self._kind, self._name)

    def first_rows(self, count: int, columns: int) -> tuple[SampleRow, ...]:
        """Return rows as texts, for a person; call it before `batches`."""
        sample = self.sample(range(min(len(self.schema), columns)))
        texts = (to_texts(column.slice(0, count)).to_pylist() for column in sample.columns)
        return tuple(SampleRow(number, fields) for number, fields in enumerate(zip(*texts, strict=True), 1))

    def sample(self, indices: Sequence[int]) -> pa.RecordBatch:
        """Return these columns of the first rows, at most `SAMPLE_ROWS` of them; call it before `batches`."""
        schema = pa.schema([self.schema[index] for index in indices])
        if not self._store.once:
            first = _first_rows(self._read(indices))
        else:
            if self._whole is None:
                self._whole = self._read(range(len(self.schema)))
                self._ahead = _first_rows(self._whole)
            first = [self._sound(batch.select(list(indices))) for batch in self._ahead]
        parts = pa.Table.from_batches(first, schema).slice(0, SAMPLE_ROWS).combine_chunks().to_batches()
        return (
            parts[0] if parts else pa.RecordBatch.from_arrays([pa.array([], it.type) for it in schema], schema=schema)
        )

    def batches(self, indices: Sequence[int]) -> Iterator[tuple[pa.Array, ...]]:
        """Return columns in file order, in arrays of at most `BATCH_ROWS`.

        Raises SourceError for data that are damaged or cut off. Of Parquet, and of an Arrow file given
        by its path, only these columns are read. Memory is bounded by the largest page of Parquet, and by
        the largest record batch of Arrow.
        """
        for batch in self._batches(list(indices)):
            for start in range(0, len(batch), BATCH_ROWS):
                yield tuple(column.slice(start, BATCH_ROWS) for column in batch.columns)

    def row_lines(self, indices: Iterable[int]) -> Iterator[str]:
        """Yield rows of the batch that was handed out last, or of later ones, as lines of CSV.

        Indices count from 0 and rise, from call to call as well. Reads the other columns up to these rows where they
        have not been.
        """
        left = deque(indices)
        while left:
            if not self._store.once:
                self._whole = self._whole or self._read(range(len(self.schema)))
                while self._batch is None or left[0] >= self._start + len(self._batch):
                    self._start += 0 if self._batch is None else len(self._batch)
                    self._batch = next(self._whole)
            batch = cast("pa.RecordBatch", self._batch)
            mine: list[int] = []
            while left and len(mine) < _ROWS_AT_ONCE and left[0] < self._start + len(batch):
                mine.append(left.popleft() - self._start)
            if self._store.once and batch is not self._checked:
                self._checked = self._sound(batch)
            yield from row_texts(batch, mine)

    def close(self) -> None:
        """Close the files that were opened here."""
        self._owned.close()

    def __enter__(self) -> ColumnarTable:  # noqa: PYI034 (`Self` is not in Python 3.10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _batches(self, indices: list[int]) -> Iterator[pa.RecordBatch]:
        if not self._store.once:
            yield from self._read(indices)
            return
        whole = self._whole or self._read(range(len(self.schema)))
        for batch in chain(self._ahead, whole):
            self._batch = batch
            yield self._sound(batch.select(indices))
            self._start += len(batch)

    def _read(self, indices: Sequence[int]) -> Iterator[pa.RecordBatch]:
        batches = self._store.read(indices)
        while True:
            with _readable(self._name, self._kind):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch if self._store.once else self._sound(batch)

    def _sound(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Check a batch: the offsets of a damaged file could point anywhere."""
        with _readable(self._name, self._kind):
            batch.validate(full=True)
        return batch


def _first_rows(batches: Iterator[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Return the first batches, with `SAMPLE_ROWS` rows or all there are."""
    found, rows = [], 0
    while rows < SAMPLE_ROWS and (batch := next(batches, None)) is not None:
        found.append(batch)
        rows += len(batch)
    return found


def open_columnar(source: str | _Readable, kind: str, name: str) -> ColumnarTable:
    """Open a path, or an object to read from that need not be seekable; `kind` is what `columnar_format` returned.

    An object is read from its first byte on; Parquet that comes that way is copied to a temporary file, for it is read
    from its end. Raises SourceError, and LayoutError for an encrypted file.
    """
    with ExitStack() as stack:
        with _readable(name, kind):
            store = _store(source, kind, name, stack)
        return ColumnarTable(store, name, kind, stack.pop_all())


def open_frame(frame: ArrowStream, name: str) -> ColumnarTable:
    """Take what `inputs_of` has returned for an object that is no path.

    Nothing is copied that the library does not copy itself; a stream is read once, batch by batch. Raises
    SourceError for what is no table of rows.
    """
    with _readable(name, FRAME):
        store = _Frame(frame)
    return ColumnarTable(store, name, FRAME, ExitStack())


class ArrowStream(Protocol):
    """What can be read as a stream of Arrow record batches: frames of pandas, polars and DuckDB, tables, readers."""

    def __arrow_c_stream__(self, requested_schema: object | None = None, /) -> object: ...


def _store(source: str | _Readable, kind: str, name: str, owned: ExitStack) -> _Store:
    if kind == PARQUET:
        return _Parquet(source if isinstance(source, str) else _set_aside(source, name, owned), owned)
    if isinstance(source, str):
        if kind == ARROW_FILE:
            return _ArrowFile(source, owned)
        source = owned.enter_context(Path(source).open("rb"))  # noqa: SIM115 (`owned` closes it)
    return _ArrowStream(_Pieces(source), kind)


class _Parquet:
    once = False

    def __init__(self, source: str | BinaryIO, owned: ExitStack) -> None:
        # a third of what importing pyarrow costs, for the few that need it
        import pyarrow.parquet as pq  # noqa: PLC0415

        self._file = pq.ParquetFile(
            source,
            pre_buffer=False,
            # read pages as they are needed, not a column of a whole row group
            buffer_size=_PIECE_BYTES,
            page_checksum_verification=True,
        )
        owned.callback(self._file.close, force=True)
        self._source = source
        self.schema, self.rows = self._file.schema_arrow, self._file.metadata.num_rows

    def read(self, indices: Sequence[int]) -> Iterator[pa.RecordBatch]:
        # pyarrow selects by name, and names may occur twice
        names = self.schema.names
        titles = list(dict.fromkeys(names[index] for index in indices))
        seen = 0
        for batch in self._file.iter_batches(BATCH_ROWS, columns=titles, use_threads=False):
            found = batch.schema.names
            places = [
                [place for place, each in enumerate(found) if each == names[index]][names[:index].count(names[index])]
                for index in indices
            ]
            seen += batch.num_rows
            yield batch.select(places)
        if seen != self.rows:
            raise pa.ArrowInvalid(f"{seen} rows where its footer tells of {self.rows}")

    def limit(self, name: str, most_bytes: int) -> None:
        with ExitStack() as stack:
            source = self._source
            file = stack.enter_context(Path(source).open("rb")) if isinstance(source, str) else source
            if page_sizes.has_encrypted_columns(file.fileno(), self._file.metadata):
                # pyarrow aborts the process where it is asked for their sizes
                raise _encrypted(name)
            needed = page_sizes.parquet_bytes(file.fileno(), self._file.metadata, _MOST_COLUMNS)
        if needed > most_bytes:
            page_sizes.refuse(name, needed, most_bytes)


class _ArrowFile:
    once = False
    rows = None

    def __init__(self, path: str, owned: ExitStack) -> None:
        self._path, self._file = path, owned.enter_context(pa.OSFile(path))
        self.schema = ipc.open_file(self._file).schema

    def read(self, indices: Sequence[int]) -> Iterator[pa.RecordBatch]:
        places = sorted(set(indices))
        options = ipc.IpcReadOptions(use_threads=False, included_fields=places)
        reader = ipc.open_file(self._file, options=options)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number).select([places.index(index) for index in indices])

    def limit(self, name: str, most_bytes: int) -> None:
        # mapped, so that sizes are told and nothing is read
        with pa.memory_map(self._path) as file:
            needed = page_sizes.arrow_bytes(file, _MOST_COLUMNS)
        if needed > most_bytes:
            page_sizes.refuse(name, needed, most_bytes)


class _ArrowStream:
    """Reads an Arrow stream, or an Arrow file from its start: behind 8 bytes it is a stream, and a footer follows."""

    once = True
    rows = None

    def __init__(self, pieces: _Pieces, kind: str) -> None:
        self._pieces, self._is_file = pieces, kind == ARROW_FILE
        if self._is_file:
            pieces.read(PREFIX_BYTES)
        # which columns are wanted is known only when the schema has been read, and it cannot be read twice
        options = ipc.IpcReadOptions(use_threads=False)
        self._reader = ipc.open_stream(pa.PythonFile(pieces, mode="r"), options=options)
        self.schema = self._reader.schema

    def read(self, indices: Sequence[int]) -> Iterator[pa.RecordBatch]:  # noqa: ARG002 (all are there)
        yield from self._reader
        if self._is_file:
            while self._pieces.read(_PIECE_BYTES):
                pass
            if not self._pieces.last.endswith(FILE_MAGIC.rstrip(b"\0")):
                raise pa.ArrowInvalid("the footer is missing")
        # the format allows to leave the mark out, but then nothing tells a whole stream from half of one
        elif self._pieces.last != _STREAM_END:
            raise pa.ArrowInvalid("it ends without an end-of-stream mark, as a writer that is not closed leaves it")
        elif self._pieces.read(1):
            raise pa.ArrowInvalid("more data follow after its end-of-stream mark")

    def limit(self, name: str, most_bytes: int) -> None:
        self._pieces.limit = (name, most_bytes)


class _Frame:
    once = True
    rows = None

    def __init__(self, frame: ArrowStream) -> None:
        self._reader = reader_of(frame)
        self.schema = self._reader.schema

    def read(self, indices: Sequence[int]) -> Iterator[pa.RecordBatch]:  # noqa: ARG002 (all are there)
        yield from self._reader

    def limit(self, name: str, most_bytes: int) -> None:
        """Leave it to the library that has the frame."""


class _Pieces:
    """A readable object that returns as many bytes as it was asked for, fewer only at the end.

    `last` are the last 8 bytes that were read. With a `limit`, the input's name and bytes, what takes more to be read
    at once is refused.
    """

    def __init__(self, source: _Readable) -> None:
        self._source = source
        self.last = b""
        self.limit: tuple[str, int] | None = None
        self.closed = False

    def read(self, size: int, /) -> bytes:
        """Return `size` bytes; a piece at a time, for a damaged length may ask for more than there is memory."""
        if self.limit is not None and page_sizes.stream_bytes(size) > self.limit[1]:
            page_sizes.refuse(self.limit[0], page_sizes.stream_bytes(size), self.limit[1])
        parts = []
        while size and (part := self._source.read(min(size, _PIECE_BYTES))):
            parts.append(part)
            size -= len(part)
        some = b"".join(parts)
        self.last = (self.last + some[-PREFIX_BYTES:])[-PREFIX_BYTES:]
        return some

    # pyarrow.PythonFile asks for these
    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """Leave the source open for its owner."""
        self.closed = True


def _set_aside(source: _Readable, name: str, owned: ExitStack) -> BinaryIO:
    try:
        # without a buffer, which would be written once more where the file is closed after an error
        file = owned.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 (`owned` closes it)
        while piece := source.read(_PIECE_BYTES):
            while piece:
                piece = piece[file.write(piece) :]
        file.seek(0)
    except OSError as error:
        raise SourceError(
            f"{name}: Parquet from a pipe has to be set aside in {tempfile.gettempdir()}, and cannot be:"
            f" {error.strerror or error}; give the file itself, or set TMPDIR to a folder with room"
        ) from error
    return cast("BinaryIO", file)


def _encrypted(name: str) -> LayoutError:
    return LayoutError(f"{name}: this is a Parquet file with encrypted columns; {DECRYPT}")


@contextmanager
def _readable(name: str, kind: str) -> Iterator[None]:
    """Turn what pyarrow raises on damaged input into a SourceError."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if kind == PARQUET and "decrypt" in str(error):
            raise _encrypted(name) from error
        reason = " ".join(str(error).split())[:_SHOWN_REASON].rstrip(".")
        raise SourceError(
            f"{name}: the {_TITLES[kind]} data is damaged or cut off ({reason}); fetch or write the file again"
        ) from error
