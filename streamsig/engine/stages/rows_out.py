"""The stage that emits the rows: each with its close, its moving averages and its signals, as record batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from streamsig.columnar.arrow_text import join, to_arrow
from streamsig.core.signals import Signal
from streamsig.core.ticks import Ticks, concat
from streamsig.engine.stages.accumulator import NEWEST_FIRST, GroupAccumulator, SeriesAccumulator
from streamsig.engine.stages.row_table import RowTable
from streamsig.engine.stages.row_windows import NewestFirst, OneSeries
from streamsig.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from streamsig.core.keys import Texts
    from streamsig.core.row_signals import RowValues
    from streamsig.engine.batches.batch import Batch, OpenInput, Position
    from streamsig.engine.stages.stage import Document
    from streamsig.settings.settings import Settings

SIGNAL = "signal"
"""The name of the signal if the settings have only a window."""


class Rows(NamedTuple):
    """Rows with the texts of their keys and times."""

    ticks: Ticks
    keys: Sequence[Texts]
    times: Sequence[Texts]


class RowsOut:
    """Emits the rows of all inputs in order; the first batch has no rows, only the schema.

    This stage comes after the accumulator, whose state restores the windows and which has the values of rows of groups.
    Raises UsageError if rows would have to wait for the end of the input.
    """

    name = "rows"
    _series: NewestFirst | OneSeries
    _waiting: tuple[Ticks, list[pa.Array]]
    """The rows that wait: closes, and texts of the other columns."""

    def __init__(
        self,
        settings: Settings,
        emit: Callable[[pa.RecordBatch], None],
        accumulator: SeriesAccumulator | GroupAccumulator,
    ) -> None:
        self._backwards = settings.order == NEWEST_FIRST
        if self._backwards and settings.group_by:
            raise UsageError("rows of groups cannot be emitted newest first: each would wait for the next of its group")
        self._named = settings.signals or ((SIGNAL, Signal(1, settings.window)),)
        self._signals = tuple(signal for _, signal in self._named)
        self._per_file, self._write, self._accumulator = settings.per_file, emit, accumulator
        self._table: RowTable | None = None
        self._has_time, self._keys = False, list[str]()
        self._time: tuple[int, ...] = ()
        self._restored_time: tuple[int, ...] | None = None
        self._begin_series()

    def begin_input(self, opened: OpenInput, start: Position) -> None:
        """Begin an input; the first one with rows settles the columns of all."""
        self._time = opened.time_fields
        if start.rows and self._restored_time not in {None, self._time}:
            raise ValueError("another column has the times than when the rows were written")
        self._restored_time = None
        if self._table is None:
            self._has_time, self._keys = bool(self._time), list(opened.keys)

    def prepare(self, batch: Batch) -> Rows:
        """Return the columns of the rows; arrays of texts would need more memory while they wait."""
        return Rows(batch.ticks, batch.keys, batch.times)

    def push(self, part: Rows, start: Position) -> None:  # noqa: ARG002 (`Stage`)
        """Emit the rows whose windows are known; raises OutputError."""
        ticks = part.ticks
        if not len(ticks):
            return
        self._settle_columns()
        texts = [to_arrow(each.in_utf8()) for each in part.keys]
        if self._has_time:
            times = [to_arrow(each.in_utf8()) for each in part.times]
            texts = [join(times) if self._time else pa.nulls(len(ticks), pa.string()), *texts]
        values = self._accumulator.row_values if isinstance(self._accumulator, GroupAccumulator) else None
        if values is not None:
            self._emit(ticks, texts, values)
        elif isinstance(self._series, NewestFirst):
            self._hold(ticks, texts)
            self._emit_waiting(self._series.push(ticks))
        else:
            self._emit(ticks, texts, self._series.push(ticks))

    def end_input(self) -> None:
        """Emit the rows that still wait."""
        if isinstance(self._series, NewestFirst):
            self._emit_waiting(self._series.end_file())
        if self._per_file:
            self._begin_series()

    def finish(self) -> None:
        """Emit the schema if there were no rows."""
        self._settle_columns()

    def snapshot(self) -> Iterator[Document]:
        """Yield the columns, and the texts of the rows that wait."""
        yield {
            "has_time": self._has_time,
            "keys": self._keys,
            "time": list(self._time),
            "waiting": [each.to_pylist() for each in self._waiting[1]],
        }

    def restore(self, documents: Iterable[Document]) -> None:
        """Take what `snapshot` yielded; raises ValueError."""
        (plain,) = documents
        accumulator, (has_time, keys) = self._accumulator, _columns(plain)
        self._has_time, self._keys, self._restored_time = has_time, keys, tuple(plain["time"])
        if not accumulator.rows:
            return
        waiting = Ticks.empty()
        if isinstance(accumulator, SeriesAccumulator) and isinstance(self._series, OneSeries):
            self._series.push(accumulator.open.tail)
        elif isinstance(accumulator, SeriesAccumulator):
            # the states are in the order of time: the heads are the rows that were read last
            opened, waiting = accumulator.open, accumulator.open.head.reverse()
            texts = [_from_plain(each) for each in plain["waiting"]]
            if len(waiting) and [len(each) for each in texts] != [len(waiting)] * (has_time + len(keys)):
                raise ValueError(f"texts of other rows than the {len(waiting)} that wait")
            self._waiting = (waiting, texts)
            before = Ticks.empty() if self._per_file else accumulator.ended.tail.reverse()
            self._series = NewestFirst(self._signals, before=before, head=opened.tail.reverse(), waiting=waiting)
        self._table = RowTable(self._named, has_time=has_time, keys=keys, first=accumulator.rows - len(waiting) + 1)

    def _settle_columns(self) -> None:
        if self._table is None:
            self._table = RowTable(self._named, has_time=self._has_time, keys=self._keys)
            empty = [pa.nulls(0, it.type) for it in self._table.schema]
            self._write(pa.RecordBatch.from_arrays(empty, schema=self._table.schema))

    def _begin_series(self) -> None:
        self._series = (NewestFirst if self._backwards else OneSeries)(self._signals)
        self._waiting = (Ticks.empty(), [])

    def _hold(self, ticks: Ticks, texts: list[pa.Array]) -> None:
        ticks_before, texts_before = self._waiting
        joined = [pa.concat_arrays(pair) for pair in zip(texts_before, texts, strict=True)] if texts_before else texts
        self._waiting = (concat([ticks_before, ticks]), joined)

    def _emit_waiting(self, signals: RowValues) -> None:
        ticks, texts = self._waiting
        done = len(signals.flags[0])
        self._waiting = (ticks.slice(done, len(ticks)), [each.slice(done) for each in texts])
        self._emit(ticks.slice(0, done), [each.slice(0, done) for each in texts], signals)

    def _emit(self, ticks: Ticks, texts: list[pa.Array], signals: RowValues) -> None:
        if len(ticks) and self._table is not None:
            self._write(self._table.batch(ticks, texts, signals))


def _from_plain(plain: Sequence[str | None]) -> pa.Array:
    """Return texts from a checkpoint as an array."""
    return pa.array([None if text is None else str(text) for text in plain], pa.string())


def _columns(plain: Mapping[str, object]) -> tuple[bool, list[str]]:
    """Return from a checkpoint whether there is a time, and the names of keys; raises ValueError."""
    has_time, keys = plain["has_time"], plain["keys"]
    if not isinstance(has_time, bool) or not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("columns that no rows have")
    return has_time, keys
