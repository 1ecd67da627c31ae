"""The text of an input, unpacked and decoded while it is read."""

from __future__ import annotations

import codecs
import zlib
from typing import TYPE_CHECKING

from streamsig.errors import LayoutError, SourceError
from streamsig.sources.decoders import DECODERS, UNPACKED_BYTES, compression_of

if TYPE_CHECKING:
    from streamsig.sources.raw_input import RawInput

_READ_BYTES = 1 << 20


class TextSource:
    """The text of an input as UTF-8 without a byte order mark, to be read once from start to end.

    `warning` is what a person should know about its origin, if anything. `ahead_bytes` are sampled and not consumed;
    with `is_in_memory` they are all that was left.
    """

    def __init__(self, raw: RawInput, warning: str | None = None) -> None:
        self.raw, self.warning = raw, warning
        self.name, self.size_bytes = raw.name, raw.size_bytes
        self.compression = compression_of(raw.peek())
        self.encoding, self.mark_bytes = "utf-8", 0
        self.is_in_memory = False
        self._ahead = memoryview(b"")
        self._codec: codecs.IncrementalDecoder | None = None
        self._decoder = None if self.compression is None else DECODERS[self.compression](raw)

    @property
    def consumed_bytes(self) -> int:
        """Bytes of the input, as stored, read so far; compare with `size_bytes`."""
        return self.raw.consumed_bytes

    @property
    def ahead_bytes(self) -> int:
        """The number of bytes of text that were sampled and not consumed."""
        return len(self._ahead)

    @property
    def is_plain(self) -> bool:
        """Whether the text is a regular file's bytes as they are, after a mark of `mark_bytes`."""
        return self.raw.is_file and self.compression is None and self.encoding == "utf-8"

    def read_sample(self, size: int) -> tuple[bytes, bool]:
        """Return up to `size` first bytes without consuming them, and whether that is the whole text."""
        sample = bytearray()
        # a small file takes a small buffer
        most = size if self.size_bytes is None or self.compression else min(size, self.size_bytes + 1)
        while len(sample) < size:
            piece = bytearray(min(size - len(sample), most))
            count = self.readinto(memoryview(piece))
            if not count:
                break
            sample += memoryview(piece)[:count]
        self.is_in_memory = len(sample) < size
        self.push_back(bytes(sample))
        return bytes(sample), self.is_in_memory

    def push_back(self, text: bytes) -> None:
        """Let these bytes be read next."""
        self._ahead = memoryview(text + bytes(self._ahead))

    def discard(self, size: int) -> None:
        """Leave out the next `size` bytes of those that `read_sample` returned."""
        self._ahead = self._ahead[size:]

    def skip(self, size: int) -> tuple[int, int]:
        """Leave out the next `size` bytes; return how many there were, and the CRC-32 of those that had to be read."""
        ahead, self._ahead = self._ahead[:size], self._ahead[size:]
        crc, left = zlib.crc32(ahead), size - len(ahead)
        if self.is_plain:
            self.raw.skip(left)
            return size, crc
        scratch = memoryview(bytearray(_READ_BYTES))
        while left and (count := self.readinto(scratch[: min(left, len(scratch))])):
            crc, left = zlib.crc32(scratch[:count], crc), left - count
        return size - left, crc

    def decode(self, encoding: str, skip_bytes: int) -> None:
        """Leave out a mark of `skip_bytes` at the start, and turn all that follows from `encoding` into UTF-8."""
        self._ahead = self._ahead[skip_bytes:]
        self.encoding, self.mark_bytes = encoding, skip_bytes
        if encoding != "utf-8":
            self._codec = codecs.getincrementaldecoder(encoding)("replace")
            self._ahead = memoryview(self._decoded(bytes(self._ahead), final=False))

    def readinto(self, view: memoryview) -> int:
        """Fill the start of `view`; return the number of bytes, 0 only at the end.

        Raises SourceError for input that is damaged, cut off or not readable, LayoutError for text that is
        not in its encoding.
        """
        while not self._ahead:
            if self._codec is None:
                return self._fill(view)
            encoded = bytearray(_READ_BYTES)
            count = self._fill(memoryview(encoded))
            text = self._decoded(bytes(encoded[:count]), final=not count)
            if not count and not text:
                return 0
            self._ahead = memoryview(text)
        count = min(len(view), len(self._ahead))
        view[:count] = self._ahead[:count]
        self._ahead = self._ahead[count:]
        return count

    def limit_unpacking(self, size_bytes: int) -> None:
        """Let reading raise UsageError where unpacking takes more memory than this."""
        if self._decoder is not None:
            self._decoder.most_bytes = size_bytes

    def _decoded(self, encoded: bytes, *, final: bool) -> bytes:
        try:
            return encoded if self._codec is None else self._codec.decode(encoded, final).encode()
        except UnicodeError as error:  # no mark where the codec wants one, half a character that it makes
            raise LayoutError(
                f"{self.name}: cannot be read as {self.encoding}: {error}; name another with `encoding`"
            ) from error

    def _fill(self, view: memoryview) -> int:
        if self._decoder is None:
            return self.raw.readinto(view)
        try:
            some = self._decoder.read(min(len(view), UNPACKED_BYTES))
        except self._decoder.errors as error:
            raise SourceError(
                f"{self.name}: the {self.compression} data is damaged or cut off after {self.consumed_bytes:,} bytes"
                f" ({error}); fetch or compress the file again"
            ) from error
        view[: len(some)] = some
        return len(some)
