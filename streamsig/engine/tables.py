"""Counts one columnar input, as `count` does a text."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from streamsig.columnar.arrays import read_closes, to_texts
from streamsig.columnar.arrow_text import from_arrow, join
from streamsig.columnar.table import open_columnar, open_frame
from streamsig.csv.reader import ADVICE
from streamsig.engine.count import SKIP, asked_of, compared, time_columns, warnings_of_table
from streamsig.engine.events import Advanced, InputFound, Rejected, Warned
from streamsig.engine.stages.accumulator import NEWEST_FIRST, Count, Tally
from streamsig.engine.stages.time_order import FileOrder
from streamsig.errors import BadRowError
from streamsig.fields.numbers import NumberFormat
from streamsig.sniffer.checks.agreement import CloseColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from streamsig.columnar.arrays import Closes
    from streamsig.columnar.table import ArrowStream, ColumnarTable
    from streamsig.config import Settings
    from streamsig.engine.run import Run
    from streamsig.sniffer.time_column import TimeColumn
    from streamsig.sources.streams import RawInput


def count_columns(raw: RawInput, stored: str, run: Run) -> Count:
    """Count one Parquet file, Arrow file or Arrow stream, as `count_text` does a text."""
    # Parquet has its table of contents at its end: a file is opened by its name, and read out of order
    source = raw.name if raw.is_file else raw
    with open_columnar(source, stored, run.settings.column, raw.name) as table:
        found = InputFound(raw.name, raw.size_bytes, {"format": stored})
        return _count_table(table, found, run, lambda: raw.consumed_bytes)


def count_frame(frame: ArrowStream, name: str, run: Run) -> Count:
    """Count a frame of another library; `name` is for messages."""
    with open_frame(frame, run.settings.column, name) as table:
        return _count_table(table, InputFound(name, None, {"format": "frame"}), run, int)


def _count_table(table: ColumnarTable, found: InputFound, run: Run, consumed: Callable[[], int]) -> Count:
    tally, rejected, row, name = Tally(run.settings, run.plan.groups_bytes), 0, 0, found.name
    if run.plan.table_bytes is not None:
        table.limit(run.plan.table_bytes)
    time, groups = table.find_time(), table.find_groups(run.settings.group_by)
    numbers, _ = table.find_numbers(asked_of(run.settings))
    source = close_column_of_table(table, numbers, name)
    warnings = _say_layout(table, found, numbers, time, groups, run)
    for message in (more := compared(source, run)):
        run.observe(Warned(f"{name}: {message}"))
    order, clock = _begin(table, name, time, groups, run)
    first = None
    for column, *others in table.batches((*groups, *clock)):
        closes = read_closes(column, numbers)
        texts, ticks = [to_texts(each) for each in others], closes.ticks
        for bad in _rejected(table, closes, name, row, run):
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
    return Count(tally.result(), rejected, (*warnings, *more), source).check(name, first)


def close_column_of_table(table: ColumnarTable, numbers: NumberFormat, name: str) -> CloseColumn:
    """Return how the closes of a table are read."""
    closes = to_texts(table.sample([table.close_index]).column(0)).to_pylist()
    written = numbers if table.close_is_text else NumberFormat(missing=numbers.missing)
    return CloseColumn.of(name, table.column_name, closes, written)


def _rejected(table: ColumnarTable, closes: Closes, name: str, before: int, run: Run) -> Iterator[Rejected]:
    """Yield the bad rows of a batch that has so many rows before it; raises BadRowError unless they are left out."""
    if run.settings.on_bad_row != SKIP:
        for bad in closes.bad():
            line = before + bad.row + 1
            raise BadRowError(name, line, f'column "{table.column_name}"', bad.text, bad.reason, bad.advice or ADVICE)
    rows = table.row_lines((closes.bad_rows + before).tolist())
    for bad, text in zip(closes.bad(), rows, strict=True):
        yield Rejected(name, before + bad.row + 1, table.column_name, bad.reason, text)


def _say_layout(  # noqa: PLR0913, PLR0917 (once for all)
    table: ColumnarTable,
    found: InputFound,
    numbers: NumberFormat,
    time: TimeColumn,
    groups: Sequence[int],
    run: Run,
) -> tuple[str, ...]:
    """Tell how the table is understood; return what a person should know of it."""
    layout = {**found.layout, "close": table.column_name, "direction": time.direction}
    if table.close_is_text:
        layout |= {"decimal": numbers.decimal, "thousands": numbers.thousands}
    if groups:
        layout["group_by"] = [table.schema.names[index] for index in groups]
    run.observe(replace(found, layout=layout))
    warnings = (*warnings_of_table(time, run.settings), *table.check_close(time, groups, numbers))
    for message in warnings:
        run.observe(Warned(f"{found.name}: {message}"))
    return warnings


def _begin(
    table: ColumnarTable, name: str, time: TimeColumn, groups: Sequence[int], run: Run
) -> tuple[FileOrder | None, tuple[int, ...]]:
    """Let what goes on beside the counts begin the table; return what judges times, and the columns that tell them."""
    order = None
    if run.order is not None:
        run.order.begin(order := _order_of_table(table, time, run.settings, name))
    clock = () if order is None and run.teller is None else time_columns(time, table.close_index)
    if run.teller is not None:
        run.teller.begin(time=clock, keys=[str(table.schema.names[index]) for index in groups])
    return order, clock


def _numbers(closes: Closes, rows: Collection[int]) -> dict[int, int]:
    """Return the number of rows in their batch, from 1, by their place among the rows that are not bad."""
    places = closes.good_rows()
    return {row: int(places[row]) + 1 for row in rows}


def _order_of_table(table: ColumnarTable, time: TimeColumn, settings: Settings, name: str) -> FileOrder | None:
    if not len(table.sample([table.close_index])):
        return None
    sample = table.sample([index for index in (time.index, time.clock) if index is not None])
    times = join([to_texts(column) for column in sample.columns]).to_pylist() if sample.columns else []
    return FileOrder(name, time, table.close_index, times, backwards=settings.order == NEWEST_FIRST)
