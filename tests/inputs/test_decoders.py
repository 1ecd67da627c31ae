"""Decompressors: streams that follow each other, what may stand between them, and damage."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import sys
import zlib
from typing import TYPE_CHECKING

import pytest

from streamsig.errors import SourceError
from streamsig.sources.raw_input import RawInput
from streamsig.sources.text_source import TextSource
from tests.support.workdir import PACKERS

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = b"close\n" + b"".join(b"%d.%d\n" % (row, row % 7) for row in range(60_000))
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
"""A frame of zstd without text."""


def read(packed: bytes) -> bytes:
    """Return the text of an input, read in pieces of odd sizes; raises SourceError."""
    source, view, text = TextSource(RawInput(io.BytesIO(packed), "a", len(packed))), memoryview(bytearray(40_961)), b""
    while count := source.readinto(view):
        text += view[:count]
    return text


def block(text: bytes) -> bytes:
    """Return a member of gzip as bgzip writes it, with its size in the header."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = packer.compress(text) + packer.flush()
    head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(body) + 25)
    return head + body + struct.pack("<II", zlib.crc32(text), len(text))


@pytest.fixture(params=["isal", "zlib"])
def _gzip_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read gzip with isal, and with zlib where isal is not installed."""
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    else:
        pytest.importorskip("isal")


@pytest.mark.usefixtures("_gzip_by")
@pytest.mark.parametrize("end", [b"", bytes(1000), block(b"")], ids=["nothing", "zeros", "an empty member"])
@pytest.mark.parametrize("size", [100, 65_280])
def test_members_of_gzip(size: int, end: bytes) -> None:
    """Members of gzip are one text, with zeros or empty members after it."""
    members = b"".join(block(TEXT[start : start + size]) for start in range(0, 40 * size, size))
    assert read(members + end) == TEXT[: 40 * size]
    assert read(gzip.compress(b"") + gzip.compress(TEXT) + end) == TEXT


@pytest.mark.usefixtures("_gzip_by")
@pytest.mark.parametrize("place", [3, 200, 30_000, -8, -1])
def test_damaged_gzip(place: int) -> None:
    """A changed byte in the header, text, CRC or size of a member is damage, and so is text after the last member."""
    packed = bytearray(gzip.compress(TEXT))
    for damaged in (packed + b"more", packed[:place], packed[:-1]):
        with pytest.raises(SourceError, match=r"^a: the gzip data is damaged or cut off after [0-9,]+ bytes \("):
            read(bytes(damaged))
    packed[place] ^= 0x15
    with pytest.raises(SourceError, match=r"^a: the gzip data is damaged or cut off after [0-9,]+ bytes \("):
        read(bytes(packed))


@pytest.mark.usefixtures("_gzip_by")
@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
@pytest.mark.parametrize("end", [b"", b"more"])
def test_long_padding(pack: Callable[[bytes], bytes], end: bytes) -> None:
    """Zeros that take several reads do not end the text: a stream after them is read, and anything else is damage."""
    packed = pack(TEXT[:1000]) + bytes(1 << 20) + pack(TEXT[1000:9000]) + bytes(1 << 20)
    if not end:
        assert read(packed) == TEXT[:9000]
        return
    with pytest.raises(SourceError, match=r"data is damaged or cut off after"):
        read(packed + end)


@pytest.mark.usefixtures("_gzip_by")
@pytest.mark.parametrize("flags", range(0, 32, 2))
def test_headers_of_gzip(flags: int) -> None:
    """A header may have a CRC, a further field, a name and a comment, and may be read in pieces."""
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(5) + b"\xff"
    head += b"\x06\0SZ\x02\0\1\2" if flags & 4 else b""
    head += b"prices-2024.csv\0" if flags & 8 else b""
    head += b"end of day\0" if flags & 16 else b""
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF) if flags & 2 else b""
    assert read((head + gzip.compress(TEXT[:9000])[10:]) * 2) == TEXT[:9000] * 2


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress, PACKERS["zstd"], PACKERS["lz4"]])
def test_streams_follow_each_other(pack: Callable[[bytes], bytes]) -> None:
    """Streams of each format are one text; other bytes after them are damage."""
    packed = pack(TEXT[:1000]) + pack(TEXT[1000:])
    assert read(packed) == TEXT
    for damaged in (packed + b"more", packed[:-9]):
        with pytest.raises(SourceError, match=r"data is damaged or cut off after"):
            read(damaged)


def test_skippable_frames_of_zstd() -> None:
    """Frames of zstd without text are skipped."""
    pack = PACKERS["zstd"]
    assert read(pack(TEXT[:1000]) + SKIPPABLE + pack(TEXT[1000:]) + SKIPPABLE) == TEXT
