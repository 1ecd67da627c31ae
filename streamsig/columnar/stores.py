"""Sources of record batches: Parquet, Arrow files and streams, frames; and how much of them is read at once."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

import pyarrow as pa
from pyarrow import ipc

from streamsig.errors import LayoutError, SourceError, UsageError
from streamsig.sources.formats import ARROW_FILE, CONTINUATION, DECRYPT, FILE_MAGIC, PREFIX_BYTES
from streamsig.sources.objects import reader_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import ExitStack

    from pyarrow import parquet as pq

    from streamsig.core.window import ArrowStream

    Group = tuple[int, Iterator[pa.RecordBatch]]
    """The number of its rows, and its batches."""

BATCH_ROWS = 1 << 16
"""Rows of the longest batch."""

_STREAM_END = CONTINUATION + bytes(4)
_PIECE_BYTES = 1 << 20
_COPIES = 2
"""Pages and batches are in memory packed and unpacked, or in pieces and joined."""


class Readable(Protocol):
    """An object to read from, from its first byte on."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""


class Store(ABC):
    """An open source of record batches.

    A store with `single_pass` can be read only once, and then returns all columns. Several threads may read one that
    `takes_threads`. With `most_bytes`, reading raises UsageError before it takes more memory than that at once.
    """

    schema: pa.Schema
    single_pass, takes_threads = True, False
    most_bytes: int | None = None

    def __init__(self, name: str) -> None:
        self._name = name

    @abstractmethod
    def read(self, indices: Sequence[int], batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Yield these columns, in this order, in batches of any size; those of Parquet have at most `batch_rows`."""

    def groups(self, indices: Sequence[int], most_rows: int) -> Iterator[Group] | None:  # noqa: ARG002 (there are none)
        """Yield groups that threads can read at the same time, or return `None` if not all have at most `most_rows`."""
        return None

    def check(self, needed_bytes: int) -> None:
        """Raise UsageError where this is more than may be read at once."""
        if self.most_bytes is not None and needed_bytes > self.most_bytes:
            raise UsageError(
                f"{self._name}: `memory_limit` leaves {self.most_bytes >> 20:,} MiB for what has to be read of it at"
                f" once, and this needs at least {-(-needed_bytes >> 20):,} MiB; raise it by the difference, or write"
                " the file with smaller row groups or record batches"
            )


class Parquet(Store):
    """A Parquet file, or a temporary file with one."""

    single_pass = False

    def __init__(self, source: str | BinaryIO, name: str, owned: ExitStack) -> None:
        super().__init__(name)
        # a Python file has one position, which threads would move under one another
        self.takes_threads = isinstance(source, str)
        self._source = owned.enter_context(pa.OSFile(source) if isinstance(source, str) else pa.PythonFile(source))
        self._metadata = None
        file = self._open()
        self._metadata = file.metadata
        self.schema, self._rows = file.schema_arrow, self._metadata.num_rows
        row_groups = map(self._metadata.row_group, range(self._metadata.num_row_groups))
        # of a row group only the rows and the size are asked for. If the metadata of a column are damaged or encrypted,
        # asking for them ends the process
        self._sizes = [(group.num_rows, group.total_byte_size) for group in row_groups]

    def read(self, indices: Sequence[int], batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Yield columns of all row groups."""
        self._check_size({self.schema.names[index] for index in indices})
        yield from self._read(indices, batch_rows, range(len(self._sizes)), self._rows)

    def groups(self, indices: Sequence[int], most_rows: int) -> Iterator[Group] | None:
        """Yield the row groups."""
        lengths = [rows for rows, _ in self._sizes]
        if max(lengths, default=0) > most_rows or sum(lengths) != self._rows:
            return None
        return ((rows, self._read(indices, BATCH_ROWS, [number], rows)) for number, rows in enumerate(lengths))

    def _open(self) -> pq.ParquetFile:
        # a third of what importing pyarrow costs, for the few that need it
        import pyarrow.parquet as pq  # noqa: PLC0415

        return pq.ParquetFile(
            self._source,
            metadata=self._metadata,
            pre_buffer=False,
            # read pages as they are needed, not a column of a whole row group
            buffer_size=_PIECE_BYTES,
            page_checksum_verification=True,
        )

    def _read(
        self, indices: Sequence[int], batch_rows: int, row_groups: Sequence[int], rows: int | None
    ) -> Iterator[pa.RecordBatch]:
        """Select by name, as pyarrow does, and then among columns of one name."""
        names = self.schema.names
        titles = list(dict.fromkeys(names[index] for index in indices))
        seen = 0
        for batch in self._open().iter_batches(batch_rows, row_groups, columns=titles, use_threads=False):
            read_names = batch.schema.names
            places = [
                [place for place, each in enumerate(read_names) if each == names[index]][
                    names[:index].count(names[index])
                ]
                for index in indices
            ]
            seen += batch.num_rows
            yield batch.select(places)
        if seen != rows:
            raise pa.ArrowInvalid(f"{seen} rows where its footer says {rows}")

    def _check_size(self, titles: set[str]) -> None:
        """Check the size of the largest row group: only reading shows how long its pages are."""
        widths = [_width_bytes(field.type) for field in self.schema if field.name in titles]
        row_bytes = None if None in widths else sum(width for width in widths if width)
        for rows, size_bytes in self._sizes:
            self.check(_COPIES * (size_bytes if row_bytes is None else rows * row_bytes))


class ArrowFile(Store):
    """An Arrow file that is opened by its path: only columns that are wanted are read."""

    single_pass, takes_threads = False, True

    def __init__(self, path: str, name: str, owned: ExitStack) -> None:
        super().__init__(name)
        self._path, self._file = path, owned.enter_context(pa.OSFile(path))
        self.schema = ipc.open_file(self._file).schema

    def read(self, indices: Sequence[int], batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:  # noqa: ARG002 (batches are read whole)
        """Yield the record batches of the file."""
        places = sorted(set(indices))
        if self.most_bytes is not None:
            # mapped, so that sizes are known and nothing is read
            with pa.memory_map(self._path) as file:
                self.check(largest_batch_bytes(file, places))
        options = ipc.IpcReadOptions(use_threads=False, included_fields=places)
        reader = ipc.open_file(self._file, options=options)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number).select([places.index(index) for index in indices])


def largest_batch_bytes(file: pa.NativeFile, columns: Sequence[int]) -> int:
    """Return the bytes that it takes to read columns of the largest record batch of an Arrow file.

    The size of the first batch is known without reading it, unless it is compressed; the others are scaled by length.
    """
    file.seek(PREFIX_BYTES)
    messages = (message for message in ipc.MessageReader.open_stream(file) if message.type == "record batch")
    lengths: list[int] = [message.body.size for message in messages]
    if not lengths:
        return 0
    batch = ipc.open_file(file, options=ipc.IpcReadOptions(included_fields=list(columns))).get_batch(0)
    # in a damaged file that gives a buffer too long a size, `nbytes` would read out of bounds
    batch.validate()
    return int(batch.nbytes) * max(lengths) // max(lengths[0], 1)


class ArrowStreamStore(Store):
    """An Arrow stream, or an Arrow file from its start: after 8 bytes it is a stream, and a footer follows."""

    def __init__(self, source: Readable, kind: str, name: str) -> None:
        super().__init__(name)
        self._pieces, self._is_file = _Pieces(source, self), kind == ARROW_FILE
        if self._is_file:
            self._pieces.read(PREFIX_BYTES)
        # which columns are wanted is known only when the schema has been read, and it cannot be read twice
        options = ipc.IpcReadOptions(use_threads=False)
        self._reader = ipc.open_stream(pa.PythonFile(self._pieces, mode="r"), options=options)
        self.schema = self._reader.schema

    def read(self, indices: Sequence[int], batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:  # noqa: ARG002 (all are there)
        """Yield the record batches of the stream; raises ArrowInvalid where its end is missing."""
        yield from self._reader
        if self._is_file:
            while self._pieces.read(_PIECE_BYTES):
                pass
            if not self._pieces.last.endswith(FILE_MAGIC.rstrip(b"\0")):
                raise pa.ArrowInvalid("the footer is missing")
        # the format allows to omit the mark, but then a whole stream looks like half of one
        elif self._pieces.last != _STREAM_END:
            raise pa.ArrowInvalid("it ends without an end-of-stream mark, as a writer that is not closed leaves it")
        elif self._pieces.read(1):
            raise pa.ArrowInvalid("more data follow after its end-of-stream mark")


class Frame(Store):
    """A frame of another library, which owns its memory."""

    def __init__(self, frame: ArrowStream, name: str) -> None:
        super().__init__(name)
        self._reader = reader_of(frame)
        self.schema = self._reader.schema

    def read(self, indices: Sequence[int], batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:  # noqa: ARG002 (all are there)
        """Yield the record batches of the frame."""
        yield from self._reader


class _Pieces:
    """A readable object that returns as many bytes as it is asked for, fewer only at the end; `last` are the last 8."""

    def __init__(self, source: Readable, store: Store) -> None:
        self._source, self._store = source, store
        self.last = b""
        self.closed = False

    def read(self, size: int, /) -> bytes:
        """Return `size` bytes; a piece at a time, for a damaged length may ask for more than there is memory."""
        self._store.check(_COPIES * size)
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


def temporary_copy(source: Readable, name: str, owned: ExitStack) -> BinaryIO:
    """Return a temporary file with what a pipe holds; raises SourceError."""
    try:
        # without a buffer, which would be written once more where the file is closed after an error
        file = owned.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 (`owned` closes it)
        while piece := source.read(_PIECE_BYTES):
            while piece:
                piece = piece[file.write(piece) :]
        file.seek(0)
    except OSError as error:
        raise SourceError(
            f"{name}: Parquet from a pipe has to be copied to {tempfile.gettempdir()}, and cannot be:"
            f" {error.strerror or error}; give the file itself, or set TMPDIR to a folder with free space"
        ) from error
    return cast("BinaryIO", file)


def _width_bytes(kind: pa.DataType) -> int | None:
    """Return the bytes of each value of a type, `None` where they differ."""
    is_fixed = pa.types.is_primitive(kind) or pa.types.is_decimal(kind)
    return -(-int(kind.bit_width) // 8) if is_fixed else None


def encrypted(name: str) -> LayoutError:
    """Return the error for a Parquet file whose columns cannot be read."""
    return LayoutError(f"{name}: this is a Parquet file with encrypted columns; {DECRYPT}")
