"""Counts one columnar input, as `count` does a text."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from streamsig.core.window import Fold, WindowState
from streamsig.engine.count import NEWEST_FIRST, SKIP, Count, warnings_of_table
from streamsig.engine.events import Advanced, InputFound, Rejected, Warned
from streamsig.engine.order import FileOrder
from streamsig.errors import BadRowError
from streamsig.ingest.arrays import ColumnError, to_texts, to_ticks
from streamsig.ingest.columnar import open_columnar
from streamsig.ingest.reader import ADVICE
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
    newest_first = settings.order == NEWEST_FIRST
    # Parquet has its table of contents at its end: a file is opened by its name, and read out of order
    source = raw.name if raw.is_file else raw
    fold, (rows, counted), rejected, row = Fold(settings.counted, backwards=newest_first), before, 0, 0
    with open_columnar(source, stored, settings.column, raw.name) as table:
        time = table.find_time()
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
                state = WindowState.of(settings.counted, ticks.reverse() if newest_first else ticks)
                fold.push(state)
                rows, counted, row = rows + state.rows, counted + state.counts[0], row + len(ticks)
                left = left.slice(len(ticks))
                if bad is not None:
                    row, left = row + 1, left.slice(1)
                    if settings.on_bad_row != SKIP:
                        raise BadRowError(raw.name, row, f'column "{table.column_name}"', bad.text, bad.reason, ADVICE)
                    rejected, sound[row - 1 - start] = rejected + 1, False
                    observe(Rejected(raw.name, row, table.column_name, bad.reason, table.row(row - 1)))
            if order is not None:
                texts = [to_texts(each).filter(pa.array(sound)) for each in times]
                places = np.flatnonzero(sound)
                order.push(order.judge(texts, partial(_numbers, places)), start + 1)
            observe(Advanced(raw.consumed_bytes, rows, counted))
    return Count(fold.result(), rejected, warnings, order)


def _numbers(places: NDArray[np.intp], rows: Collection[int]) -> dict[int, int]:
    return {row: int(places[row]) + 1 for row in rows}


def _order_of_table(table: ColumnarTable, time: TimeColumn, settings: Settings, name: str) -> FileOrder | None:
    if not settings.check_order or not len(table.sample([table.close_index])):
        return None
    sample = table.sample([index for index in (time.index, time.clock) if index is not None])
    times = join([to_texts(column) for column in sample.columns]).to_pylist() if sample.columns else []
    return FileOrder(name, time, table.close_index, times, backwards=settings.order == NEWEST_FIRST)
