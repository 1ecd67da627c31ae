"""What it takes to read an input as it is stored, told by its first bytes."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from streamsig.sources.archives import MAGIC
from streamsig.sources.formats import columnar_format
from streamsig.sources.streams import compression_of

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD_BYTES = 18
"""As many first bytes tell: the longest header of a zstd frame."""

_UNPACK_BYTES = {"gzip": 1 << 20, "bz2": 8 << 20, "lz4": 16 << 20, "xz": 10 << 20, "zstd": 1 << 20}
_MIN_WINDOW_LOG, _FIELD_BYTES = 10, (0, 1, 2, 4)


class Storage(NamedTuple):
    """What reading an input takes.

    It is text or columnar, for pyarrow to read or not, a decompressor keeps so many bytes of it, and an archive holds
    several.
    """

    text: bool = False
    columnar: bool = False
    by_pyarrow: bool = False
    unpack_bytes: int = 0
    archive: bool = False

    def join(self, other: Storage) -> Storage:
        """Return what it takes to read either."""
        return Storage(
            self.text or other.text,
            self.columnar or other.columnar,
            self.by_pyarrow or other.by_pyarrow,
            max(self.unpack_bytes, other.unpack_bytes),
            self.archive or other.archive,
        )


def storage_of_all(paths: Iterable[object]) -> Storage:
    """Tell what it takes to read any of these inputs, as far as that is known before they are opened; frames as well.

    Of what is no regular file it takes at least what text does.
    """
    joined = Storage()
    for path in paths:
        storage = Storage(text=True) if isinstance(path, str) else Storage(columnar=True, by_pyarrow=True)
        if isinstance(path, str) and os.path.isfile(path):  # noqa: PTH113 (names stay as given)
            # what cannot be opened is told when its turn comes
            with contextlib.suppress(OSError), open(path, "rb") as file:  # noqa: PTH123 (as above)
                first = file.read(HEAD_BYTES)
                storage = storage_of(first, compression_of(first))._replace(archive=first.startswith(MAGIC))
        joined = joined.join(storage)
    return joined


def storage_of(first: bytes, compression: str | None) -> Storage:
    """Tell what it takes to read an input with these `HEAD_BYTES` first bytes, or all there are."""
    if columnar_format(first) is not None:
        return Storage(columnar=True, by_pyarrow=True)
    unpack_bytes = _UNPACK_BYTES.get(compression or "", 0)
    if compression == "zstd":
        unpack_bytes += zstd_window_bytes(first)
    return Storage(text=True, by_pyarrow=compression not in (None, "xz", "bz2"), unpack_bytes=unpack_bytes)


def zstd_window_bytes(first: bytes) -> int:
    """Return how far back a zstd frame may refer, which its decompressor keeps (RFC 8878, section 3.1.1.1.1)."""
    header = first[4:] + bytes(HEAD_BYTES)
    descriptor, rest = header[0], header[1:]
    if not descriptor & 0x20:
        window = 1 << (_MIN_WINDOW_LOG + (rest[0] >> 3))
        return window + window // 8 * (rest[0] & 7)
    # one chunk: all of the content is kept
    start, size = _FIELD_BYTES[descriptor & 3], 1 << (descriptor >> 6)
    return int.from_bytes(rest[start : start + size], "little") + (256 if size == 2 else 0)  # noqa: PLR2004 (the RFC's)
