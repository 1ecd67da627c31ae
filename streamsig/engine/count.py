"""Counts one input, from its first bytes to its window state."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamsig.core.window import Fold, WindowState
from streamsig.engine.events import Advanced, InputFound, Rejected, Warned
from streamsig.engine.execute import map_in_order
from streamsig.errors import BadRowError
from streamsig.ingest.detect import Detection, detect
from streamsig.ingest.dialect import Asked
from streamsig.ingest.encoding import detect_encoding
from streamsig.ingest.reader import BadRecordError, Reading, SegmentReader
from streamsig.ingest.segments import Segments

if TYPE_CHECKING:
    from streamsig.config import Settings
    from streamsig.engine.events import Observer
    from streamsig.ingest.segments import Segment
    from streamsig.ingest.sources import RawInput, TextSource

SAMPLE_BYTES = 1 << 18
"""How much of an input is looked at to find out how it is written."""

NEWEST_FIRST = "newest-first"
SKIP = "skip"
_ADVICE = "mend the row, leave such rows out with --on-bad-row skip, or name another column with --column"


@dataclass(frozen=True, slots=True)
class Count:
    """What one input holds: its state in the order that was asked for, and its bad rows that were left out."""

    state: WindowState
    rows_rejected: int
    warnings: tuple[str, ...]


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
    # a text that is read backwards on purpose needs no warning that it runs backwards
    warnings = tuple(it for it in detection.warnings if not (newest_first and "newest" in it))
    for message in warnings:
        observe(Warned(f"{source.name}: {message}"))
    dialect, signals = detection.dialect, settings.signals
    source.discard(dialect.body_offset)
    reader = SegmentReader(dialect, skip_bad=settings.on_bad_row == SKIP, scale=detection.decimals)
    fold = Fold(signals, backwards=newest_first)
    (rows, counted), rejected, line = before, 0, dialect.body_line

    def count(segment: Segment) -> tuple[WindowState, Reading]:
        reading = reader.read(segment)
        ticks = reading.ticks.reverse() if newest_first else reading.ticks
        return WindowState.of(signals, ticks), reading

    try:
        with closing(map_in_order(count, Segments(source, dialect.delimiter), settings.thread_count)) as counts:
            for state, reading in counts:
                for bad in reading.rejected:
                    observe(Rejected(source.name, line + bad.line - 1, bad.column, bad.reason, bad.row))
                fold.push(state)
                rows, counted = rows + state.rows, counted + state.counts[0]
                rejected, line = rejected + len(reading.rejected), line + reading.lines
                observe(Advanced(source.consumed_bytes, rows, counted))
    except BadRecordError as bad:
        # all segments before the bad one are counted, so `line` is where it starts
        raise BadRowError(source.name, line + bad.line - 1, bad.column, bad.text, bad.reason, _ADVICE) from None
    return Count(fold.result(), rejected, warnings)


def count_columns(raw: RawInput, stored: str, settings: Settings, observe: Observer, before: tuple[int, int]) -> Count:
    """Count one Parquet file, Arrow file or Arrow stream, as `count_text` does a text."""
    # pyarrow takes long to import, and most runs do without it
    from streamsig.ingest.arrays import ColumnError, to_ticks  # noqa: PLC0415
    from streamsig.ingest.columnar import open_columnar  # noqa: PLC0415

    newest_first = settings.order == NEWEST_FIRST
    # Parquet has its table of contents at its end: a file is opened by its name, and read out of order
    source = raw.name if raw.is_file else raw
    fold, (rows, counted), rejected, row = Fold(settings.signals, backwards=newest_first), before, 0, 0
    with open_columnar(source, stored, settings.column, raw.name) as table:
        observe(InputFound(raw.name, raw.size_bytes, {"format": stored, "close": table.column_name}))
        for column in table.batches():
            left = column
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
                    rejected += 1
                    observe(Rejected(raw.name, row, table.column_name, bad.reason, bad.text))
            observe(Advanced(raw.consumed_bytes, rows, counted))
    return Count(fold.result(), rejected, ())


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
