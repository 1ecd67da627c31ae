"""Cuts a text into chunks of whole records, the unit of parallel work."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.errors import LayoutError
from streamsig.native import text_kernels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamsig.sources.text_source import TextSource

QUOTE = b'"'
_READ_BYTES = 256 << 10
_RUN_RECORDS = 1 << 14

MAX_RECORD_BYTES = 1 << 20
"""Longer records are refused: they mean a broken file, and the limit bounds memory."""


@dataclass(slots=True)
class Chunk:
    """Whole records: the first `size` bytes of `buffer`.

    `start` is the offset in the text, counted from where cutting began. `crc_before` and `crc` are the CRC-32 of the
    text up to the chunk's start and up to its end, if requested. `is_unterminated` marks the bytes after the last line
    end. The buffer belongs to the pool of `Chunks`: return it with `release` when nothing refers to it.
    """

    buffer: bytearray
    size: int
    start: int
    quoted: bool
    crc: int = 0
    is_unterminated: bool = False
    crc_before: int = 0

    @property
    def stop(self) -> int:
        """The offset of the chunk's end."""
        return self.start + self.size

    @property
    def view(self) -> memoryview:
        """The chunk's bytes, without a copy."""
        return memoryview(self.buffer)[: self.size]

    def cut(self, at: int) -> tuple[Chunk, Chunk]:
        """Split the chunk at byte `at`; the second part has its own buffer."""
        rest = self.buffer[at : self.size]
        crc = zlib.crc32(self.view[:at], self.crc_before) if self.crc else 0
        head = replace(self, size=at, crc=crc)
        return head, replace(self, buffer=rest, size=len(rest), start=self.start + at, crc_before=crc)


class Resume(NamedTuple):
    """Where to resume a text: an offset, and the CRC-32 of the text before it.

    `counts_crc` continues the CRC. `cr_line_ends` says that lines end with CR alone; otherwise a CR at the end of the
    text may be half a line end.
    """

    offset: int = 0
    crc: int = 0
    counts_crc: bool = False
    cr_line_ends: bool = False


class Chunks:
    """Iterates over the chunks of a text in order; joined, they are the text.

    Every chunk but the last ends with a record's line end. Buffers are recycled: there are `held` of them, as many as
    the caller holds at once, plus one. They are allocated at the first cut, so that memory does not depend on timing.
    Raises LayoutError for a record longer than `MAX_RECORD_BYTES`.
    """

    def __init__(
        self,
        source: TextSource,
        delimiter: str,
        *,
        held: int = 1,
        chunk_bytes: int,
        resume: Resume | None = None,
    ) -> None:
        self._source, self._delimiter, self._held = source, delimiter, held
        self._chunk_bytes, self._resume = chunk_bytes, resume
        self._free: list[bytearray] = []

    def __iter__(self) -> Iterator[Chunk]:
        crc = 0 if self._resume is None else self._resume.crc
        for chunk in self._chunks():
            if self._resume is not None and self._resume.counts_crc:
                chunk.crc_before = crc
                chunk.crc = crc = zlib.crc32(chunk.view, crc)
            yield chunk

    def _chunks(self) -> Iterator[Chunk]:
        start = first = 0 if self._resume is None else self._resume.offset
        filled = 0
        quoted = False
        buffer = self._buffer()
        while True:
            # at most a chunk at once, even after a longer record: many short rows may follow
            wanted = min(len(buffer), filled + self._chunk_bytes)
            filled, quoted = self._fill(buffer, filled, wanted, quoted=quoted)
            if filled < wanted:
                if filled:
                    yield from self._last(Chunk(buffer, filled, start, quoted))
                return
            cut = self._cut(buffer, filled, quoted=quoted)
            if not cut:
                buffer = self._grown(buffer, filled, start)
                continue
            if start == first:
                # filled, as memory that is only reserved is not allocated yet
                self._free = [bytearray(b"\n") * self._chunk_bytes for _ in range(self._held)]
            rest = filled - cut
            following = self._buffer(rest)
            following[:rest] = memoryview(buffer)[cut:filled]
            yield Chunk(buffer, cut, start, quoted)
            start, buffer, filled = start + cut, following, rest
            quoted = quoted and buffer.find(QUOTE, 0, rest) >= 0

    def _last(self, chunk: Chunk) -> Iterator[Chunk]:
        """Yield the last chunk; if the text may grow, the bytes after its last line end separately."""
        if self._resume is None:
            yield chunk
            return
        size = chunk.size
        if self._resume.cr_line_ends:
            # with a byte after it, a CR at the end is not half of a CRLF
            chunk.buffer[size] = ord("x")
            size += 1
        whole = self._cut(chunk.buffer, size, quoted=chunk.quoted)
        if whole:
            yield Chunk(chunk.buffer, whole, chunk.start, chunk.quoted)
        if whole < chunk.size:
            rest = chunk.buffer[whole : chunk.size]
            yield Chunk(rest, len(rest), chunk.start + whole, chunk.quoted, is_unterminated=True)

    def release(self, chunk: Chunk) -> None:
        """Return a chunk's buffer to the pool."""
        if len(chunk.buffer) == self._chunk_bytes:
            self._free.append(chunk.buffer)

    def _buffer(self, at_least: int = 0) -> bytearray:
        if at_least < self._chunk_bytes:
            return self._free.pop() if self._free else bytearray(self._chunk_bytes)
        return bytearray(at_least + self._chunk_bytes)

    def _fill(self, buffer: bytearray, filled: int, wanted: int, *, quoted: bool) -> tuple[int, bool]:
        """Read up to `wanted` bytes in all; return how many there are, and whether any is a quote."""
        view = memoryview(buffer)
        while filled < wanted:
            count = self._source.readinto(view[filled : min(filled + _READ_BYTES, wanted)])
            if not count:
                break
            # search while the bytes are in cache
            quoted = quoted or buffer.find(QUOTE, filled, filled + count) >= 0
            filled += count
        return filled, quoted

    def _grown(self, buffer: bytearray, filled: int, start: int) -> bytearray:
        """Return a buffer with more capacity; this one if it has some left."""
        if filled < len(buffer):
            return buffer
        if filled >= MAX_RECORD_BYTES:
            msg = (
                f"{self._source.name}: a record longer than {MAX_RECORD_BYTES:,} bytes starts at byte {start:,} "
                f"of the rows; a line end is missing, or a quote is never closed"
            )
            raise LayoutError(msg)
        buffer.extend(bytes(min(len(buffer), max(MAX_RECORD_BYTES - filled, self._chunk_bytes))))
        return buffer

    def _cut(self, buffer: bytearray, filled: int, *, quoted: bool) -> int:
        """Return the end of the last whole record, 0 if there is none."""
        cut = buffer.rfind(b"\n", 0, filled) + 1
        if not cut:
            # a CR alone ends a line, unless it is the last byte: an LF may follow
            cut = buffer.rfind(b"\r", 0, filled - 1) + 1
        if not quoted:
            return cut
        octets = np.frombuffer(buffer, np.uint8, filled)
        return text_kernels.last_record_end(octets, self._delimiter) or _last_record_end(bytes(octets), self._delimiter)


def _last_record_end(text: bytes, delimiter: str) -> int:
    """Return the end of the last record with a line end, 0 if there is none.

    The end of the text is not a line end, and neither is a CR there, which may be half of a CRLF.
    """
    # an extra byte starts a new record after a real line end, but not inside quotes
    octets = np.frombuffer(text + b"x", np.uint8)
    last = len(text) - text.endswith(b"\r")
    whole = 0
    for records in text_kernels.split_records(octets, delimiter, (), most=_RUN_RECORDS):
        stops = records.stops[records.stops <= last]
        whole = int(stops[-1]) if len(stops) else whole
    return whole
