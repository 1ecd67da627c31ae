"""Rows with their signals as a file: Parquet, Arrow or CSV, by its name."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, BinaryIO

from streamsig import files
from streamsig.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

FORMATS = (".parquet", ".arrow", ".feather", ".csv", ".csv.gz", ".csv.zst")
"""Endings of names, and with them formats; .feather is .arrow."""

_GROUP_BYTES = 8 << 20
"""Rows are put down in groups of about so many bytes: readers skip through many small ones slowly."""


def format_of(path: Path) -> str:
    """Return which of `FORMATS` a name asks for; raises UsageError."""
    found = [ending for ending in FORMATS if path.name.lower().endswith(ending)]
    if not found:
        raise UsageError(f"--signals-out {path}: the name must end with one of {', '.join(FORMATS)}")
    return found[-1]


@contextlib.contextmanager
def writing_rows(path: Path) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Yield what writes record batches of one schema; the file is there when the block ends well.

    Of no batch at all there is no file. Raises UsageError for a name that tells no format, and OutputError.
    """
    ending = format_of(path)
    with files.replacing(path) as file, contextlib.ExitStack() as stack:
        waiting: list[pa.RecordBatch] = []
        writer: Any = None

        def flush() -> None:
            nonlocal writer
            import pyarrow as pa  # noqa: PLC0415 (only runs that write rows need it)

            if waiting:
                writer = writer or stack.enter_context(_open(file, ending, waiting[0].schema))
                writer.write_table(pa.Table.from_batches(waiting))
                waiting.clear()

        def write(batch: pa.RecordBatch) -> None:
            with files.naming(path):
                waiting.append(batch)
                if sum(it.nbytes for it in waiting) >= _GROUP_BYTES:
                    flush()

        yield write
        with files.naming(path):
            flush()
            stack.close()


@contextlib.contextmanager
def _open(file: BinaryIO, ending: str, schema: pa.Schema) -> Iterator[Any]:
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
            yield _CsvWriter(out, schema, stack)


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

    def __init__(self, sink: Any, schema: pa.Schema, stack: contextlib.ExitStack) -> None:  # noqa: ANN401 (pyarrow has no types)
        import pyarrow as pa  # noqa: PLC0415 (as above)
        from pyarrow import csv  # noqa: PLC0415 (as above)

        self._close = schema.get_field_index("close")
        self._schema = schema.set(self._close, pa.field("close", pa.string()))
        self._writer = stack.enter_context(
            csv.CSVWriter(sink, self._schema, write_options=csv.WriteOptions(quoting_style="needed"))
        )

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
