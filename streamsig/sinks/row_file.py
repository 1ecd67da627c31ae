"""Rows with their signals as a file: Parquet, Arrow or CSV, by the ending of its name."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any, BinaryIO

from streamsig.errors import UsageError
from streamsig.os_errors import naming
from streamsig.sinks.file_sink import FileSink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

FORMATS = (".parquet", ".arrow", ".feather", ".csv", ".csv.gz", ".csv.zst")
"""The formats, by the ending of the name; .feather is .arrow."""

APPENDABLE = (".csv", ".csv.gz", ".csv.zst")
"""Formats whose concatenated files are a file of the format."""

_GROUP_BYTES = 8 << 20
"""Rows are written in groups of about this size: many small groups are slow to skip."""


def format_of(path: Path) -> str:
    """Return which of `FORMATS` a path has; raises UsageError."""
    endings = [ending for ending in FORMATS if path.name.lower().endswith(ending)]
    if not endings:
        raise UsageError(f"{path}: the name of a file of rows must end with one of {', '.join(FORMATS)}")
    return endings[-1]


class RowFile(FileSink["pa.RecordBatch"]):
    """The sink of record batches of one schema. With `appends`, the bytes between two snapshots are a whole file.

    Raises UsageError for a name without a format, or a format that cannot be appended to.
    """

    def __init__(self, path: Path, *, appends: bool = False) -> None:
        self._ending = format_of(path)
        if appends and self._ending not in APPENDABLE:
            raise UsageError(
                f"{path}: a file of this format cannot resume from a checkpoint, as its end is written"
                f" last; take {', '.join(APPENDABLE)}, or leave out `checkpoint`"
            )
        super().__init__(path, appends=appends)
        self._buffered: list[pa.RecordBatch] = []
        self._open_writer = contextlib.ExitStack()
        self._writer: Any = None

    def write(self, item: pa.RecordBatch, /) -> None:
        """Write a record batch, or buffer it."""
        self._buffered.append(item)
        if sum(it.nbytes for it in self._buffered) >= _GROUP_BYTES:
            with naming(self._path):
                self._write_buffered()

    def abort(self) -> None:
        """Discard what was written, or leave it for a later run."""
        try:
            with contextlib.suppress(Exception):  # the file is discarded
                self._open_writer.close()
        finally:
            super().abort()

    def _flush(self) -> None:
        with naming(self._path):
            self._write_buffered()
            self._open_writer.close()
            self._writer = None

    def _write_buffered(self) -> None:
        if not self._buffered:
            return
        import pyarrow as pa  # noqa: PLC0415 (only runs that write rows need it)

        if self._writer is None:
            opened = _open(self._output.file, self._ending, self._buffered[0].schema, has_header=not self._has_header)
            self._writer = self._open_writer.enter_context(opened)
            self._has_header = True
        self._writer.write_table(pa.Table.from_batches(self._buffered))
        self._buffered.clear()


@contextlib.contextmanager
def _open(file: BinaryIO, ending: str, schema: pa.Schema, *, has_header: bool) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 (as above)

    with contextlib.ExitStack() as stack:
        sink = pa.PythonFile(_Sink(file), mode="w")
        if ending == ".parquet":
            from pyarrow import parquet  # noqa: PLC0415 (as above)

            # only keys repeat: for other columns a dictionary takes twice the time and more bytes
            keys = [field.name for field in schema if pa.types.is_string(field.type) and field.name != "time"]
            writer = parquet.ParquetWriter(sink, schema, compression="zstd", use_dictionary=keys)
            yield stack.enter_context(writer)
        elif ending in {".arrow", ".feather"}:
            yield stack.enter_context(pa.ipc.new_file(sink, schema))
        else:
            codec = {".csv.gz": "gzip", ".csv.zst": "zstd"}.get(ending)
            out = stack.enter_context(pa.CompressedOutputStream(sink, codec)) if codec else sink
            yield _CsvWriter(out, schema, stack, has_header=has_header)


class _Sink(io.RawIOBase):
    """A file for pyarrow, which stays open when pyarrow closes it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, some: Any, /) -> int:  # noqa: ANN401 (a buffer)
        return self._file.write(some)

    def tell(self) -> int:
        return self._file.tell()


class _CsvWriter:
    """Writes closes in plain decimal notation, without trailing zeros."""

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
