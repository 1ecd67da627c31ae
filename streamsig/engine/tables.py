"""Counts one columnar input, as `count` does a text."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from streamsig.engine.count import SKIP, Count, warnings_of_table
from streamsig.engine.events import Advanced, InputFound, Rejected, Warned
from streamsig.engine.order import FileOrder
from streamsig.engine.tally import NEWEST_FIRST, Tally
from streamsig.errors import BadRowError
from streamsig.ingest.arrays import ColumnError, to_texts, to_ticks
from streamsig.ingest.columnar import open_columnar
from streamsig.ingest.reader import ADVICE
from streamsig.ingest.texts import from_arrow
from streamsig.ingest.times import join

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from streamsig.config import Settings
    from streamsig.engine.events import Observer
    from streamsig.ingest.columnar import ColumnarTable
    from streamsig.ingest.sources import RawInput
    from streamsig.ingest.timecolumn import TimeColumn


def count_columns(raw: RawInput, stored: str, settings: Settings, observe: Observer, before: tuple[int, int]) -> Count:
    """Count one Parquet file, Arrow file or Arrow stream, as `count_text` does a text."""
    # Parquet has its table of contents at its end: a file is opened by its name, and read out of order
    source = raw.name if raw.is_file else raw
    tally, (rows, counted), rejected, row = Tally(settings), before, 0, 0
    with open_columnar(source, stored, settings.column, raw.name) as table:
        time = table.find_time()
        groups = table.find_groups(settings.group_by)
        layout: dict[str, Any] = {"format": stored, "close": table.column_name, "direction": time.direction}
        if groups:
            layout["group_by"] = [table.schema.names[index] for index in groups]
        observe(InputFound(raw.name, raw.size_bytes, layout))
        warnings = warnings_of_table(time, settings)
        for message in warnings:
            observe(Warned(f"{raw.name}: {message}"))
        order = _order_of_table(table, time, settings, raw.name)
        # never both: make_settings sees to that
        for column, *others in table.batches(groups if order is None else order.columns):
            start, left, sound = row, column, np.ones(len(column), np.bool_)
            texts = [to_texts(each) for each in others]
            while len(left):
                try:
                    ticks, bad = to_ticks(left), None
                except ColumnError as error:
                    ticks, bad = to_ticks(left.slice(0, error.row)), error
                keys = [from_arrow(each.slice(row - start, len(ticks))) for each in texts]
                more_rows, more_counted = tally.push(tally.prepare(ticks, keys))
                rows, counted, row = rows + more_rows, counted + more_counted, row + len(ticks)
                left = left.slice(len(ticks))
                if bad is not None:
                    row, left = row + 1, left.slice(1)
                    if settings.on_bad_row != SKIP:
                        raise BadRowError(raw.name, row, f'column "{table.column_name}"', bad.text, bad.reason, ADVICE)
                    rejected, sound[row - 1 - start] = rejected + 1, False
                    observe(Rejected(raw.name, row, table.column_name, bad.reason, table.row(row - 1)))
            if order is not None:
                times = [from_arrow(each.filter(pa.array(sound))) for each in texts]
                places = np.flatnonzero(sound)
                order.push(order.judge(times, partial(_numbers, places)), start + 1)
            observe(Advanced(raw.consumed_bytes, rows, counted))
    return Count(tally.result(), rejected, warnings, order)


def _numbers(places: NDArray[np.intp], rows: Collection[int]) -> dict[int, int]:
    return {row: int(places[row]) + 1 for row in rows}


def _order_of_table(table: ColumnarTable, time: TimeColumn, settings: Settings, name: str) -> FileOrder | None:
    if not settings.check_order or not len(table.sample([table.close_index])):
        return None
    sample = table.sample([index for index in (time.index, time.clock) if index is not None])
    times = join([to_texts(column) for column in sample.columns]).to_pylist() if sample.columns else []
    return FileOrder(name, time, table.close_index, times, backwards=settings.order == NEWEST_FIRST)
