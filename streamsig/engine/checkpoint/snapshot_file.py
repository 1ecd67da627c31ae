"""The file format of a checkpoint: lines of JSON, of which the last has a CRC of the others."""

from __future__ import annotations

import json
import os
import re
import zlib
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from streamsig import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FORMAT = 8
_FORMAT_KEY = "streamsig_checkpoint"
_BEGINNING = re.compile(rb'\{"%b": *([0-9]{1,9})[,}]' % _FORMAT_KEY.encode())
_PEEK_BYTES, _PIECE_BYTES = 64, 1 << 20


def write(path: Path, documents: Iterable[object]) -> None:
    """Replace the file in one step by documents, each a value for JSON; raises OutputError."""
    with files.replacing(path) as file:
        crc = 0
        for document in chain([{_FORMAT_KEY: FORMAT}], documents):
            line = json.dumps(document).encode() + b"\n"
            crc = zlib.crc32(line, crc)
            file.write(line)
        file.write(b'{"crc32": %d}\n' % crc)


def read(path: Path) -> Iterator[object]:
    """Yield the documents, with one of them in memory; the CRC is checked before the first.

    Raises OSError, and ValueError with what is wrong.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        # opening a pipe may block
        raise ValueError("it is not a regular file")
    with path.open("rb") as file:
        lines = _check(file)
        file.seek(0)
        file.readline()
        for _ in range(lines - 1):
            yield json.loads(file.readline())


def _check(file: BinaryIO) -> int:
    """Return the number of lines before the CRC; raises ValueError."""
    match = _BEGINNING.match(file.read(_PEEK_BYTES))
    if match is None:
        raise ValueError("it is damaged, or no checkpoint")
    if int(match[1]) != FORMAT:
        raise ValueError(f"it is of format {int(match[1])}, and this streamsig writes {FORMAT}")
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _PEEK_BYTES))
    last = file.read().rstrip(b"\n").rpartition(b"\n")[2] + b"\n"
    # by pieces: a line of a damaged file may be larger than memory
    file.seek(0)
    lines, crc, left = 0, 0, size - len(last)
    while left > 0 and (piece := file.read(min(left, _PIECE_BYTES))):
        lines, crc, left = lines + piece.count(b"\n"), zlib.crc32(piece, crc), left - len(piece)
    if last != b'{"crc32": %d}\n' % crc or not lines:
        raise ValueError("it is damaged")
    return lines
