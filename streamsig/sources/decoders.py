"""Decompressors: a class for each format, chosen by the first bytes of an input."""

from __future__ import annotations

import bz2
import lzma
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from streamsig.errors import UsageError

if TYPE_CHECKING:
    from streamsig.sources.raw_input import RawInput

READ_BYTES = 1 << 20
ERRORS = (OSError, EOFError, lzma.LZMAError)
"""What `read` raises for data that is damaged or cut off."""

_ZSTD_HEADER_BYTES = 18
_MIN_WINDOW_LOG, _FIELD_BYTES = 10, (0, 1, 2, 4)


class Decoder(ABC):
    """Unpacks an input that begins with `magic`; takes `memory` bytes, or more where `memory_bytes` says so."""

    name: ClassVar[str]
    magic: ClassVar[bytes]
    memory: ClassVar[int]
    by_pyarrow: ClassVar[bool]

    def __init__(self, raw: RawInput) -> None:
        self._raw = raw
        self.most_bytes: int | None = None
        """Memory that unpacking may take; formats that do not declare theirs raise UsageError for more."""

    @abstractmethod
    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes of the text, b"" at the end; raises one of `ERRORS`."""

    @classmethod
    def memory_bytes(cls, first: bytes) -> int:  # noqa: ARG003 (only some formats declare it)
        """Return how much memory it takes to unpack an input with these first bytes."""
        return cls.memory


class _ArrowDecoder(Decoder):
    by_pyarrow = True

    def __init__(self, raw: RawInput) -> None:
        super().__init__(raw)
        # most inputs are not compressed, and it takes long to import
        import pyarrow as pa  # noqa: PLC0415

        self._stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), self.name)

    def read(self, size: int, /) -> bytes:
        return bytes(self._stream.read(size))


class Gzip(_ArrowDecoder):
    """gzip, one member after another."""

    name, magic, memory = "gzip", b"\x1f\x8b", 1 << 20


class Lz4(_ArrowDecoder):
    """Frames of lz4."""

    name, magic, memory = "lz4", b"\x04\x22\x4d\x18", 16 << 20


class Zstd(_ArrowDecoder):
    """Frames of zstd, whose header says how far back they refer."""

    name, magic, memory = "zstd", b"\x28\xb5\x2f\xfd", 1 << 20

    @classmethod
    def memory_bytes(cls, first: bytes) -> int:
        """Return the memory of the decompressor, and of its window (RFC 8878, section 3.1.1.1.1)."""
        header = first[4:] + bytes(_ZSTD_HEADER_BYTES)
        descriptor, rest = header[0], header[1:]
        if not descriptor & 0x20:
            window = 1 << (_MIN_WINDOW_LOG + (rest[0] >> 3))
            return cls.memory + window + window // 8 * (rest[0] & 7)
        # one segment: the window is all of the content
        start, size = _FIELD_BYTES[descriptor & 3], 1 << (descriptor >> 6)
        content_bytes = int.from_bytes(rest[start : start + size], "little")
        return cls.memory + content_bytes + (256 if size == 2 else 0)  # noqa: PLR2004 (the RFC's)


class _StreamDecoder(Decoder):
    """Streams of the standard library that follow each other, empty ones too; anything else after them is damage.

    pyarrow ends at an empty stream of bz2, and has no xz.
    """

    by_pyarrow = False
    padding: ClassVar[bytes] = b""
    """Bytes that may separate two streams."""

    def __init__(self, raw: RawInput) -> None:
        super().__init__(raw)
        self._stream: lzma.LZMADecompressor | bz2.BZ2Decompressor | None = None

    @abstractmethod
    def begin(self) -> lzma.LZMADecompressor | bz2.BZ2Decompressor:
        """Return what unpacks the next stream."""

    def read(self, size: int, /) -> bytes:
        if self._stream is None:
            self._stream = self.begin()
        while True:
            packed = b""
            if self._stream.eof:
                rest = self._stream.unused_data.lstrip(self.padding)
                packed = rest or self._raw.read(READ_BYTES).lstrip(self.padding)
                if not packed:
                    return b""
                self._stream = self.begin()
            elif self._stream.needs_input and not (packed := self._raw.read(READ_BYTES)):
                raise EOFError("the last stream has no end")
            if unpacked := self._stream.decompress(packed, size):
                return unpacked


class Bz2(_StreamDecoder):
    """Streams of bz2."""

    name, magic, memory = "bz2", b"BZh", 8 << 20

    def begin(self) -> bz2.BZ2Decompressor:
        """Return what unpacks the next stream."""
        return bz2.BZ2Decompressor()


class Xz(_StreamDecoder):
    """Streams of xz, which zeros may pad; only the decompressor knows how much memory they take."""

    name, magic, memory = "xz", b"\xfd7zXZ\x00", 10 << 20
    padding = b"\0"

    def begin(self) -> lzma.LZMADecompressor:
        """Return what unpacks the next stream, within `most_bytes`."""
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, self.most_bytes)

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; raises UsageError where that takes more than `most_bytes`."""
        try:
            return super().read(size)
        except lzma.LZMAError as error:
            if self.most_bytes is None or "emory" not in str(error):
                raise
            raise UsageError(
                f"{self._raw.name}: its dictionary takes more than the {self.most_bytes >> 20} MiB that `memory_limit`"
                " leaves for unpacking; raise it, or unpack with xz -dc and pipe the text in"
            ) from error


DECODERS = {decoder.name: decoder for decoder in (Gzip, Bz2, Zstd, Lz4, Xz)}
"""Every decoder by its name."""


def compression_of(first: bytes) -> str | None:
    """Return the name of the decoder of an input with these first bytes, `None` where it is not compressed."""
    # a file may be cut off within its magic; what is printable ASCII is text
    cut = not (first.isascii() and first.decode("ascii").isprintable())
    matches = (
        name for name, it in DECODERS.items() if first.startswith(it.magic) or (cut and it.magic.startswith(first))
    )
    return next(matches, None)
