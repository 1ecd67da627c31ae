"""Texts as batches: chunks are parsed on several threads and yielded in file order."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from streamsig.core.keys import Texts
from streamsig.core.ticks import Ticks
from streamsig.csv.bad_records import BadRecordError
from streamsig.csv.chunks import Chunks, Resume
from streamsig.csv.footers import FOOTER_BYTES, Footer
from streamsig.csv.reader import ChunkReader, Reading
from streamsig.csv.rejected_rows import Rejects
from streamsig.engine.batches.batch import Batch, OpenInput, Position, Step
from streamsig.engine.execute import map_in_order
from streamsig.errors import BadRow, BadRowError
from streamsig.settings.settings import SKIP

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from streamsig.csv.chunks import Chunk
    from streamsig.engine.loop import Prepare, Run
    from streamsig.sniffer.layout import Layout
    from streamsig.sources.text_source import TextSource


class _Piece(NamedTuple):
    """A chunk, its counts, and what the stages have prepared of it."""

    chunk: Chunk
    rows: int
    lines: int
    rejected: int
    untimed_rows: int
    parts: tuple[object, ...]


class TextBatches:
    """A text, which is at its start, as batches.

    With `may_grow` the text may be half written: a last line without a line end, and a footer, are not counted.
    `warnings` grows while it is read.
    """

    def __init__(self, source: TextSource, layout: Layout, run: Run, *, may_grow: bool) -> None:
        source.discard(layout.dialect.body_offset)
        self._source, self._may_grow = source, may_grow
        self._threads, self._chunk_bytes = run.budget.plan.threads, run.budget.plan.chunk_bytes
        if source.is_in_memory and source.ahead_bytes < self._chunk_bytes:
            # one chunk needs no threads, and no long buffer
            self._threads, self._chunk_bytes = 1, source.ahead_bytes + 1
        self._is_resumable, self._needs_lines = run.checkpoint.is_on, run.needs_lines
        self._cr_line_ends = layout.cr_line_ends
        more = () if source.warning is None else (source.warning,)
        self.opened = OpenInput(source.name, layout, (*more, *layout.warnings))
        self.first = Position(0, 0, layout.dialect.body_line, 0)
        self.warnings: list[str] = []
        times = self.opened.time_fields if run.needs_times else ()
        # an incomplete line has no detected groups
        self._keys, self._fields = len(run.settings.group_by), len(run.settings.group_by) + len(times)
        self._reader = ChunkReader(
            layout.dialect,
            skip_bad=run.settings.on_bad_row == SKIP,
            scale=layout.decimals,
            also=(*layout.groups, *times),
            timed=layout.timed,
            prices=layout.prices,
        )

    @property
    def consumed_bytes(self) -> int:
        """Bytes of the input, as stored, read so far."""
        return self._source.consumed_bytes

    def steps(self, prepare: Prepare, start: Position) -> Generator[Step, None, None]:
        """Yield the batches from a position on.

        Raises LayoutError, SourceError, and BadRowError unless bad rows are left out.
        """
        position, footer, open_line = start, Footer(start.untimed), b""
        read, source = partial(self._read, prepare), self._chunks(start)
        try:
            with closing(map_in_order(read, source, self._threads, source.release)) as pieces:
                for piece in chain(footer.settle(pieces), self._footer(footer, prepare)):
                    if piece.chunk.is_unterminated:
                        open_line = bytes(piece.chunk.view)
                    after = position.advance(piece.rows, piece.lines, piece.rejected)
                    position = after._replace(offset=piece.chunk.stop, crc=piece.chunk.crc, untimed=footer.footer_bytes)
                    yield Step(piece.parts, position, provisional=piece.chunk.is_unterminated)
                    # free it before the next one is read
                    del piece
        except BadRecordError as bad:
            # all chunks before the bad one are counted, so the position ends where that one starts
            line = position.line + bad.line - 1
            row = BadRow(line, bad.column, bad.text, bad.reason, bad.advice)
            raise BadRowError(self._source.name, row) from None
        if self._may_grow:
            self._warn(position.line, open_line, footer)

    def _read(self, prepare: Prepare, chunk: Chunk) -> tuple[_Piece, ...]:
        """Return the rows of a chunk, with last rows without a time in a separate piece; raises BadRecordError."""
        if chunk.is_unterminated and self._may_grow:
            nothing = [Texts.of([])] * self._fields
            return (self._piece(prepare, chunk, Reading(Ticks.empty(), 0, Rejects(), tuple(nothing))),)
        reading = self._reader.read(chunk)
        if not reading.untimed_rows:
            return (_with_own_buffer(self._piece(prepare, chunk, reading)),)
        start = self._reader.footer_start(chunk, reading)
        if chunk.size - start > FOOTER_BYTES:
            return (self._piece(prepare, chunk, reading),)
        parts = [each for each in chunk.cut(start) if each.size]
        return tuple(_with_own_buffer(self._piece(prepare, each, self._reader.read(each))) for each in parts)

    def _piece(self, prepare: Prepare, chunk: Chunk, reading: Reading) -> _Piece:
        keys, times = reading.texts[: self._keys], reading.texts[self._keys :]
        batch = Batch(reading.ticks, keys, times, reading.rejected, self._lines(chunk, reading))
        rows, rejected = len(reading.ticks), len(reading.rejected)
        return _Piece(chunk, rows, reading.lines, rejected, reading.untimed_rows, prepare(batch))

    def _lines(self, chunk: Chunk, reading: Reading) -> NDArray[np.int32] | None:
        is_whole = chunk.buffer[chunk.size - 1 : chunk.size] == b"\n"
        is_plain = is_whole and reading.lines == len(reading.ticks) and not reading.rejected
        return None if is_plain or not self._needs_lines else self._reader.row_places(chunk, reading)[0]

    def _chunks(self, start: Position) -> Chunks:
        resume = None
        if self._is_resumable:
            counts_crc = not self._source.is_plain
            resume = Resume(start.offset, start.crc, counts_crc=counts_crc, cr_line_ends=self._cr_line_ends)
        delimiter, size = self._reader.dialect.delimiter, self._chunk_bytes
        return Chunks(self._source, delimiter, held=self._threads, chunk_bytes=size, resume=resume)

    def _footer(self, footer: Footer, prepare: Prepare) -> Iterator[_Piece]:
        """Yield the parts of a footer as bad rows; raises BadRecordError unless these are left out."""
        if not self._may_grow:
            reader = replace(self._reader, footer=True)
            yield from (self._piece(prepare, chunk, reader.read(chunk)) for chunk in footer.chunks)

    def _warn(self, line: int, open_line: bytes, footer: Footer) -> None:
        if open_line.strip():
            self.warnings.append(
                f"line {line}, the last one, has no line end and is not counted yet; if it is whole,"
                " add `finished=True`"
            )
        if footer.chunks:
            self.warnings.append(
                f"the rows from line {line} on have no time and are not counted yet; if the file is whole, add"
                " `finished=True`"
            )


def _with_own_buffer(piece: _Piece) -> _Piece:
    """Copy the chunk of a piece without rows, which may wait in `Footer`: its buffer returns to the pool."""
    if piece.rows or piece.chunk.size > FOOTER_BYTES:
        return piece
    return piece._replace(chunk=piece.chunk.cut(0)[1])
