"""Tells the rows of a run as record batches, while they are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from streamsig.core.groups import MAX_BYTES, TooManyGroupsError
from streamsig.core.keys import KeyTable, number_keys
from streamsig.core.signals import Signal
from streamsig.core.ticks import Ticks, concat
from streamsig.engine.rows import ManySeries, NewestFirst, OneSeries
from streamsig.engine.rowtable import RowTable
from streamsig.engine.tally import NEWEST_FIRST, too_many
from streamsig.errors import UsageError
from streamsig.ingest.texts import to_arrow
from streamsig.ingest.times import join

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamsig.config import Settings
    from streamsig.core.keys import Texts
    from streamsig.engine.rows import RowSignals

SIGNAL = "signal"
"""What the signal is called that only a window is named for."""


class Teller:
    """Takes the rows of all inputs in order, and tells them in that order; the first batch has none, but the schema.

    Raises UsageError for settings under which rows would have to wait for the end of the input, and LayoutError where
    what is kept of groups would take more than `groups_bytes`.
    """

    def __init__(
        self, settings: Settings, tell: Callable[[pa.RecordBatch], None], groups_bytes: int = MAX_BYTES
    ) -> None:
        self._backwards = settings.order == NEWEST_FIRST
        if self._backwards and settings.group_by:
            raise UsageError("rows of groups cannot be told newest first: each would wait for the next of its group")
        if settings.checkpoint is not None:
            raise UsageError("rows cannot go on from a checkpoint: what is written of them is not whole; leave out one")
        self._named = settings.signals or ((SIGNAL, Signal(1, settings.window)),)
        self._signals = tuple(signal for _, signal in self._named)
        self._per_file, self._grouped = settings.per_file, bool(settings.group_by)
        self._tell, self._groups_bytes = tell, groups_bytes
        self._table: RowTable | None = None
        self._begin_series()

    def begin(self, *, has_time: bool, keys: Sequence[str]) -> None:
        """Begin an input; the columns of the first one are those of all."""
        self._has_time = has_time
        if self._table is None:
            self._wants_time = has_time
            self._table = RowTable(self._named, keys=keys, has_time=has_time)
            self._tell(
                pa.RecordBatch.from_arrays(
                    [pa.nulls(0, it.type) for it in self._table.schema], schema=self._table.schema
                )
            )

    def push(self, ticks: Ticks, keys: Sequence[Texts], times: Sequence[Texts]) -> None:
        """Take further rows, with the texts of their keys and times. Raises OutputError."""
        texts = [to_arrow(each) for each in keys]
        if self._wants_time:
            time = join([to_arrow(each) for each in times]) if self._has_time else pa.nulls(len(ticks), pa.string())
            texts = [time, *texts]
        if isinstance(self._series, ManySeries):
            distinct, places = number_keys(keys)
            try:
                told = self._series.push(ticks, self._keys.number(distinct)[places])
            except TooManyGroupsError as error:
                raise too_many(error) from None
            self._emit(ticks, texts, told)
        elif isinstance(self._series, OneSeries):
            self._emit(ticks, texts, self._series.push(ticks))
        else:
            self._hold(ticks, texts)
            self._emit_held(self._series.push(ticks))

    def end(self) -> None:
        """End an input."""
        if isinstance(self._series, NewestFirst):
            self._emit_held(self._series.end_file())
        if self._per_file:
            self._begin_series()

    def _begin_series(self) -> None:
        self._series: ManySeries | NewestFirst | OneSeries
        if self._grouped:
            self._series = ManySeries(self._signals, self._groups_bytes)
        else:
            self._series = (NewestFirst if self._backwards else OneSeries)(self._signals)
        self._keys = KeyTable()
        self._held: tuple[Ticks, list[pa.Array]] = (Ticks.empty(), [])

    def _hold(self, ticks: Ticks, texts: list[pa.Array]) -> None:
        waiting, held = self._held
        joined = [pa.concat_arrays(pair) for pair in zip(held, texts, strict=True)] if held else texts
        self._held = (concat([waiting, ticks]), joined)

    def _emit_held(self, told: RowSignals) -> None:
        ticks, texts = self._held
        done = len(told.flags[0])
        self._held = (ticks.slice(done, len(ticks)), [each.slice(done) for each in texts])
        self._emit(ticks.slice(0, done), [each.slice(0, done) for each in texts], told)

    def _emit(self, ticks: Ticks, texts: list[pa.Array], told: RowSignals) -> None:
        if len(ticks) and self._table is not None:
            self._tell(self._table.batch(ticks, texts, told))
