"""Counts one columnar input, as `count` does a text."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from streamsig.columnar.arrays import read_closes, to_texts
from streamsig.columnar.arrow_text import from_arrow
from streamsig.columnar.table import open_columnar, open_frame
from streamsig.csv.reader import ADVICE
from streamsig.engine.count import SKIP, time_columns
from streamsig.engine.detection import compare_with
from streamsig.engine.events import Advanced, InputFound, Rejected, Warned
from streamsig.engine.stages.accumulator import NEWEST_FIRST, Count, Tally
from streamsig.engine.stages.time_order import FileOrder
from streamsig.errors import BadRowError
from streamsig.sniffer.layout import LayoutOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from streamsig.columnar.arrays import Closes
    from streamsig.columnar.table import ColumnarTable
    from streamsig.core.window import ArrowStream
    from streamsig.engine.run import Run
    from streamsig.sniffer.layout import Layout
    from streamsig.sources.raw_input import RawInput


def count_columns(raw: RawInput, stored: str, run: Run) -> Count:
    """Count one Parquet file, Arrow file or Arrow stream, as `count_text` does a text."""
    # Parquet has its table of contents at its end: a file is opened by its name, and read out of order
    source = raw.name if raw.is_file else raw
    with open_columnar(source, stored, raw.name) as table:
        return _count_table(table, InputFound(raw.name, raw.size_bytes, {}), run, lambda: raw.consumed_bytes)


def count_frame(frame: ArrowStream, name: str, run: Run) -> Count:
    """Count a frame of another library; `name` is for messages."""
    with open_frame(frame, name) as table:
        return _count_table(table, InputFound(name, None, {}), run, int)


def _count_table(table: ColumnarTable, found: InputFound, run: Run, consumed: Callable[[], int]) -> Count:
    tally, rejected, row, name = Tally(run.settings, run.plan.groups_bytes), 0, 0, found.name
    if run.plan.table_bytes is not None:
        table.limit(run.plan.table_bytes)
    layout = table.detect(LayoutOptions.of(run.settings))
    run.observe(replace(found, layout=layout.to_log()))
    source, groups = layout.close_column(name), layout.groups
    warnings = (*layout.warnings, *compare_with(run.total.close_column, source, run.settings))
    for message in warnings:
        run.observe(Warned(f"{name}: {message}"))
    order, clock = _begin(name, layout, run)
    first, title = None, layout.column
    for column, *others in table.batches((layout.dialect.close, *groups, *clock)):
        closes = read_closes(column, layout.dialect.numbers)
        texts, ticks = [to_texts(each) for each in others], closes.ticks
        for bad in _rejected(table, closes, (name, title), row, run):
            first = first or bad
            run.observe(bad)
        if len(closes.bad_rows):
            rejected += len(closes.bad_rows)
            rows = closes.good_rows()
            ticks, texts = ticks.take(rows), [each.take(pa.array(rows)) for each in texts]
        words = [from_arrow(each) for each in texts]
        keys, times = words[: len(groups)], words[len(groups) :]
        if run.teller is not None:
            run.teller.push(ticks, keys, times)
        tally.push(tally.prepare(ticks, keys))
        run.plan.check_closes(tally.limbs)
        if order is not None:
            order.push(order.judge(times, partial(_numbers, closes)), row + 1)
        row += len(column)
        run.observe(Advanced(consumed(), run.total.rows + tally.rows, run.total.signals + tally.counted))
    run.end_input()
    return Count(tally.result(), rejected, warnings, source).check(name, first)


def _rejected(table: ColumnarTable, closes: Closes, name: tuple[str, str], before: int, run: Run) -> Iterator[Rejected]:
    """Yield the bad rows of a batch that has so many rows before it; raises BadRowError unless they are left out.

    `name` is that of the input and of its close column.
    """
    file, column = name
    if run.settings.on_bad_row != SKIP:
        for bad in closes.bad():
            line = before + bad.row + 1
            raise BadRowError(file, line, f'column "{column}"', bad.text, bad.reason, bad.advice or ADVICE)
    rows = table.row_lines((closes.bad_rows + before).tolist())
    for bad, text in zip(closes.bad(), rows, strict=True):
        yield Rejected(file, before + bad.row + 1, column, bad.reason, text)


def _begin(name: str, layout: Layout, run: Run) -> tuple[FileOrder | None, tuple[int, ...]]:
    """Let what goes on beside the counts begin the table; return what judges times, and the columns that tell them."""
    order = None
    if run.order is not None:
        if layout.rows_sampled:
            backwards = run.settings.order == NEWEST_FIRST
            order = FileOrder(name, layout.time_column, layout.dialect.close, layout.times, backwards=backwards)
        run.order.begin(order)
    clock = () if order is None and run.teller is None else time_columns(layout.time_column, layout.dialect.close)
    if run.teller is not None:
        run.teller.begin(time=clock, keys=[(layout.dialect.header or ())[index] for index in layout.groups])
    return order, clock


def _numbers(closes: Closes, rows: Collection[int]) -> dict[int, int]:
    """Return the number of rows in their batch, from 1, by their place among the rows that are not bad."""
    places = closes.good_rows()
    return {row: int(places[row]) + 1 for row in rows}
