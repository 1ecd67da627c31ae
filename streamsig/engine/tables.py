"""Counts one columnar input, as `count` does a text."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from streamsig.engine.count import SKIP, time_columns, warnings_of_table
from streamsig.engine.events import Advanced, InputFound, Rejected, Warned
from streamsig.engine.order import FileOrder
from streamsig.engine.tally import NEWEST_FIRST, Count, Tally
from streamsig.errors import BadRowError, ColumnError
from streamsig.ingest.arrays import to_texts, to_ticks
from streamsig.ingest.columnar import open_columnar, open_frame
from streamsig.ingest.reader import ADVICE
from streamsig.ingest.texts import from_arrow, join

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from streamsig.config import Settings
    from streamsig.core.ticks import Ticks
    from streamsig.engine.run import Run
    from streamsig.ingest.columnar import ArrowStream, ColumnarTable
    from streamsig.ingest.sources import RawInput
    from streamsig.ingest.timecolumn import TimeColumn


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
    warnings = _say_layout(table, found, time, groups, run)
    order, clock = _begin(table, name, time, groups, run)
    for column, *others in table.batches((*groups, *clock)):
        start, sound = row, np.ones(len(column), np.bool_)
        texts = [to_texts(each) for each in others]
        for ticks, bad in _runs(column):
            mine = [from_arrow(each.slice(row - start, len(ticks))) for each in texts]
            if run.teller is not None:
                run.teller.push(ticks, mine[: len(groups)], mine[len(groups) :])
            tally.push(tally.prepare(ticks, mine[: len(groups)]))
            run.plan.check_closes(tally.limbs)
            row += len(ticks)
            if bad is not None:
                row += 1
                if run.settings.on_bad_row != SKIP:
                    raise BadRowError(
                        name, row, f'column "{table.column_name}"', bad.text, bad.reason, bad.advice or ADVICE
                    )
                rejected, sound[row - 1 - start] = rejected + 1, False
                run.observe(Rejected(name, row, table.column_name, bad.reason, table.row(row - 1)))
        if order is not None:
            times = [from_arrow(each.filter(pa.array(sound))) for each in texts[len(groups) :]]
            places = np.flatnonzero(sound)
            order.push(order.judge(times, partial(_numbers, places)), start + 1)
        run.observe(Advanced(consumed(), run.total.rows + tally.rows, run.total.signals + tally.counted))
    run.end_input()
    return Count(tally.result(), rejected, warnings)


def _say_layout(
    table: ColumnarTable, found: InputFound, time: TimeColumn, groups: Sequence[int], run: Run
) -> tuple[str, ...]:
    """Tell how the table is understood; return what a person should know of it."""
    layout = {**found.layout, "close": table.column_name, "direction": time.direction}
    if groups:
        layout["group_by"] = [table.schema.names[index] for index in groups]
    run.observe(replace(found, layout=layout))
    warnings = warnings_of_table(time, run.settings)
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


def _runs(column: pa.Array) -> Iterator[tuple[Ticks, ColumnError | None]]:
    """Yield the closes up to each that cannot be read, and what is wrong with that one."""
    while len(column):
        try:
            ticks, bad = to_ticks(column), None
        except ColumnError as error:
            ticks, bad = to_ticks(column.slice(0, error.row)), error
        yield ticks, bad
        column = column.slice(len(ticks) + (bad is not None))


def _numbers(places: NDArray[np.intp], rows: Collection[int]) -> dict[int, int]:
    return {row: int(places[row]) + 1 for row in rows}


def _order_of_table(table: ColumnarTable, time: TimeColumn, settings: Settings, name: str) -> FileOrder | None:
    if not len(table.sample([table.close_index])):
        return None
    sample = table.sample([index for index in (time.index, time.clock) if index is not None])
    times = join([to_texts(column) for column in sample.columns]).to_pylist() if sample.columns else []
    return FileOrder(name, time, table.close_index, times, backwards=settings.order == NEWEST_FIRST)
