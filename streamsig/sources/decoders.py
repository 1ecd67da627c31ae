"""Decompressors: a class for each format, chosen by the first bytes of an input."""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from streamsig.errors import UsageError

if TYPE_CHECKING:
    from streamsig.sources.raw_input import RawInput

Stream: TypeAlias = "bz2.BZ2Decompressor | lzma.LZMADecompressor | _Member"
"""What unpacks one stream; those of isal and zstd have the same interface."""

UNPACKED_BYTES, _PACKED_BYTES = 1 << 17, 1 << 18
"""Bytes of text that are unpacked, and of the input that are read, at once. The allocator reuses the memory of texts of
this length; longer ones it returns to the system each time."""

_FLAGS, _OPTIONAL, _READ_IN_PIECES = 3, 0x1E, {0, 0x04, 0x08, 0x10}
"""The byte of a gzip header with its flags, the flags of optional fields, and those with which isal reads a header that
arrives in pieces. With a CRC, or with two fields, isal 1.9.1 then takes the rest of the header for text."""

_ZSTD_HEADER_BYTES = 18
_MIN_WINDOW_LOG, _FIELD_BYTES = 10, (0, 1, 2, 4)


class Decoder(ABC):
    """Unpacks an input that begins with `magic`; takes `memory` bytes, or more where `memory_bytes` says so.

    Names of such files have the `ending`; the `command` unpacks them.
    """

    name: ClassVar[str]
    ending: ClassVar[str]
    command: ClassVar[str]
    magic: ClassVar[bytes]
    memory: ClassVar[int]
    by_pyarrow: ClassVar[bool] = False

    def __init__(self, raw: RawInput) -> None:
        self._raw = raw
        self.most_bytes: int | None = None
        """Memory that unpacking may take; formats that do not declare theirs raise UsageError for more."""
        self.errors: tuple[type[Exception], ...] = (OSError, EOFError)
        """What `read` raises for data that is damaged or cut off."""

    @abstractmethod
    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes of the text, b"" at the end; raises one of `errors`."""

    @classmethod
    def memory_bytes(cls, first: bytes) -> int:  # noqa: ARG003 (only some formats declare it)
        """Return how much memory it takes to unpack an input with these first bytes."""
        return cls.memory


class _StreamDecoder(Decoder):
    """Streams that follow each other, empty ones too; anything else after them is damage."""

    padding: ClassVar[bytes] = b""
    """Bytes that may separate two streams."""

    def __init__(self, raw: RawInput) -> None:
        super().__init__(raw)
        self._stream: Stream | None = None

    @abstractmethod
    def begin(self, first: bytes, /) -> Stream:
        """Return what unpacks the next stream, which has these `first` bytes or more."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes of the text, b"" at the end; raises one of `errors`."""
        while True:
            stream, packed = self._stream, b""
            if stream is None or stream.eof:
                packed = b"" if stream is None else stream.unused_data.lstrip(self.padding)
                # padding may be longer than what is read at once
                while not packed:
                    if not (packed := self._raw.read(_PACKED_BYTES)):
                        return b""
                    packed = packed.lstrip(self.padding)
                stream = self._stream = self.begin(packed)
            elif stream.needs_input and not (packed := self._raw.read(_PACKED_BYTES)):
                raise EOFError("the last stream has no end")
            if unpacked := stream.decompress(packed, size):
                return unpacked


class Gzip(_StreamDecoder):
    """Members of gzip, which zeros may pad."""

    name, ending, command = "gzip", ".gz", "gunzip"
    magic, memory, padding = b"\x1f\x8b", 1 << 20, b"\0"

    def begin(self, first: bytes, /) -> Stream:
        """Return what unpacks the next member: isal, or zlib where isal is missing or may misread the header."""
        try:
            from isal import igzip_lib  # noqa: PLC0415 (most inputs are not compressed)
        except ImportError:  # no wheel for this processor
            self.errors = (OSError, EOFError, zlib.error)
            return _Member()
        self.errors = (OSError, EOFError, zlib.error, cast("type[Exception]", igzip_lib.error))
        if first[_FLAGS : _FLAGS + 1] and first[_FLAGS] & _OPTIONAL in _READ_IN_PIECES:
            return cast("Stream", igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP))
        return _Member()


class _Member:
    """A member of gzip, by the standard library."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        text = self._member.decompress(self._member.unconsumed_tail + data, max_length)
        self.needs_input = len(text) < max_length
        return text


class Bz2(_StreamDecoder):
    """Streams of bz2."""

    name, ending, command = "bz2", ".bz2", "bunzip2"
    magic, memory = b"BZh", 8 << 20

    def begin(self, first: bytes, /) -> Stream:  # noqa: ARG002 (only gzip needs them)
        """Return what unpacks the next stream."""
        return bz2.BZ2Decompressor()


class Zstd(_StreamDecoder):
    """Frames of zstd, whose header says how far back they refer."""

    name, ending, command = "zstd", ".zst", "unzstd"
    magic, memory = b"\x28\xb5\x2f\xfd", 1 << 20

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

    def begin(self, first: bytes, /) -> Stream:  # noqa: ARG002 (only gzip needs them)
        """Return what unpacks the next frame."""
        if sys.version_info >= (3, 14):
            from compression import zstd  # noqa: PLC0415 (as above)
        else:
            from backports import zstd  # noqa: PLC0415 (as above)
        self.errors = (OSError, EOFError, zstd.ZstdError)
        return cast("Stream", zstd.ZstdDecompressor())


class Lz4(Decoder):
    """Frames of lz4."""

    name, ending, command = "lz4", ".lz4", "unlz4"
    magic, memory, by_pyarrow = b"\x04\x22\x4d\x18", 16 << 20, True
    _frames: Any = None

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes of the text, b"" at the end; raises one of `errors`."""
        if self._frames is None:
            import pyarrow as pa  # noqa: PLC0415 (as above)

            self._frames = pa.CompressedInputStream(pa.PythonFile(self._raw, mode="r"), self.name)
        return bytes(self._frames.read(size))


class Xz(_StreamDecoder):
    """Streams of xz, which zeros may pad; only the decompressor knows how much memory they take."""

    name, ending, command = "xz", ".xz", "unxz"
    magic, memory, padding = b"\xfd7zXZ\x00", 10 << 20, b"\0"

    def begin(self, first: bytes, /) -> Stream:  # noqa: ARG002 (only gzip needs them)
        """Return what unpacks the next stream, within `most_bytes`."""
        self.errors = (OSError, EOFError, lzma.LZMAError)
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
