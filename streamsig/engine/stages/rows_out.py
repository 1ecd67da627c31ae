"""The stage that emits the rows: each with its close, its moving averages and its signals, as record batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from streamsig.columnar.arrow_text import join, to_arrow
from streamsig.core.json_values import decoded
from streamsig.core.ticks import Ticks, concat
from streamsig.engine.stages.row_table import RowTable
from streamsig.engine.stages.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from streamsig.core.keys import Texts
    from streamsig.engine.batches.batch import Batch, OpenInput, Position
    from streamsig.engine.stages.accumulator import Accumulator
    from streamsig.settings.settings import Settings


class Rows(NamedTuple):
    """Rows with the texts of their keys and times."""

    ticks: Ticks
    keys: Sequence[Texts]
    times: Sequence[Texts]


class _Saved(NamedTuple):
    has_time: bool
    keys: tuple[str, ...]
    time: tuple[int, ...]
    waiting: tuple[tuple[str | None, ...], ...]


class RowsOut(Stage[Rows]):
    """Emits the rows of all inputs in order; the first batch has no rows, only the schema.

    This stage comes after the accumulator, which computes the values of rows. Newest first, rows wait for the rows
    before them in time.
    """

    name, needs_times, emits_rows = "rows", True, True

    def __init__(
        self, settings: Settings, emit: Callable[[pa.RecordBatch], None], accumulator: Accumulator[Any]
    ) -> None:
        self._signals = settings.named_signals
        self._has_means, self._write, self._accumulator = settings.has_means, emit, accumulator
        self._table: RowTable | None = None
        self._has_time, self._keys = False, tuple[str, ...]()
        self._time: tuple[int, ...] = ()
        self._restored_time: tuple[int, ...] | None = None
        # the rows that wait: closes, and texts of the other columns
        self._waiting: tuple[Ticks, list[pa.Array]] = (Ticks.empty(), [])

    def begin_input(self, opened: OpenInput, start: Position) -> None:
        """Begin an input; the first one with rows settles the columns of all."""
        self._time = opened.time_fields
        if start.rows and self._restored_time not in {None, self._time}:
            raise ValueError("another column has the times than when the rows were written")
        self._restored_time = None
        if self._table is None:
            self._has_time, self._keys = bool(self._time), tuple(opened.keys)

    def prepare(self, batch: Batch) -> Rows:
        """Return the columns of the rows; arrays of texts would need more memory while they wait."""
        return Rows(batch.ticks, batch.keys, batch.times)

    def push(self, part: Rows, _start: Position) -> None:
        """Emit the rows whose values are known; raises OutputError."""
        ticks = part.ticks
        if not len(ticks):
            return
        self._settle_columns()
        texts = [to_arrow(each.in_utf8()) for each in part.keys]
        if self._has_time:
            times = [to_arrow(each.in_utf8()) for each in part.times]
            texts = [join(times) if self._time else pa.nulls(len(ticks), pa.string()), *texts]
        before, texts_before = self._waiting
        if len(before):
            texts = [pa.concat_arrays(pair) for pair in zip(texts_before, texts, strict=True)]
        self._emit(concat([before, ticks]), texts)

    def end_input(self) -> None:
        """Emit the rows that still wait."""
        self._emit(*self._waiting)

    def finish(self) -> None:
        """Emit the schema if there were no rows."""
        self._settle_columns()

    def snapshot(self) -> Iterator[object]:
        """Yield the columns, and the texts of the rows that wait."""
        yield _Saved(self._has_time, self._keys, self._time, tuple(each.to_pylist() for each in self._waiting[1]))

    def restore(self, pieces: Iterable[object]) -> None:
        """Take what `snapshot` yielded; raises ValueError."""
        (plain,) = pieces
        self._has_time, self._keys, self._restored_time, columns = decoded(_Saved, plain)
        rows = self._accumulator.rows
        if rows:
            waiting, texts = self._accumulator.waiting, [pa.array(each, pa.string()) for each in columns]
            if len(waiting) and [len(each) for each in texts] != [len(waiting)] * (self._has_time + len(self._keys)):
                raise ValueError(f"texts of other rows than the {len(waiting)} that wait")
            self._waiting, first = (waiting, texts), rows - len(waiting) + 1
            self._table = self._new_table(first)

    def _new_table(self, first: int = 1) -> RowTable:
        has = {"has_time": self._has_time, "has_means": self._has_means}
        return RowTable(self._signals, keys=self._keys, first=first, **has)

    def _settle_columns(self) -> None:
        if self._table is None:
            self._table = self._new_table()
            empty = [pa.nulls(0, it.type) for it in self._table.schema]
            self._write(pa.RecordBatch.from_arrays(empty, schema=self._table.schema))

    def _emit(self, ticks: Ticks, texts: list[pa.Array]) -> None:
        """Emit the first of these rows, whose values are known, and let the others wait."""
        values = self._accumulator.take_row_values()
        done = 0 if values is None else len(values)
        if done and values is not None and self._table is not None:
            first = ticks if done == len(ticks) else ticks.slice(0, done)
            self._write(self._table.batch(first, [each.slice(0, done) for each in texts], values))
        self._waiting = (ticks.slice(done, len(ticks)), [each.slice(done) for each in texts])
