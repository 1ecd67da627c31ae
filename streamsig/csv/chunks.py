"""Cuts a text into chunks: runs of whole records, the unit of parallel work."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from streamsig.errors import LayoutError
from streamsig.native import text_kernels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamsig.sources.text_source import TextSource

QUOTE = b'"'
_READ_BYTES = 256 << 10
_RUN_RECORDS = 1 << 14

CHUNK_BYTES = 2 << 20
"""Long enough that a chunk's overhead vanishes, short enough that all in flight stay in cache or near it."""

MAX_RECORD_BYTES = 1 << 20
"""A record longer than this is refused: the file is not what it seems, and memory is bounded."""


@dataclass(slots=True)
class Chunk:
    """Whole records: the first `size` bytes of `buffer`.

    `start` is the offset in the text, counted from where cutting began. `crc_before` and `crc` are the CRC-32 of the
    text up to the chunk's start and its end, where that was asked for. `open_end` is for what follows the last line
    end of a text.
    The buffer belongs to the cutter's pool: give it back with `release` when nothing refers to it.
    """

    buffer: bytearray
    size: int
    start: int
    quoted: bool
    crc: int = 0
    open_end: bool = False
    crc_before: int = 0

    @property
    def stop(self) -> int:
        """The offset after the chunk."""
        return self.start + self.size

    @property
    def view(self) -> memoryview:
        """The chunk's bytes, not copied."""
        return memoryview(self.buffer)[: self.size]

    def cut(self, at: int) -> tuple[Chunk, Chunk]:
        """Return the chunk in two, the second one with a buffer of its own."""
        rest = self.buffer[at : self.size]
        crc = zlib.crc32(self.view[:at], self.crc_before) if self.crc else 0
        head = replace(self, size=at, crc=crc)
        return head, replace(self, buffer=rest, size=len(rest), start=self.start + at, crc_before=crc)


@dataclass(frozen=True, slots=True)
class Resume:
    """Where the chunks of a text begin that has been counted up to there: an offset, and the CRC-32 up to it.

    `counts_crc` says whether the CRC is to be carried on, `by_returns` that lines end with CR alone: else a CR at the
    end may be half a line end.
    """

    offset: int = 0
    crc: int = 0
    counts_crc: bool = False
    by_returns: bool = False


class Chunks:
    """Iterates over the chunks of a text, in order; joined they are the text.

    Every chunk but the last ends with a record's line end. Buffers are recycled: at most as
    many exist as chunks are `held` by the caller at once, plus one, and all from the first cut on, so that
    what a run needs does not depend on how its threads happen to meet.
    Raises LayoutError for a record longer than `max_record_bytes`.
    """

    def __init__(  # noqa: PLR0913 (each is a promise of its own)
        self,
        source: TextSource,
        delimiter: str,
        *,
        held: int = 1,
        chunk_bytes: int | None = None,
        max_record_bytes: int = MAX_RECORD_BYTES,
        resume: Resume | None = None,
    ) -> None:
        self._source, self._delimiter, self._held = source, delimiter, held
        self._chunk_bytes, self._max_record_bytes = chunk_bytes or CHUNK_BYTES, max_record_bytes
        self._resume = resume
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
            # no more than a chunk at once, though a record was longer: the rows after it may be short and many
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
                # filled, for memory that is only reserved is not there yet
                self._free = [bytearray(b"\n") * self._chunk_bytes for _ in range(self._held)]
            rest = filled - cut
            following = self._buffer(rest)
            following[:rest] = memoryview(buffer)[cut:filled]
            yield Chunk(buffer, cut, start, quoted)
            start, buffer, filled = start + cut, following, rest
            quoted = quoted and buffer.find(QUOTE, 0, rest) >= 0

    def _last(self, chunk: Chunk) -> Iterator[Chunk]:
        """Split what follows the last line end from the last chunk, if the text may grow."""
        if self._resume is None:
            yield chunk
            return
        size = chunk.size
        if self._resume.by_returns:
            # with a byte after it a CR at the end is surely no half of CRLF
            chunk.buffer[size] = ord("x")
            size += 1
        whole = self._cut(chunk.buffer, size, quoted=chunk.quoted)
        if whole:
            yield Chunk(chunk.buffer, whole, chunk.start, chunk.quoted)
        if whole < chunk.size:
            rest = chunk.buffer[whole : chunk.size]
            yield Chunk(rest, len(rest), chunk.start + whole, chunk.quoted, open_end=True)

    def release(self, chunk: Chunk) -> None:
        """Take a chunk's buffer back, to be filled again."""
        if len(chunk.buffer) == self._chunk_bytes:
            self._free.append(chunk.buffer)

    def _buffer(self, at_least: int = 0) -> bytearray:
        if at_least < self._chunk_bytes:
            return self._free.pop() if self._free else bytearray(self._chunk_bytes)
        return bytearray(at_least + self._chunk_bytes)

    def _fill(self, buffer: bytearray, filled: int, wanted: int, *, quoted: bool) -> tuple[int, bool]:
        """Read until `wanted` bytes are there or the source is at its end; say how many, and if there are quotes."""
        view = memoryview(buffer)
        while filled < wanted:
            count = self._source.readinto(view[filled : min(filled + _READ_BYTES, wanted)])
            if not count:
                break
            # searched while the bytes are still in cache
            quoted = quoted or buffer.find(QUOTE, filled, filled + count) >= 0
            filled += count
        return filled, quoted

    def _grown(self, buffer: bytearray, filled: int, start: int) -> bytearray:
        """Return a buffer with capacity for more, this one if it has some."""
        if filled < len(buffer):
            return buffer
        if filled >= self._max_record_bytes:
            msg = (
                f"{self._source.name}: a record longer than {self._max_record_bytes:,} bytes starts at byte {start:,} "
                f"of the rows; a line end is missing there, or a quote is never closed"
            )
            raise LayoutError(msg)
        buffer.extend(bytes(min(len(buffer), max(self._max_record_bytes - filled, self._chunk_bytes))))
        return buffer

    def _cut(self, buffer: bytearray, filled: int, *, quoted: bool) -> int:
        """Return where the last whole record ends, 0 if none does."""
        cut = buffer.rfind(b"\n", 0, filled) + 1
        if not cut:
            # CR alone ends lines too, unless it is the last byte: then LF may follow
            cut = buffer.rfind(b"\r", 0, filled - 1) + 1
        if not quoted:
            return cut
        octets = np.frombuffer(buffer, np.uint8, filled)
        capacity = np.empty(filled + text_kernels.PADDING, np.int32)
        found = text_kernels.find_fields(octets, self._delimiter, capacity)
        if found.malformed or not found.records:
            return _last_record_end(bytes(octets), self._delimiter)
        ends = found.ends[1:]
        return int(ends[octets[ends] == ord("\n")][-1]) + 1


def _last_record_end(text: bytes, delimiter: str) -> int:
    """Return where the last record with a line end stops, 0 if there is none.

    The end of the text is no line end, and neither is a CR there, which may be half a CRLF.
    """
    # after a real line end a further byte starts a record of its own; inside quotes it does not
    octets = np.frombuffer(text + b"x", np.uint8)
    last = len(text) - text.endswith(b"\r")
    whole = 0
    for found in text_kernels.split_records(octets, delimiter, (), most=_RUN_RECORDS):
        stops = found.stops[found.stops <= last]
        whole = int(stops[-1]) if len(stops) else whole
    return whole
