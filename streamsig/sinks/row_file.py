"""Rows with their signals as a file: Parquet, Arrow or CSV, by its name."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, BinaryIO

from streamsig import files
from streamsig.errors import UsageError
from streamsig.sinks.append_file import GrowingFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

FORMATS = (".parquet", ".arrow", ".feather", ".csv", ".csv.gz", ".csv.zst")
"""Endings of names, and with them formats; .feather is .arrow."""

CONTINUED = (".csv", ".csv.gz", ".csv.zst")
"""Formats that a later run can go on with: their parts, one behind another, are a file."""

_GROUP_BYTES = 8 << 20
"""Rows are put down in groups of about so many bytes: readers skip through many small ones slowly."""


def format_of(path: Path) -> str:
    """Return which of `FORMATS` a name asks for; raises UsageError."""
    found = [ending for ending in FORMATS if path.name.lower().endswith(ending)]
    if not found:
        raise UsageError(f"--signals-out {path}: the name must end with one of {', '.join(FORMATS)}")
    return found[-1]


@contextlib.contextmanager
def writing_rows(path: Path) -> Iterator[WrittenRows]:
    """Yield what writes record batches of one schema; the file is there when the block ends well.

    Of no batch at all there is no file. Raises UsageError for a name that tells no format, and OutputError.
    """
    ending = format_of(path)
    with files.replacing(path) as file, contextlib.ExitStack() as stack:
        rows = WrittenRows(path, ending, file, stack)
        yield rows
        rows.settle()


class WrittenRows:
    """Rows on their way to a file, some at a time."""

    def __init__(self, path: Path, ending: str, file: BinaryIO, stack: contextlib.ExitStack) -> None:
        self._path, self._ending, self._file, self._stack = path, ending, file, stack
        self._waiting: list[pa.RecordBatch] = []
        self._writer: Any = None

    def __call__(self, batch: pa.RecordBatch, /) -> None:
        """Take further rows."""
        with files.naming(self._path):
            self._waiting.append(batch)
            if sum(it.nbytes for it in self._waiting) >= _GROUP_BYTES:
                self._flush()

    def settle(self) -> None:
        """Write all that is to be there, the end of the format included; takes no rows after that."""
        with files.naming(self._path):
            self._flush()
            self._stack.close()
            files.settle(self._file)

    def _flush(self) -> None:
        if self._waiting:
            if self._writer is None:
                self._writer = self._stack.enter_context(_open(self._file, self._ending, self._waiting[0].schema))
            _put_down(self._waiting, self._writer)


@contextlib.contextmanager
def continuing_rows(path: Path) -> Iterator[ContinuedRows]:
    """Yield what writes record batches behind those of earlier runs; they join the file when the block ends well.

    Otherwise they are kept for the next run. Raises UsageError for a format that cannot be continued, and OutputError.
    """
    ending = format_of(path)
    if ending not in CONTINUED:
        raise UsageError(
            f"--signals-out {path}: a file of this format cannot go on from a checkpoint, as its end is written last;"
            f" take {', '.join(CONTINUED)}, or leave out --checkpoint"
        )
    with contextlib.closing(ContinuedRows(path, ending)) as rows:
        yield rows
        rows.join()


class ContinuedRows:
    """Rows of which a later run may write the rest: CSV, in pieces that are each whole."""

    def __init__(self, path: Path, ending: str) -> None:
        self._path, self._ending, self._file = path, ending, GrowingFile(path)
        self._waiting: list[pa.RecordBatch] = []

    def begin(self, kept: Mapping[str, Any] | None) -> None:
        """Go on behind what `keep` returned in an earlier run, or begin anew; raises ValueError, OutputError."""
        self._file.begin(kept)

    def __call__(self, batch: pa.RecordBatch, /) -> None:
        """Take further rows."""
        self._waiting.append(batch)

    def mark(self) -> int:
        """Write the rows that were taken; return where they end."""
        if self._waiting:
            with files.naming(self._path):
                has_header = not self._file.size_bytes
                with _open(self._file.file, self._ending, self._waiting[0].schema, has_header=has_header) as writer:
                    _put_down(self._waiting, writer)
        return self._file.size_bytes

    def keep(self, mark: int) -> dict[str, Any]:
        """Make the rows before a mark outlive the program; return what `begin` takes."""
        return self._file.keep(mark)

    def settle(self) -> None:
        """Write all rows."""
        self.mark()
        self._file.settle()

    def join(self) -> None:
        """Let all rows take their place in the file."""
        self.mark()
        self._file.join()

    def close(self) -> None:
        """Leave what is written for a later run."""
        self._file.close()


def _put_down(waiting: list[pa.RecordBatch], writer: Any) -> None:  # noqa: ANN401 (pyarrow has no types)
    import pyarrow as pa  # noqa: PLC0415 (only runs that write rows need it)

    writer.write_table(pa.Table.from_batches(waiting))
    waiting.clear()


@contextlib.contextmanager
def _open(file: BinaryIO, ending: str, schema: pa.Schema, *, has_header: bool = True) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 (as above)

    with contextlib.ExitStack() as stack:
        sink = pa.PythonFile(_Sink(file), mode="w")
        if ending == ".parquet":
            from pyarrow import parquet  # noqa: PLC0415 (as above)

            # only keys repeat: for the others a dictionary takes twice the time, and more bytes
            keys = [field.name for field in schema if pa.types.is_string(field.type) and field.name != "time"]
            writer = parquet.ParquetWriter(sink, schema, compression="zstd", use_dictionary=keys)
            yield stack.enter_context(writer)
        elif ending in {".arrow", ".feather"}:
            yield stack.enter_context(pa.ipc.new_file(sink, schema))
        else:
            codec = {".csv.gz": "gzip", ".csv.zst": "zstd"}.get(ending)
            out = stack.enter_context(pa.CompressedOutputStream(sink, codec)) if codec else sink
            yield _CsvWriter(out, schema, stack, has_header=has_header)


class _Sink:
    """A file for pyarrow to write to, which it may close without the file being closed."""

    def __init__(self, file: BinaryIO) -> None:
        self.write, self.flush, self.tell, self.closed = file.write, file.flush, file.tell, False

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


class _CsvWriter:
    """Writes closes with as many decimals as they need, in digits."""

    def __init__(
        self,
        sink: Any,  # noqa: ANN401 (pyarrow has no types)
        schema: pa.Schema,
        stack: contextlib.ExitStack,
        *,
        has_header: bool,
    ) -> None:
        import pyarrow as pa  # noqa: PLC0415 (as above)
        from pyarrow import csv  # noqa: PLC0415 (as above)

        self._close = schema.get_field_index("close")
        self._schema = schema.set(self._close, pa.field("close", pa.string()))
        options = csv.WriteOptions(include_header=has_header, quoting_style="needed")
        self._writer = stack.enter_context(csv.CSVWriter(sink, self._schema, write_options=options))

    def write_table(self, table: pa.Table) -> None:
        closes = _digits(table.column(self._close))
        self._writer.write_table(table.set_column(self._close, self._schema.field(self._close), closes))


def _digits(closes: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415 (as above)
    import pyarrow.compute as pc  # noqa: PLC0415 (as above)

    texts = pc.ascii_rtrim(pc.ascii_rtrim(closes.cast(pa.string()), "0"), ".")
    scientific = pc.fill_null(pc.match_substring(texts, "E"), fill_value=False)
    if not pc.any(scientific).as_py():
        return texts
    plain = [None if it is None else format(it, "f").rstrip("0").rstrip(".") for it in closes.to_pylist()]
    return pc.if_else(scientific, pa.array(plain, pa.string()), texts)
