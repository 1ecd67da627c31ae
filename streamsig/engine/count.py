"""Counts one input, from its first bytes to its window state."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from streamsig.core.keys import Texts
from streamsig.core.ticks import Ticks
from streamsig.csv.chunks import Chunks, Resume
from streamsig.csv.footers import FOOTER_BYTES
from streamsig.csv.pending_footer import Footer
from streamsig.csv.reader import BadRecordError, ChunkReader, Reading
from streamsig.csv.records import split_records
from streamsig.engine.detection import compare_with, detect_text
from streamsig.engine.events import Advanced, InputFound, Rejected, Resumed, Warned
from streamsig.engine.execute import map_in_order
from streamsig.engine.position import Position
from streamsig.engine.stages.accumulator import NEWEST_FIRST, Count, Tally
from streamsig.errors import BadRowError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from streamsig.config import Settings
    from streamsig.core.groups import GroupRows
    from streamsig.core.window import WindowState
    from streamsig.csv.chunks import Chunk
    from streamsig.engine.events import Observer
    from streamsig.engine.run import Run
    from streamsig.engine.stages.time_order import FileOrder, Judged
    from streamsig.sniffer.layout import Layout
    from streamsig.sniffer.time_column import TimeColumn
    from streamsig.sources.text_source import TextSource

SKIP = "skip"


class _Prepared(NamedTuple):
    """A chunk, and what can be known of it without knowing what is before it."""

    chunk: Chunk
    rows: WindowState | GroupRows
    reading: Reading
    judged: Judged | None


@dataclass(frozen=True, slots=True)
class _Preparation:
    """Reads chunks of a text, on any thread.

    Of the further fields that are read so many `groups` make the key, the others tell the time.
    """

    run: Run
    may_grow: bool
    reader: ChunkReader
    tally: Tally
    order: FileOrder | None
    groups: int

    def __call__(self, chunk: Chunk) -> tuple[_Prepared, ...]:
        """Return what a chunk holds, last rows without a time apart; raises BadRecordError."""
        whole = self.prepare(chunk, self.reader)
        if not whole.reading.untimed:
            return (_lasting(whole),)
        start = self.reader.footer_start(chunk, whole.reading)
        if chunk.size - start > FOOTER_BYTES:
            return (whole,)
        return tuple(_lasting(self.prepare(each, self.reader)) for each in chunk.cut(start) if each.size)

    def prepare(self, chunk: Chunk, reader: ChunkReader) -> _Prepared:
        """Return what a chunk holds: nothing, where it may still grow; raises BadRecordError."""
        if chunk.open_end and self.may_grow:
            no_keys = [Texts.of([])] * len(self.run.settings.group_by)
            nothing = Ticks.empty()
            return _Prepared(chunk, self.tally.prepare(nothing, no_keys), Reading(nothing, 0), None)
        reading, judged = reader.read(chunk), None
        keys, times = reading.texts[: self.groups], reading.texts[self.groups :]
        if self.order is not None:
            judged = self.order.judge(times, lambda rows: self._lines_of(rows, chunk, reading))
        rows = self.tally.prepare(reading.ticks, keys)
        if self.run.teller is None:
            # what waits for its turn holds no more than that takes
            reading = replace(reading, ticks=Ticks.empty(), texts=())
        return _Prepared(chunk, rows, reading, judged)

    def _lines_of(self, rows: Collection[int], chunk: Chunk, reading: Reading) -> dict[int, int]:
        """Return the physical line of rows that were read, from 1 where their chunk starts, by walking through it."""
        dialect, left_out = self.reader.dialect, reading.rejected.lines
        records = split_records(bytes(chunk.view), dialect.delimiter, line_quoted=dialect.line_quoted)
        sound = (record.line for record in records if record.line not in left_out)
        return {row: line for row, line in enumerate(islice(sound, max(rows, default=-1) + 1)) if row in rows}


def count_text(source: TextSource, run: Run, *, is_last: bool = False) -> Count:
    """Count one text.

    With a checkpoint the rows that it has are left out. To the last text of all rows may be added another time: unless
    it is said to be finished, a last line without a line end is not counted.
    Raises LayoutError, BadRowError, SourceError and CheckpointError.
    """
    settings, observe, plan, checkpoint = run.settings, run.observe, run.plan, run.checkpoint
    is_last = is_last and checkpoint is not None
    may_grow = is_last and not settings.finished
    layout = detect_text(source, settings, may_grow=may_grow)
    storage = {"compression": source.compression, "encoding": source.encoding}
    observe(InputFound(source.name, source.size_bytes, {**storage, **layout.to_log()}))
    column = layout.close_column(source.name)
    warnings = (*layout.warnings, *compare_with(run.total.close_column, column, settings))
    _warn(source.name, warnings, observe)
    dialect, tally = layout.dialect, Tally(settings, plan.groups_bytes)
    source.discard(dialect.body_offset)
    prepare = _preparation(source, run, layout, tally, may_grow=may_grow)
    position, resume, first = Position(0, 0, dialect.body_line, 0), None, None
    if checkpoint is not None:
        position = checkpoint.resume(source, dialect, tally, position)
        resume = Resume(position.offset, position.crc, counts_crc=not source.is_plain, by_returns=layout.by_returns)
        if position.offset:
            observe(Resumed(source.name, position.offset, run.total.rows + tally.rows))
    try:
        chunks = Chunks(source, dialect.delimiter, held=plan.threads, chunk_bytes=plan.chunk_bytes, resume=resume)
        with closing(map_in_order(prepare, chunks, plan.threads)) as prepared:
            footer = Footer(position.untimed)
            for each in chain(footer.settle(prepared), _without(footer, prepare)):
                for bad in _rejected(each, source.name, position):
                    first = first or bad
                    observe(bad)
                _tell(each, run, prepare, position)
                after = _behind(position, each, footer.untimed)
                if checkpoint is not None and is_last and each.chunk.open_end:
                    checkpoint.end_growing()
                elif checkpoint is not None:
                    checkpoint.advance(after)
                tally.push(each.rows)
                position = after
                plan.check_closes(tally.limbs)
                if may_grow:
                    warnings += _held_back(each.chunk, position.line, observe, source.name)
                observe(Advanced(source.consumed_bytes, run.total.rows + tally.rows, run.total.signals + tally.counted))
                # it would stay in memory until the next one is there
                del each
    except BadRecordError as bad:
        # all chunks before the bad one are counted, so the position ends where that one starts
        line = position.line + bad.line - 1
        raise BadRowError(source.name, line, bad.column, bad.text, bad.reason, bad.advice) from None
    warnings += _waiting(footer, prepare, position.line, source.name)
    if checkpoint is not None and is_last:
        checkpoint.end_growing()
    run.end_input()
    return Count(tally.result(), position.rejected, warnings, column).check(source.name, first)


def _preparation(source: TextSource, run: Run, layout: Layout, tally: Tally, *, may_grow: bool) -> _Preparation:
    """Return what reads chunks of a text, and let what goes on beside the counts begin it."""
    dialect, groups, order = layout.dialect, layout.groups, None
    if run.order is not None:
        run.order.begin(order := _order_of(source, layout, run.settings))
    times = () if order is None and run.teller is None else time_columns(layout.time_column, dialect.close)
    if run.teller is not None:
        run.teller.begin(time=times, keys=[dialect.field_name(each) for each in groups])
    reader = ChunkReader(
        dialect,
        skip_bad=run.settings.on_bad_row == SKIP,
        scale=layout.decimals,
        also=(*groups, *times),
        timed=layout.timed,
        prices=layout.prices,
    )
    return _Preparation(run, may_grow, reader, tally, order, len(groups))


def _rejected(each: _Prepared, name: str, before: Position) -> Iterator[Rejected]:
    """Yield the bad rows of a chunk that comes behind a position."""
    for bad in each.reading.rejected:
        yield Rejected(name, before.line + bad.line - 1, bad.column, bad.reason, bad.row)


def _tell(each: _Prepared, run: Run, prepare: _Preparation, before: Position) -> None:
    """Let all that goes on beside the counts know a chunk, which comes behind a position."""
    if prepare.order is not None and each.judged is not None:
        prepare.order.push(each.judged, before.line)
    if run.teller is not None:
        texts = each.reading.texts
        run.teller.push(each.reading.ticks, texts[: prepare.groups], texts[prepare.groups :])


def _lasting(part: _Prepared) -> _Prepared:
    """Return a part with a buffer of its own, if it has no rows: it may have to wait within a footer."""
    if part.rows.rows or part.chunk.size > FOOTER_BYTES:
        return part
    return part._replace(chunk=part.chunk.cut(0)[1])


def _without(footer: Footer, prepare: _Preparation) -> Iterator[_Prepared]:
    """Yield the parts of a footer as bad rows; raises BadRecordError where these are not left out."""
    if not prepare.may_grow:
        reader = replace(prepare.reader, footer=True)
        yield from (prepare.prepare(each, reader) for each in footer.chunks)


def _waiting(footer: Footer, prepare: _Preparation, line: int, name: str) -> tuple[str, ...]:
    """Say that the last lines are not counted, if they are a footer of a text that may grow."""
    if not prepare.may_grow or not footer.chunks:
        return ()
    advice = "if the file is whole, add --finished"
    warnings = (f"the rows from line {line} on have no time and are not counted yet; {advice}",)
    _warn(name, warnings, prepare.run.observe)
    return warnings


def _behind(before: Position, each: _Prepared, untimed: int) -> Position:
    """Return how far a text is counted with a chunk that comes behind a position."""
    return Position(
        before.rows + each.rows.rows,
        each.chunk.stop,
        before.line + each.reading.lines,
        before.rejected + len(each.reading.rejected),
        each.chunk.crc,
        untimed,
    )


def time_columns(time: TimeColumn, close: int) -> tuple[int, ...]:
    """Return the columns that tell the time: none, one, or date and time of day."""
    if time.index is None or time.index == close:
        return ()
    return (time.index,) if time.clock is None else (time.index, time.clock)


def _warn(name: str, warnings: tuple[str, ...], observe: Observer) -> None:
    for message in warnings:
        observe(Warned(f"{name}: {message}"))


def _held_back(chunk: Chunk, line: int, observe: Observer, name: str) -> tuple[str, ...]:
    """Say that a last line is not counted, if there is one without a line end."""
    if not chunk.open_end or not bytes(chunk.view).strip():
        return ()
    warnings = (f"line {line}, the last one, has no line end and is not counted yet; if it is whole, add --finished",)
    _warn(name, warnings, observe)
    return warnings


def _order_of(source: TextSource, layout: Layout, settings: Settings) -> FileOrder | None:
    """Return what judges the times of a text, if there are any."""
    if not layout.rows_sampled:
        return None
    # pyarrow takes long to import, and most runs do without it
    from streamsig.engine.stages.time_order import FileOrder  # noqa: PLC0415

    backwards = settings.order == NEWEST_FIRST
    return FileOrder(source.name, layout.time_column, layout.dialect.close, layout.times, backwards=backwards)
