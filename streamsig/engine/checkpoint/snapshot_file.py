"""A checkpoint as a file: lines of JSON, written and read one after another, the last one with a CRC of the others."""

from __future__ import annotations

import json
import os
import re
import zlib
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from streamsig import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

FORMAT = 5
_FORMAT_KEY = "streamsig_checkpoint"
_BEGINNING = re.compile(rb'\{"%b": *([0-9]{1,9})[,}]' % _FORMAT_KEY.encode())
_PEEK_BYTES, _PIECE_BYTES = 64, 1 << 20


def write(path: Path, body: Mapping[str, Any], pieces: Iterable[Mapping[str, Any]]) -> None:
    """Replace the file in one step by a body and the pieces of it that are large; raises OutputError."""
    with files.replacing(path) as file:
        crc = 0
        for document in chain([{_FORMAT_KEY: FORMAT, **body}], pieces):
            line = json.dumps(document).encode() + b"\n"
            crc = zlib.crc32(line, crc)
            file.write(line)
        file.write(b'{"crc32": %d}\n' % crc)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the body, then the pieces, in the memory of one of them; all are checked before the first is there.

    Raises OSError, and ValueError with what is wrong.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        # to open a pipe may take for ever
        raise ValueError("it is no regular file")
    with path.open("rb") as file:
        lines = _check(file)
        file.seek(0)
        for _ in range(lines):
            yield json.loads(file.readline())


def _check(file: BinaryIO) -> int:
    """Return how many lines there are before that of the CRC."""
    found = _BEGINNING.match(file.read(_PEEK_BYTES))
    if found is None:
        # and nothing of it has to fit in memory
        raise ValueError("it is damaged, or no checkpoint")
    if int(found[1]) != FORMAT:
        raise ValueError(f"it is of format {int(found[1])}, and this streamsig writes {FORMAT}")
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _PEEK_BYTES))
    last = file.read().rstrip(b"\n").rpartition(b"\n")[2] + b"\n"
    # pieces, not lines: a line of who knows what may be longer than memory
    file.seek(0)
    lines, crc, left = 0, 0, size - len(last)
    while left > 0 and (piece := file.read(min(left, _PIECE_BYTES))):
        lines, crc, left = lines + piece.count(b"\n"), zlib.crc32(piece, crc), left - len(piece)
    if last != b'{"crc32": %d}\n' % crc or not lines:
        raise ValueError("it is damaged")
    return lines
