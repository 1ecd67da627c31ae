"""Tells the rows of a run as record batches, while they are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import pyarrow as pa

from streamsig.columnar.arrow_text import join, to_arrow
from streamsig.core.groups import MAX_BYTES, GroupState, TooManyGroupsError
from streamsig.core.keys import KeyTable, Texts, number_keys
from streamsig.core.signals import Signal
from streamsig.core.ticks import Ticks, concat
from streamsig.engine.sink import Sink
from streamsig.engine.stages.accumulator import NEWEST_FIRST, too_many
from streamsig.engine.stages.row_table import RowTable
from streamsig.engine.stages.row_windows import ManySeries, NewestFirst, OneSeries
from streamsig.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from streamsig.config import Settings
    from streamsig.core.window import WindowState
    from streamsig.engine.stages.accumulator import Total
    from streamsig.engine.stages.row_windows import RowSignals

SIGNAL = "signal"
"""What the signal is called that only a window is named for."""


class MarkedSink(Sink["pa.RecordBatch"], Protocol):
    """A sink of which a snapshot may be of an earlier moment."""

    def mark(self) -> int:
        """Return a mark of what was written so far."""

    def keep(self, mark: int) -> Mapping[str, Any]:
        """Return a snapshot of what was written before a mark."""


class Told(NamedTuple):
    """How far rows are told: the keeper's mark, their columns, and the texts of those that wait to be told.

    The columns are settled where there are rows. `time` has the fields of the input that tell the time.
    """

    mark: int
    columns: Mapping[str, Any]
    are_settled: bool
    time: Sequence[int]
    waiting: Sequence[pa.Array]


class Teller:
    """Takes the rows of all inputs in order, and tells them in that order; the first batch has none, but the schema.

    Raises UsageError for settings under which rows would have to wait for the end of the input, and for a checkpoint
    where they are not kept; LayoutError where what is kept of groups would take more than `groups_bytes`.
    """

    _series: ManySeries | NewestFirst | OneSeries
    _held: tuple[Ticks, list[pa.Array]]
    """Rows that wait: closes, and the texts of their times."""

    def __init__(
        self,
        settings: Settings,
        tell: Callable[[pa.RecordBatch], None] | Sink[pa.RecordBatch],
        groups_bytes: int = MAX_BYTES,
    ) -> None:
        self._backwards = settings.order == NEWEST_FIRST
        if self._backwards and settings.group_by:
            raise UsageError("rows of groups cannot be told newest first: each would wait for the next of its group")
        if settings.checkpoint is not None and not isinstance(tell, Sink):
            raise UsageError("rows resume from a checkpoint only in a file; leave out the checkpoint")
        self._named = settings.signals or ((SIGNAL, Signal(1, settings.window)),)
        self._signals = tuple(signal for _, signal in self._named)
        self._per_file, self._grouped = settings.per_file, bool(settings.group_by)
        self._tell = tell.write if isinstance(tell, Sink) else tell
        self._sink, self._groups_bytes = tell, groups_bytes
        self._table: RowTable | None = None
        self._columns: dict[str, Any] = {}
        self._time: tuple[int, ...] = ()
        self._begin_series()

    def begin(self, *, time: Sequence[int], keys: Sequence[str]) -> None:
        """Begin an input, whose fields `time` tell the time; the first one with rows tells the columns of all."""
        self._time = tuple(time)
        if self._table is None:
            self._columns = {"has_time": bool(time), "keys": list(keys)}

    def finish(self) -> None:
        """Tell the columns, at least, of inputs that have no rows."""
        if self._table is None and self._columns:
            self._tell_columns(self._make_table())

    def mark(self) -> Told:
        """Return how far rows are told (`Resumable`); only those that go to a keeper go on."""
        return Told(self._kept.mark(), self._columns, self._table is not None, self._time, self._held[1])

    def keep(self, mark: Told) -> dict[str, Any]:
        """Make the rows that were told outlive the program; return what `resume` and `go_on` take, as JSON has it."""
        return {
            "file": self._kept.keep(mark.mark),
            "columns": mark.columns,
            "are_settled": mark.are_settled,
            "time": mark.time,
            "waiting": [each.to_pylist() for each in mark.waiting],
        }

    def resume(self, kept: Mapping[str, Any] | None, total: Total) -> None:
        """Go on behind the rows of whole inputs, which `total` has counted, or begin anew.

        Raises ValueError where the rows are not there.
        """
        self._kept.restore(kept and kept["file"])
        if kept is None:
            return
        self._columns = _columns(kept["columns"])
        if not kept["are_settled"]:
            return
        self._make_table(first=total.rows + 1)
        if self._per_file:
            return
        if total.groups is not None:
            self._replay(total.groups)
        elif isinstance(self._series, NewestFirst):
            self._series.go_on(before=total.state.tail.reverse())
        elif isinstance(self._series, OneSeries):
            self._series.push(total.state.tail)

    def go_on(self, kept: Mapping[str, Any], state: WindowState | GroupState) -> None:
        """Go on behind the first rows of an input, which are counted in its state."""
        if state.rows and tuple(kept["time"]) != self._time:
            raise ValueError("another column tells the time than when the rows were told")
        waiting = [_from_plain(each) for each in kept["waiting"]]
        behind = state.rows
        if isinstance(state, GroupState):
            self._replay(state)
        elif isinstance(self._series, NewestFirst):
            # the state is in the order of time: its head are the rows that were read last
            texts = self._columns.get("has_time", False) + len(self._columns.get("keys", ()))
            if len(state.head) and [len(each) for each in waiting] != [len(state.head)] * texts:
                raise ValueError(f"texts of other rows than the {len(state.head)} that wait")
            self._held = (state.head.reverse(), waiting)
            self._series.go_on(head=state.tail.reverse(), waiting=state.head.reverse())
            behind -= len(state.head)
        elif isinstance(self._series, OneSeries):
            self._series.push(state.tail)
        if self._table is not None:
            self._table.skip(behind)

    @property
    def _kept(self) -> MarkedSink:
        return cast("MarkedSink", self._sink)

    def _replay(self, state: GroupState) -> None:
        """Take the last closes of each group as rows, and tell nothing of them."""
        if isinstance(self._series, ManySeries):
            series = self._keys.number(state.keys())
            for groups, ticks in state.tails():
                self._push_keyed(ticks, series[groups])

    def _push_keyed(self, ticks: Ticks, series: NDArray[np.int32]) -> RowSignals:
        try:
            return cast("ManySeries", self._series).push(ticks, series, self._groups_bytes - self._keys.needs_bytes)
        except TooManyGroupsError as error:
            raise too_many(error) from None

    def _make_table(self, first: int = 1) -> RowTable:
        self._table = RowTable(self._named, **self._columns, first=first)
        return self._table

    def _tell_columns(self, table: RowTable) -> None:
        self._tell(pa.RecordBatch.from_arrays([pa.nulls(0, it.type) for it in table.schema], schema=table.schema))

    def push(self, ticks: Ticks, keys: Sequence[Texts], times: Sequence[Texts]) -> None:
        """Take further rows, with the texts of their keys and times. Raises OutputError."""
        if not len(ticks):
            return
        if self._table is None:
            self._tell_columns(self._make_table())
        texts = [to_arrow(each.in_utf8()) for each in keys]
        if self._columns["has_time"]:
            parts = [to_arrow(each.in_utf8()) for each in times]
            texts = [join(parts) if self._time else pa.nulls(len(ticks), pa.string()), *texts]
        if isinstance(self._series, ManySeries):
            distinct, places = number_keys(keys)
            self._emit(ticks, texts, self._push_keyed(ticks, self._keys.number(distinct)[places]))
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
        if self._grouped:
            self._series = ManySeries(self._signals)
        else:
            self._series = (NewestFirst if self._backwards else OneSeries)(self._signals)
        self._keys = KeyTable()
        self._held = (Ticks.empty(), [])

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


def _from_plain(plain: Sequence[str | None]) -> pa.Array:
    """Return texts that a checkpoint has."""
    return pa.array([None if text is None else str(text) for text in plain], pa.string())


def _columns(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of the columns; raises ValueError for what no rows have."""
    if not plain:
        return {}
    has_time, keys = plain["has_time"], plain["keys"]
    if type(has_time) is not bool or not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("columns that no rows have")
    return {"has_time": has_time, "keys": keys}
