"""Opens Parquet and Arrow files, finds the column of the close, and hands out its batches."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

import pyarrow as pa
from pyarrow import ipc

from streamsig.errors import LayoutError, SourceError
from streamsig.ingest.columns import asked_column, close_by_name
from streamsig.ingest.header import Body
from streamsig.ingest.stored import ARROW_FILE, ARROW_STREAM, CONTINUATION, FILE_MAGIC, PARQUET, PREFIX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType


BATCH_ROWS = 1 << 16
"""Rows of the longest batch."""

_TITLES = {PARQUET: "Parquet", ARROW_FILE: "Arrow", ARROW_STREAM: "Arrow stream"}
_STREAM_END = CONTINUATION + bytes(4)
_PIECE_BYTES = 1 << 20
_SHOWN_REASON = 200


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class ColumnarClose:
    """The close column of an open columnar input, to be read once from start to end.

    `column_name` is the name of the column; `rows` is how many there are, `None` where only reading
    tells. As a context manager it closes what it has opened, never the object it was given.
    """

    def __init__(self, column_name: str, rows: int | None, batches: Iterator[pa.Array], owned: ExitStack) -> None:
        self.column_name, self.rows = column_name, rows
        self._batches, self._owned = batches, owned

    def batches(self) -> Iterator[pa.Array]:
        """Return the closes in file order, in arrays of at most `BATCH_ROWS`.

        Raises SourceError for data that are damaged or cut off. Of Parquet, and of an Arrow file given
        by its path, only this column is read. Memory is bounded by the largest page of Parquet, and by
        the largest record batch of Arrow.
        """
        return self._batches

    def close(self) -> None:
        """Close the files that were opened here."""
        self._owned.close()

    def __enter__(self) -> ColumnarClose:  # noqa: PYI034 (`Self` is not in Python 3.10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_columnar(source: str | _Readable, format: str, column: str | int | None, name: str) -> ColumnarClose:  # noqa: A002 (the word that `columnar_format` answers with)
    """Open a path, or an object to read from that need not be seekable, and find its close column.

    `format` is what `columnar_format` said, `column` what was asked for: a name, a number that counts
    from 1, or `None` to go by the names. An object is read from its first byte on; Parquet that
    comes that way is set aside in a temporary file, for it is read from its end. Raises SourceError and
    LayoutError.
    """
    opened = {PARQUET: _parquet, ARROW_FILE: _arrow_file, ARROW_STREAM: _arrow_stream}[format]
    if format == ARROW_FILE and not isinstance(source, str):
        opened = _arrow_file_from_pipe
    with ExitStack() as stack:
        found = opened(source, column, name, stack)
        found._owned = stack.pop_all()  # noqa: SLF001 (its own module)
        return found


def _parquet(source: str | _Readable, column: str | int | None, name: str, owned: ExitStack) -> ColumnarClose:
    # a third of what importing pyarrow costs, for the few that need it
    import pyarrow.parquet as pq  # noqa: PLC0415

    with _readable(name, PARQUET):
        file = pq.ParquetFile(
            source if isinstance(source, str) else _set_aside(source, name, owned),
            pre_buffer=False,
            # read pages as they are needed, not a column of a whole row group
            buffer_size=_PIECE_BYTES,
            page_checksum_verification=True,
        )
        owned.callback(file.close, force=True)
        names, rows = file.schema_arrow.names, file.metadata.num_rows
        index = _choose(file.schema_arrow, column, name)
    title = names[index]
    # pyarrow selects by name, and names may occur twice
    which = names[:index].count(title)

    def batches() -> Iterator[pa.Array]:
        seen = 0
        for batch in file.iter_batches(BATCH_ROWS, columns=[title], use_threads=False):
            named = [place for place, each in enumerate(batch.schema.names) if each == title]
            seen += batch.num_rows
            yield batch.column(named[which])
        if seen != rows:
            raise pa.ArrowInvalid(f"{seen} rows where its footer tells of {rows}")

    return ColumnarClose(title, rows, _checked(batches(), name, PARQUET), owned)


def _arrow_file(source: str | _Readable, column: str | int | None, name: str, owned: ExitStack) -> ColumnarClose:
    with _readable(name, ARROW_FILE):
        file = owned.enter_context(pa.OSFile(source))
        schema = ipc.open_file(file).schema
        index = _choose(schema, column, name)
        reader = ipc.open_file(file, options=_only(index))
        batches = (reader.get_batch(place).column(0) for place in range(reader.num_record_batches))
    return ColumnarClose(schema.names[index], None, _checked(batches, name, ARROW_FILE), owned)


def _arrow_file_from_pipe(
    source: str | _Readable, column: str | int | None, name: str, owned: ExitStack
) -> ColumnarClose:
    """Read an Arrow file from its start: behind 8 bytes it is a stream, and a footer follows."""
    pieces = _Pieces(cast("_Readable", source))
    pieces.read(PREFIX_BYTES)

    def check_end() -> None:
        while pieces.read(_PIECE_BYTES):
            pass
        if not pieces.last.endswith(FILE_MAGIC.rstrip(b"\0")):
            raise pa.ArrowInvalid("the footer is missing")

    return _streamed(pieces, column, name, ARROW_FILE, check_end, owned)


def _arrow_stream(source: str | _Readable, column: str | int | None, name: str, owned: ExitStack) -> ColumnarClose:
    with _readable(name, ARROW_STREAM):
        if isinstance(source, str):
            source = owned.enter_context(Path(source).open("rb"))  # noqa: SIM115 (`owned` closes it)
        pieces = _Pieces(source)

    def check_end() -> None:
        # the format allows to leave the mark out, but then nothing tells a whole stream from half of one
        if pieces.last != _STREAM_END:
            raise pa.ArrowInvalid("it ends without an end-of-stream mark, as a writer that is not closed leaves it")
        if pieces.read(1):
            raise pa.ArrowInvalid("more data follow after its end-of-stream mark")

    return _streamed(pieces, column, name, ARROW_STREAM, check_end, owned)


def _streamed(  # noqa: PLR0913, PLR0917 (private)
    pieces: _Pieces,
    column: str | int | None,
    name: str,
    kind: str,
    check_end: Callable[[], None],
    owned: ExitStack,
) -> ColumnarClose:
    with _readable(name, kind):
        file = pa.PythonFile(pieces, mode="r")
        # the column is known only when the schema has been read, and it cannot be read twice
        reader = ipc.open_stream(file, options=ipc.IpcReadOptions(use_threads=False))
        index = _choose(reader.schema, column, name)

    def batches() -> Iterator[pa.Array]:
        for batch in reader:
            yield batch.column(index)
        check_end()

    return ColumnarClose(reader.schema.names[index], None, _checked(batches(), name, kind), owned)


class _Pieces:
    """A readable object that returns as many bytes as it was asked for, fewer only at the end.

    `last` are the last 8 bytes that were read.
    """

    def __init__(self, source: _Readable) -> None:
        self._source = source
        self.last = b""
        self.closed = False

    def read(self, size: int, /) -> bytes:
        """Return `size` bytes; a piece at a time, for a damaged length may ask for more than there is memory."""
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


def _only(index: int) -> ipc.IpcReadOptions:
    return ipc.IpcReadOptions(use_threads=False, included_fields=[index])


def _checked(arrays: Iterator[pa.Array], name: str, kind: str) -> Iterator[pa.Array]:
    """Cut arrays into batches, each checked to be sound: offsets of a damaged file could point anywhere."""
    while True:
        with _readable(name, kind):
            array = next(arrays, None)
            if array is None:
                return
            array.validate(full=True)
        for start in range(0, len(array), BATCH_ROWS):
            yield array.slice(start, BATCH_ROWS)


def _set_aside(source: _Readable, name: str, owned: ExitStack) -> BinaryIO:
    try:
        file = owned.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 (`owned` closes it)
        while piece := source.read(_PIECE_BYTES):
            file.write(piece)
        file.seek(0)
    except OSError as error:
        raise SourceError(
            f"{name}: Parquet from a pipe has to be set aside in {tempfile.gettempdir()}, and cannot be:"
            f" {error.strerror or error}; give the file itself, or set TMPDIR to a folder with room"
        ) from error
    return cast("BinaryIO", file)


@contextmanager
def _readable(name: str, kind: str) -> Iterator[None]:
    """Turn what pyarrow raises on damaged input into a SourceError."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:_SHOWN_REASON].rstrip(".")
        raise SourceError(
            f"{name}: the {_TITLES[kind]} data is damaged or cut off ({reason}); fetch or write the file again"
        ) from error


def _choose(schema: pa.Schema, column: str | int | None, name: str) -> int:
    """Return the index of the close column; raises LayoutError where it cannot be told or holds no numbers."""
    if not schema.names:
        raise LayoutError(f"{name}: the file has no columns; there is no close in it")
    possible = [_holds_numbers(field.type) for field in schema]
    if column is not None:
        index = asked_column(_header(schema.names), column, name)
    else:
        index = _close_by_name(schema.names, possible, name)
    if not possible[index]:
        raise LayoutError(
            f"{name}: column {index + 1} {schema.names[index]!r} holds no numbers"
            f" but {_shown_type(schema[index].type)}; name the close with --column"
        )
    return index


def _close_by_name(names: Sequence[str], possible: Sequence[bool], name: str) -> int:
    """Go by the names of columns of numbers; where those do not settle it, by all, for the message."""
    try:
        candidates = [each if able else "" for each, able in zip(names, possible, strict=True)]
        return close_by_name(_header(candidates), possible, name)[0]
    except LayoutError:
        try:
            return close_by_name(_header(names), possible, name)[0]
        except LayoutError as error:
            # there are no lines here
            raise LayoutError(str(error).replace(f"{name}, line 0: ", f"{name}: ", 1)) from None


def _header(names: Sequence[str]) -> Body:
    return Body(
        names=tuple(names),
        labels=(),
        header_line=0,
        records=[],
        fields=len(names),
        start=0,
        line=0,
        preamble=(),
        under_header=(),
    )


def _holds_numbers(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return _holds_numbers(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _holds_numbers(kind.value_type)
    tests = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_null,
    )
    return any(test(kind) for test in tests)


def _shown_type(kind: pa.DataType) -> str:
    text = " ".join(str(kind).split())
    return text if len(text) <= len("timestamp[ns, tz=America/New_York]") else str(kind).partition("<")[0]
