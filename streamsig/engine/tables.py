"""Counts one columnar input, as `count` does a text."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from streamsig.engine.budget import Plan
from streamsig.engine.count import SKIP, time_columns, warnings_of_table
from streamsig.engine.events import Advanced, InputFound, Rejected, Warned
from streamsig.engine.order import FileOrder
from streamsig.engine.tally import NEWEST_FIRST, Count, Tally
from streamsig.errors import BadRowError
from streamsig.ingest.arrays import ColumnError, to_texts, to_ticks
from streamsig.ingest.columnar import open_columnar, open_frame
from streamsig.ingest.reader import ADVICE
from streamsig.ingest.texts import from_arrow
from streamsig.ingest.times import join

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray

    from streamsig.config import Settings
    from streamsig.engine.events import Observer
    from streamsig.engine.teller import Teller
    from streamsig.ingest.columnar import ArrowStream, ColumnarTable
    from streamsig.ingest.sources import RawInput
    from streamsig.ingest.timecolumn import TimeColumn


def count_columns(  # noqa: PLR0913, PLR0917 (what all inputs of a run share)
    raw: RawInput,
    stored: str,
    settings: Settings,
    observe: Observer,
    before: tuple[int, int],
    teller: Teller | None = None,
    plan: Plan | None = None,
) -> Count:
    """Count one Parquet file, Arrow file or Arrow stream, as `count_text` does a text."""
    # Parquet has its table of contents at its end: a file is opened by its name, and read out of order
    source = raw.name if raw.is_file else raw
    with open_columnar(source, stored, settings.column, raw.name) as table:
        found = InputFound(raw.name, raw.size_bytes, {"format": stored})
        return _count_table(table, found, settings, observe, before, lambda: raw.consumed_bytes, teller, plan)


def count_frame(  # noqa: PLR0913, PLR0917 (as above)
    frame: ArrowStream,
    name: str,
    settings: Settings,
    observe: Observer,
    before: tuple[int, int],
    teller: Teller | None = None,
    plan: Plan | None = None,
) -> Count:
    """Count a frame of another library; `name` is for messages."""
    with open_frame(frame, settings.column, name) as table:
        return _count_table(
            table, InputFound(name, None, {"format": "frame"}), settings, observe, before, int, teller, plan
        )


def _count_table(  # noqa: C901, PLR0913, PLR0917 (as above)
    table: ColumnarTable,
    found: InputFound,
    settings: Settings,
    observe: Observer,
    before: tuple[int, int],
    consumed: Callable[[], int],
    teller: Teller | None,
    plan: Plan | None,
) -> Count:
    name, plan = found.name, plan or Plan(settings.thread_count)
    tally, (rows, counted), rejected, row = Tally(settings, plan.groups_bytes), before, 0, 0
    if plan.table_bytes is not None:
        table.limit(plan.table_bytes)
    time = table.find_time()
    groups = table.find_groups(settings.group_by)
    layout = {**found.layout, "close": table.column_name, "direction": time.direction}
    if groups:
        layout["group_by"] = [table.schema.names[index] for index in groups]
    observe(replace(found, layout=layout))
    warnings = warnings_of_table(time, settings)
    for message in warnings:
        observe(Warned(f"{name}: {message}"))
    order = _order_of_table(table, time, settings, name)
    clock = () if order is None and teller is None else time_columns(time, table.close_index)
    if teller is not None:
        teller.begin(has_time=bool(clock), keys=[str(table.schema.names[index]) for index in groups])
    for column, *others in table.batches((*groups, *clock)):
        start, left, sound = row, column, np.ones(len(column), np.bool_)
        texts = [to_texts(each) for each in others]
        while len(left):
            try:
                ticks, bad = to_ticks(left), None
            except ColumnError as error:
                ticks, bad = to_ticks(left.slice(0, error.row)), error
            mine = [from_arrow(each.slice(row - start, len(ticks))) for each in texts]
            keys, when = mine[: len(groups)], mine[len(groups) :]
            if teller is not None:
                teller.push(ticks, keys, when)
            more_rows, more_counted = tally.push(tally.prepare(ticks, keys))
            plan.check_closes(tally.limbs)
            rows, counted, row = rows + more_rows, counted + more_counted, row + len(ticks)
            left = left.slice(len(ticks))
            if bad is not None:
                row, left = row + 1, left.slice(1)
                if settings.on_bad_row != SKIP:
                    raise BadRowError(name, row, f'column "{table.column_name}"', bad.text, bad.reason, ADVICE)
                rejected, sound[row - 1 - start] = rejected + 1, False
                observe(Rejected(name, row, table.column_name, bad.reason, table.row(row - 1)))
        if order is not None:
            times = [from_arrow(each.filter(pa.array(sound))) for each in texts[len(groups) :]]
            places = np.flatnonzero(sound)
            order.push(order.judge(times, partial(_numbers, places)), start + 1)
        observe(Advanced(consumed(), rows, counted))
    if teller is not None:
        teller.end()
    return Count(tally.result(), rejected, warnings, order)


def _numbers(places: NDArray[np.intp], rows: Collection[int]) -> dict[int, int]:
    return {row: int(places[row]) + 1 for row in rows}


def _order_of_table(table: ColumnarTable, time: TimeColumn, settings: Settings, name: str) -> FileOrder | None:
    if not settings.check_order or not len(table.sample([table.close_index])):
        return None
    sample = table.sample([index for index in (time.index, time.clock) if index is not None])
    times = join([to_texts(column) for column in sample.columns]).to_pylist() if sample.columns else []
    return FileOrder(name, time, table.close_index, times, backwards=settings.order == NEWEST_FIRST)
