"""Counts one input, from its first bytes to its window state."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from streamsig.core.window import Fold, WindowState
from streamsig.errors import BadRowError
from streamsig.ingest.arrays import ColumnError, to_texts, to_ticks
from streamsig.ingest.columnar import open_columnar
from streamsig.ingest.detect import Detection, detect
from streamsig.ingest.dialect import Asked
from streamsig.ingest.encoding import detect_encoding
from streamsig.ingest.reader import BadRecordError, Reading, SegmentReader
from streamsig.ingest.records import split_records
from streamsig.ingest.schema import find_time_in
from streamsig.ingest.segments import Segments
from streamsig.ingest.timecolumn import NEWEST_FIRST as RUNS_NEWEST_FIRST
from streamsig.ingest.timecolumn import RUNS_BACKWARDS
from streamsig.ingest.times import join
from streamsig.run.events import Advanced, InputFound, Rejected, Warned
from streamsig.run.execute import map_in_order
from streamsig.run.order import FileOrder

if TYPE_CHECKING:
    from streamsig.config import Settings
    from streamsig.core.order import OrderState
    from streamsig.ingest.columnar import ColumnarTable
    from streamsig.ingest.dialect import Dialect
    from streamsig.ingest.segments import Segment
    from streamsig.ingest.sources import RawInput, TextSource
    from streamsig.ingest.timecolumn import TimeColumn
    from streamsig.run.events import Observer

SAMPLE_BYTES = 1 << 20
"""How much of an input is looked at to find out how it is written."""

NEWEST_FIRST = "newest-first"
SKIP = "skip"
_ADVICE = "mend the row, leave such rows out with --on-bad-row skip, or name another column with --column"


@dataclass(frozen=True, slots=True)
class Count:
    """What one input holds: its state in the order that was asked for, and its bad rows that were left out.

    `order` has the times of its rows, if that was asked for and there are rows.
    """

    state: WindowState
    rows_rejected: int
    warnings: tuple[str, ...]
    order: FileOrder | None = None


def look_at(source: TextSource, settings: Settings) -> Detection:
    """Find out how a text is written, and leave it at its start.

    Raises LayoutError where that cannot be told for sure.
    """
    raw, _ = source.read_sample(SAMPLE_BYTES)
    found, mark_bytes = detect_encoding(raw)
    source.decode(settings.encoding or found, mark_bytes)
    sample, whole = source.read_sample(SAMPLE_BYTES)
    return detect(sample, whole=whole, asked=_asked(settings), name=source.name)


def count_text(source: TextSource, settings: Settings, observe: Observer, before: tuple[int, int] = (0, 0)) -> Count:
    """Count one text; `before` are the rows and signals of earlier inputs, for progress.

    Raises LayoutError, BadRowError and SourceError.
    """
    detection = look_at(source, settings)
    observe(InputFound(source.name, source.size_bytes, _layout(source, detection)))
    newest_first = settings.order == NEWEST_FIRST
    warnings = warnings_of(detection, settings)
    for message in warnings:
        observe(Warned(f"{source.name}: {message}"))
    dialect, signals = detection.dialect, settings.signals
    source.discard(dialect.body_offset)
    order = None
    if settings.check_order and detection.rows_sampled:
        times = pa.array(detection.times, pa.string())
        order = FileOrder(source.name, detection.time, dialect.close, times, backwards=newest_first)
    reader = SegmentReader(
        dialect,
        skip_bad=settings.on_bad_row == SKIP,
        scale=detection.decimals,
        also=() if order is None else order.columns,
    )
    fold = Fold(signals, backwards=newest_first)
    (rows, counted), rejected, line = before, 0, dialect.body_line

    def count(segment: Segment) -> tuple[WindowState, Reading, Segment, tuple[OrderState, ...]]:
        reading = reader.read(segment)
        ticks = reading.ticks.reverse() if newest_first else reading.ticks
        times = () if order is None else order.of(reading.texts)
        return WindowState.of(signals, ticks), reading, segment, times

    try:
        with closing(map_in_order(count, Segments(source, dialect.delimiter), settings.thread_count)) as counts:
            for state, reading, segment, times in counts:
                for bad in reading.rejected:
                    observe(Rejected(source.name, line + bad.line - 1, bad.column, bad.reason, bad.row))
                if order is not None:
                    # the segment is not recycled before the next turn
                    order.push(times, reading.texts, partial(_line_of, segment, reading, line, dialect))
                fold.push(state)
                rows, counted = rows + state.rows, counted + state.counts[0]
                rejected, line = rejected + len(reading.rejected), line + reading.lines
                observe(Advanced(source.consumed_bytes, rows, counted))
    except BadRecordError as bad:
        # all segments before the bad one are counted, so `line` is where it starts
        raise BadRowError(source.name, line + bad.line - 1, bad.column, bad.text, bad.reason, _ADVICE) from None
    return Count(fold.result(), rejected, warnings, order)


def _line_of(segment: Segment, reading: Reading, line: int, dialect: Dialect, row: int) -> int:
    """Return the physical line of a row that was read, walking through its segment."""
    left_out = {bad.line for bad in reading.rejected}
    records = split_records(bytes(segment.view), dialect.delimiter, line_quoted=dialect.line_quoted)
    sound = (record.line for record in records if record.line not in left_out)
    return line + next(islice(sound, row, None)) - 1


def count_columns(raw: RawInput, stored: str, settings: Settings, observe: Observer, before: tuple[int, int]) -> Count:
    """Count one Parquet file, Arrow file or Arrow stream, as `count_text` does a text."""
    newest_first = settings.order == NEWEST_FIRST
    # Parquet has its table of contents at its end: a file is opened by its name, and read out of order
    source = raw.name if raw.is_file else raw
    fold, (rows, counted), rejected, row = Fold(settings.signals, backwards=newest_first), before, 0, 0
    with open_columnar(source, stored, settings.column, raw.name) as table:
        time = find_time_in(table)
        layout = {"format": stored, "close": table.column_name, "direction": time.direction}
        observe(InputFound(raw.name, raw.size_bytes, layout))
        warnings = warnings_of_table(time, settings)
        for message in warnings:
            observe(Warned(f"{raw.name}: {message}"))
        order = _order_of_table(table, time, settings, raw.name)
        for column, *times in table.batches(() if order is None else order.columns):
            start, left, sound = row, column, np.ones(len(column), np.bool_)
            while len(left):
                try:
                    ticks, bad = to_ticks(left), None
                except ColumnError as error:
                    ticks, bad = to_ticks(left.slice(0, error.row)), error
                state = WindowState.of(settings.signals, ticks.reverse() if newest_first else ticks)
                fold.push(state)
                rows, counted, row = rows + state.rows, counted + state.counts[0], row + len(ticks)
                left = left.slice(len(ticks))
                if bad is not None:
                    row, left = row + 1, left.slice(1)
                    if settings.on_bad_row != SKIP:
                        raise BadRowError(raw.name, row, f'column "{table.column_name}"', bad.text, bad.reason, _ADVICE)
                    rejected, sound[row - 1 - start] = rejected + 1, False
                    observe(Rejected(raw.name, row, table.column_name, bad.reason, table.row(row - 1)))
            if order is not None:
                texts = [to_texts(each).filter(pa.array(sound)) for each in times]
                order.push(order.of(texts), texts, (np.flatnonzero(sound) + start + 1).tolist().__getitem__)
            observe(Advanced(raw.consumed_bytes, rows, counted))
    return Count(fold.result(), rejected, warnings, order)


def _order_of_table(table: ColumnarTable, time: TimeColumn, settings: Settings, name: str) -> FileOrder | None:
    if not settings.check_order or not len(table.sample([table.close_index])):
        return None
    sample = table.sample([index for index in (time.index, time.clock) if index is not None])
    times = join([to_texts(column) for column in sample.columns]) if sample.columns else pa.array([], pa.string())
    return FileOrder(name, time, table.close_index, times, backwards=settings.order == NEWEST_FIRST)


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
        "decimal": dialect.numbers.decimal,
        "thousands": dialect.numbers.thousands,
        "direction": detection.direction,
    }
