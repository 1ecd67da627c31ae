"""Counts one input, from its first bytes to its window state."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from streamsig.core.ticks import Ticks
from streamsig.engine.budget import Plan
from streamsig.engine.events import Advanced, InputFound, Rejected, Resumed, Warned
from streamsig.engine.execute import map_in_order
from streamsig.engine.passage import Passage
from streamsig.engine.tally import NEWEST_FIRST, Count, Tally
from streamsig.errors import BadRowError
from streamsig.ingest.detect import Detection, detect
from streamsig.ingest.dialect import Asked
from streamsig.ingest.encoding import detect_encoding
from streamsig.ingest.reader import BadRecordError, Reading, SegmentReader
from streamsig.ingest.records import split_records
from streamsig.ingest.segments import Resume, Segments
from streamsig.ingest.timecolumn import NEWEST_FIRST as RUNS_NEWEST_FIRST
from streamsig.ingest.timecolumn import RUNS_BACKWARDS

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamsig.config import Settings
    from streamsig.core.groups import GroupRows
    from streamsig.core.window import WindowState
    from streamsig.engine.checkpoint import Checkpoint
    from streamsig.engine.events import Observer
    from streamsig.engine.order import FileOrder, Judged
    from streamsig.engine.teller import Teller
    from streamsig.ingest.dialect import Dialect
    from streamsig.ingest.segments import Segment
    from streamsig.ingest.sources import TextSource
    from streamsig.ingest.timecolumn import TimeColumn

SAMPLE_BYTES = 1 << 18
"""How much of an input is looked at to find out how it is written."""

SKIP = "skip"


def look_at(source: TextSource, settings: Settings) -> Detection:
    """Find out how a text is written, and leave it at its start.

    Raises LayoutError where that cannot be told for sure.
    """
    raw, _ = source.read_sample(SAMPLE_BYTES)
    found, mark_bytes = detect_encoding(raw)
    source.decode(settings.encoding or found, mark_bytes)
    sample, whole = source.read_sample(SAMPLE_BYTES)
    return detect(sample, whole=whole, asked=_asked(settings), name=source.name)


def count_text(  # noqa: C901, PLR0913, PLR0915, PLR0917 (what all inputs of a run share)
    source: TextSource,
    settings: Settings,
    observe: Observer,
    before: tuple[int, int] = (0, 0),
    checkpoint: Checkpoint | None = None,
    teller: Teller | None = None,
    plan: Plan | None = None,
) -> Count:
    """Count one text; `before` are the rows and signals of earlier inputs, for progress; a `teller` gets its rows.

    With a `checkpoint` the rows that it has are left out, and a last line without a line end may still grow.
    A `plan` keeps the run within its memory.
    Raises LayoutError, BadRowError, SourceError and CheckpointError.
    """
    plan = plan or Plan(settings.thread_count)
    detection = look_at(source, settings)
    observe(InputFound(source.name, source.size_bytes, _layout(source, detection)))
    warnings = warnings_of(detection, settings)
    _warn(source.name, warnings, observe)
    dialect, tally = detection.dialect, Tally(settings, plan.groups_bytes)
    source.discard(dialect.body_offset)
    order = _order_of(source, detection, settings)
    times = () if order is None and teller is None else time_columns(detection.time_column, dialect.close)
    reader = SegmentReader(
        dialect,
        skip_bad=settings.on_bad_row == SKIP,
        scale=detection.decimals,
        also=(*(groups := detection.groups), *times),
        by_arrow=plan.by_arrow,
    )
    if teller is not None:
        teller.begin(has_time=bool(times), keys=[dialect.field_name(each) for each in groups])
    passage, resume = Passage(0, 0, dialect.body_line, 0), None
    if checkpoint is not None:
        passage = checkpoint.resume(source, dialect, tally, passage)
        resume = Resume(passage.offset, passage.crc, counts_crc=not source.is_plain)
    mine, rejected, line = passage.rows, passage.rejected, passage.line
    rows, counted = before[0] + mine, before[1] + tally.result().counts[0]
    if passage.offset:
        observe(Resumed(source.name, passage.offset, rows))

    def count(segment: Segment) -> tuple[Segment, WindowState | GroupRows, Reading, Judged | None]:
        if segment.open_end and not settings.finished:
            return segment, tally.prepare(Ticks.empty(), ()), Reading(Ticks.empty(), 0), None
        reading = reader.read(segment)
        judged = None
        if order is not None:
            judged = order.judge(reading.texts[len(groups) :], lambda rows: _lines_of(rows, segment, reading, dialect))
        run = tally.prepare(reading.ticks, reading.texts[: len(groups)])
        # what waits for its turn holds no more than that takes
        return segment, run, reading if teller is not None else replace(reading, ticks=Ticks.empty(), texts=()), judged

    try:
        segments = Segments(
            source, dialect.delimiter, held=plan.threads, segment_bytes=plan.segment_bytes, resume=resume
        )
        with closing(map_in_order(count, segments, plan.threads)) as counts:
            for segment, run, reading, judged in counts:
                for bad in reading.rejected:
                    observe(Rejected(source.name, line + bad.line - 1, bad.column, bad.reason, bad.row))
                if order is not None and judged is not None:
                    order.push(judged, line)
                if teller is not None:
                    teller.push(reading.ticks, reading.texts[: len(groups)], reading.texts[len(groups) :])
                mine, line = mine + run.rows, line + reading.lines
                rejected += len(reading.rejected)
                if checkpoint is not None and segment.open_end:
                    checkpoint.end()
                elif checkpoint is not None:
                    told = None if teller is None else teller.mark()
                    checkpoint.advance(Passage(mine, segment.stop, line, rejected, segment.crc, told))
                more_rows, more_counted = tally.push(run)
                plan.check_closes(tally.limbs)
                rows, counted = rows + more_rows, counted + more_counted
                warnings += _held_back(segment, line, settings, observe, source.name)
                observe(Advanced(source.consumed_bytes, rows, counted))
    except BadRecordError as bad:
        # all segments before the bad one are counted, so `line` is where it starts
        raise BadRowError(source.name, line + bad.line - 1, bad.column, bad.text, bad.reason, bad.advice) from None
    if checkpoint is not None:
        checkpoint.end()
    if teller is not None:
        teller.end()
    return Count(tally.result(), rejected, warnings, order)


def time_columns(time: TimeColumn, close: int) -> tuple[int, ...]:
    """Return the columns that tell the time: none, one, or date and time of day."""
    if time.index is None or time.index == close:
        return ()
    return (time.index,) if time.clock is None else (time.index, time.clock)


def _warn(name: str, warnings: tuple[str, ...], observe: Observer) -> None:
    for message in warnings:
        observe(Warned(f"{name}: {message}"))


def _held_back(segment: Segment, line: int, settings: Settings, observe: Observer, name: str) -> tuple[str, ...]:
    """Say that a last line is not counted, if it is not."""
    if not segment.open_end or settings.finished or not bytes(segment.view).strip():
        return ()
    warnings = (f"line {line}, the last one, has no line end and is not counted yet; if it is whole, add --finished",)
    _warn(name, warnings, observe)
    return warnings


def _order_of(source: TextSource, detection: Detection, settings: Settings) -> FileOrder | None:
    """Return what judges the times of a text, if that was asked for and there are any."""
    if not settings.check_order or not detection.rows_sampled:
        return None
    # pyarrow takes long to import, and most runs do without it
    from streamsig.engine.order import FileOrder  # noqa: PLC0415

    backwards = settings.order == NEWEST_FIRST
    return FileOrder(source.name, detection.time_column, detection.dialect.close, detection.times, backwards=backwards)


def _lines_of(rows: Collection[int], segment: Segment, reading: Reading, dialect: Dialect) -> dict[int, int]:
    """Return the physical line of rows that were read, from 1 at the start of their segment, by walking through it."""
    left_out = reading.rejected.lines
    records = split_records(bytes(segment.view), dialect.delimiter, line_quoted=dialect.line_quoted)
    sound = (record.line for record in records if record.line not in left_out)
    return {row: line for row, line in enumerate(islice(sound, max(rows, default=-1) + 1)) if row in rows}


def warnings_of(detection: Detection, settings: Settings) -> tuple[str, ...]:
    """Return what a person should know of a text; one that is read backwards on purpose may run backwards."""
    return tuple(it for it in detection.warnings if not (settings.order == NEWEST_FIRST and it == RUNS_BACKWARDS))


def warnings_of_table(time: TimeColumn, settings: Settings) -> tuple[str, ...]:
    """Return what a person should know of a columnar file."""
    return (RUNS_BACKWARDS,) if time.direction == RUNS_NEWEST_FIRST and settings.order != NEWEST_FIRST else ()


def _asked(settings: Settings) -> Asked:
    return Asked(
        delimiter=settings.delimiter,
        header=settings.header,
        skip_lines=settings.skip_lines,
        column=settings.column,
        decimal=settings.decimal,
        thousands=settings.thousands,
        missing=tuple(settings.missing),
        group_by=settings.group_by,
    )


def _layout(source: TextSource, detection: Detection) -> dict[str, Any]:
    dialect = detection.dialect
    return {
        "compression": source.compression,
        "encoding": source.encoding,
        "delimiter": dialect.delimiter,
        "line_quoted": dialect.line_quoted,
        "header": dialect.header is not None,
        "close": dialect.column_name(dialect.close),
        **({"group_by": [dialect.column_name(each) for each in detection.groups]} if detection.groups else {}),
        "decimal": dialect.numbers.decimal,
        "thousands": dialect.numbers.thousands,
        "direction": detection.direction,
    }
