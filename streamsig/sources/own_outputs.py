"""Files that streamsig wrote, recognised by their first bytes."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from streamsig.errors import StreamsigError
from streamsig.sources.decoders import compression_of
from streamsig.sources.formats import ARROW_STREAM, PARQUET, columnar_format
from streamsig.sources.raw_input import open_raw
from streamsig.sources.text_source import TextSource

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS = "rows that streamsig wrote"
_REJECTS = ["file", "line", "column", "reason", "row"]
_COLUMNS = re.compile(
    r"row\t(?:.*\t)?close(?:\t([^\t]+)_fast(?:_[0-9]+)?\t\1_slow(?:_[0-9]+)?\t\1(?:_[0-9]+)?)+", re.DOTALL
)
"""Columns, with tabs between them: row, time, keys, close, and three for each signal."""
_OTHERS = {
    rb'\{\s*"version": "[^\n]*",\s*"(?:rows_processed|status)": ': "metrics that streamsig wrote",
    rb'\{"ts": "[^"]*", "level": "[A-Z]+", "event": ': "a log of streamsig",
    rb'\{"streamsig_checkpoint": ': "a checkpoint of streamsig",
    rf"{','.join(_REJECTS)}\r?\n".encode(): "rejected rows that streamsig wrote",
}
"""The first bytes of other files that streamsig writes, none of which has closes, and what they are."""


def written_by_streamsig(path: str, head: bytes) -> str | None:
    """Return what streamsig wrote in a file with these first bytes, `None` where it did not write it."""
    if columnar_format(head) is not None:
        return ROWS if _are_rows(_columns_of(path, head)) else None
    if compression_of(head) in {"gzip", "zstd"}:
        head = _unpacked(path, len(head))
    names = next(csv.reader(head.decode("utf-8", "replace").splitlines(keepends=True)[:1], strict=False), [])
    if _are_rows(names):
        return ROWS
    return next((what for beginning, what in _OTHERS.items() if re.match(beginning, head)), None)


def _are_rows(names: Sequence[str]) -> bool:
    return _COLUMNS.fullmatch("\t".join(names)) is not None


def _unpacked(path: str, size: int) -> bytes:
    try:
        with open_raw(path) as raw:
            return TextSource(raw).read_sample(size)[0]
    except StreamsigError:
        return b""


def _columns_of(path: str, head: bytes) -> list[str]:
    """Return the names of the columns of a Parquet or Arrow file, none of a damaged one."""
    # the run takes pyarrow for such a file, too
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    stored = columnar_format(head)
    try:
        if stored == PARQUET:
            return [*map(str, parquet.read_schema(path).names)]
        with pa.OSFile(path) as source:
            reader = pa.ipc.open_stream(source) if stored == ARROW_STREAM else pa.ipc.open_file(source)
            return [*map(str, reader.schema.names)]
    except (pa.ArrowException, OSError):
        return []
