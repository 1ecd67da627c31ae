"""Formats of inputs by their first bytes, and what it takes to read them; compressed ones are in `decoders`."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from streamsig.sources.decoders import DECODERS, compression_of

if TYPE_CHECKING:
    from collections.abc import Iterable

PARQUET = "parquet"
ARROW_FILE = "arrow file"
ARROW_STREAM = "arrow stream"

ZIP_MAGIC, EMPTY_ZIP_MAGIC = b"PK\x03\x04", b"PK\x05\x06"
FILE_MAGIC = b"ARROW1\0\0"
CONTINUATION = b"\xff\xff\xff\xff"
PREFIX_BYTES = 8
_PARQUET_MAGIC = b"PAR1"
ENCRYPTED_MAGIC = b"PARE"
DECRYPT = "write it without encryption, with a program that has its keys, and give that file"
"""What to do about an encrypted file."""

_MAX_SCHEMA_BYTES = 1 << 28

HEAD_BYTES = 18
"""As many first bytes suffice: the longest header of a zstd frame."""


def columnar_format(first: bytes) -> str | None:
    """Return the format of an input by its first 8 bytes: `PARQUET`, `ARROW_FILE`, `ARROW_STREAM`, else `None`."""
    if first.startswith(_PARQUET_MAGIC):
        return PARQUET
    if first.startswith(FILE_MAGIC):
        return ARROW_FILE
    schema_bytes = int.from_bytes(first[4:PREFIX_BYTES], "little")
    if first.startswith(CONTINUATION) and 0 < schema_bytes < _MAX_SCHEMA_BYTES and schema_bytes % 8 == 0:
        return ARROW_STREAM
    return None


class Storage(NamedTuple):
    """What it takes to read an input: the kind of its data, pyarrow, memory.

    `unpack_bytes` is the memory of its decompressor; an `archive` holds several texts.
    """

    text: bool = False
    columnar: bool = False
    by_pyarrow: bool = False
    unpack_bytes: int = 0
    archive: bool = False

    def join(self, other: Storage) -> Storage:
        """Return what it takes to read either."""
        return Storage(*map(max, self, other))  # type: ignore[arg-type]  # each of its own type


def storage_of_all(paths: Iterable[object]) -> Storage:
    """Return what it takes to read any of these paths and frames, as far as that is known before they are opened.

    What is not a regular file takes at least what text does.
    """
    joined = Storage()
    for path in paths:
        storage = Storage(text=True) if isinstance(path, str) else Storage(columnar=True, by_pyarrow=True)
        if isinstance(path, str) and os.path.isfile(path):  # noqa: PTH113 (names stay as given)
            # what cannot be opened is reported when its turn comes
            with contextlib.suppress(OSError), open(path, "rb") as file:  # noqa: PTH123 (as above)
                first = file.read(HEAD_BYTES)
                storage = storage_of(first, compression_of(first))._replace(archive=first.startswith(ZIP_MAGIC))
        joined = joined.join(storage)
    return joined


def storage_of(first: bytes, compression: str | None) -> Storage:
    """Return what it takes to read an input with these first bytes, `HEAD_BYTES` or all there are."""
    if columnar_format(first) is not None:
        return Storage(columnar=True, by_pyarrow=True)
    if compression is None:
        return Storage(text=True)
    decoder = DECODERS[compression]
    return Storage(text=True, by_pyarrow=decoder.by_pyarrow, unpack_bytes=decoder.memory_bytes(first))
