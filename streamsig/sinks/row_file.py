"""Rows with their signals as a file: Parquet, Arrow or CSV, by the ending of its name."""

from __future__ import annotations

import contextlib
import io
import threading
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

_GROUP_BYTES = 4 << 20
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
        self._buffered_bytes = 0
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._open_writer = contextlib.ExitStack()
        self._writer: Any = None

    def write(self, item: pa.RecordBatch, /) -> None:
        """Buffer a record batch; another thread encodes and writes each group of them, one after another."""
        self._buffered.append(item)
        self._buffered_bytes += item.nbytes
        if self._buffered_bytes >= _GROUP_BYTES:
            self._start_writing()

    def abort(self) -> None:
        """Discard what was written, or leave it for a later run."""
        try:
            with contextlib.suppress(Exception):  # the file is discarded
                self._end_writing()
            with contextlib.suppress(Exception):  # as above
                self._open_writer.close()
        finally:
            super().abort()

    def _flush(self) -> None:
        self._start_writing()
        self._end_writing()
        with naming(self._path):
            self._open_writer.close()
            self._writer = None

    def _start_writing(self) -> None:
        self._end_writing()
        group, self._buffered, self._buffered_bytes = self._buffered, [], 0
        if group:
            self._thread = threading.Thread(target=self._write_group, args=(group,))
            self._thread.start()

    def _end_writing(self) -> None:
        """Wait until the thread has written its group; raise its error."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _write_group(self, group: list[pa.RecordBatch]) -> None:
        import pyarrow as pa  # noqa: PLC0415 (only runs that write rows need it)

        try:
            with naming(self._path):
                if self._writer is None:
                    opened = _open(self._output.file, self._ending, group[0].schema, has_header=not self._has_header)
                    self._writer = self._open_writer.enter_context(opened)
                    self._has_header = True
                self._writer.write_table(pa.Table.from_batches(group))
        except BaseException as error:  # noqa: BLE001 (raised by the next call)
            self._error = error


@contextlib.contextmanager
def _open(file: BinaryIO, ending: str, schema: pa.Schema, *, has_header: bool) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 (as above)

    with contextlib.ExitStack() as stack:
        sink = pa.PythonFile(_Sink(file), mode="w")
        if ending == ".parquet":
            from pyarrow import parquet  # noqa: PLC0415 (as above)

            # only keys repeat: for other columns a dictionary takes twice the time and more bytes
            keys = [field.name for field in schema if pa.types.is_string(field.type) and field.name != "time"]
            deltas = {field.name: "DELTA_BINARY_PACKED" for field in schema if pa.types.is_integer(field.type)}
            if "time" in schema.names:
                deltas["time"] = "DELTA_BYTE_ARRAY"
            writer = parquet.ParquetWriter(
                sink, schema, compression="zstd", use_dictionary=keys, column_encoding=deltas
            )
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
