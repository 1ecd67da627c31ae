"""Counts signals of one series, with the interface of `GroupState`."""

from __future__ import annotations

from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.core.json_values import checked_counts
from streamsig.core.row_signals import RowValues
from streamsig.core.ticks import Ticks, concat
from streamsig.core.window import Fold, WindowState, joined, overlap, state_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from streamsig.core.keys import Texts
    from streamsig.core.signals import Signal


class SeriesRows(NamedTuple):
    """A run of rows in the order of time: counted on their own, or with `ticks` not counted yet."""

    state: WindowState
    ticks: Ticks | None = None

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.state.rows


class SeriesState:
    """Counts over the rows of one series, and over separate series that were added.

    With `backwards`, rows arrive newest first, and runs are merged in the same order. With `mean_lengths`, `row_values`
    has the values of rows after each change, with means over these numbers of rows: of the rows that arrived, or
    `backwards` of the first rows that waited for those before them in time.
    """

    def __init__(
        self, signals: Sequence[Signal], *, backwards: bool = False, mean_lengths: Sequence[int] | None = None
    ) -> None:
        self.signals, self.backwards, self.mean_lengths = tuple(signals), backwards, mean_lengths
        self.row_values: RowValues | None = None
        self._fold = Fold(signals, backwards=backwards)
        # of the separate series: rows, rows without a close, and rows with each signal
        self._added, self._longest = [0] * (2 + len(self.signals)), 0

    @property
    def window(self) -> WindowState:
        """The state of the series."""
        return self._fold.result()

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self._added[0] + self._fold.rows

    @property
    def longest(self) -> int:
        """The number of rows in the longest series."""
        return max(self._longest, self._fold.rows)

    @property
    def rows_missing(self) -> int:
        """The number of rows that have no close."""
        return self._added[1] + self.window.rows_missing

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of rows that have each signal."""
        return tuple(map(add, self._added[2:], self.window.counts))

    @property
    def limbs(self) -> int:
        """The largest number of limbs of the closes that the state has."""
        return self._fold.limbs

    @property
    def waiting(self) -> Ticks:
        """The closes of the rows whose values are not known yet, in order of arrival."""
        return self.window.head.reverse() if self.backwards else Ticks.empty()

    def prepare(self, _keys: Sequence[Texts], ticks: Ticks) -> SeriesRows:
        """Count a batch on its own, for `update`; `ticks` are in order of arrival. Changes nothing."""
        ticks = ticks.reverse() if self.backwards else ticks
        if self.mean_lengths is not None:
            return SeriesRows(state_of(self.signals, ticks, (0,) * len(self.signals)), ticks)
        return SeriesRows(WindowState.of(self.signals, ticks))

    def update(self, rows: SeriesRows) -> int:
        """Add rows; return how many of them have the first signal, as far as that is known."""
        if rows.ticks is None:
            self._fold.push(rows.state)
            return rows.state.counts[0]
        if self.backwards:
            ticks = concat([rows.ticks, self.window.head])
            values = self._emit(ticks, min(len(ticks), overlap(self.signals)))
            self._replace(joined(rows.state, self.window, values.counts))
        else:
            tail = self.window.tail
            values = self._emit(concat([tail, rows.ticks]), len(tail))
            self._replace(joined(self.window, rows.state, values.counts))
        return values.counts[0]

    def merge(self, right: SeriesState) -> None:
        """Add the run that follows this one; `backwards` it precedes this one in time."""
        self.row_values = None
        if not self.backwards:
            self._replace(self.window.merge(right.window))
        elif self.mean_lengths is not None:
            tail = right.window.tail
            values = self._emit(concat([tail, self.window.head]), len(tail))
            self._replace(joined(right.window, self.window, values.counts))
        else:
            self._replace(right.window.merge(self.window))

    def add(self, other: SeriesState) -> None:
        """Add the counts of a separate series: no window spans both."""
        self._added = [*map(add, self._added, (other.rows, other.rows_missing, *other.counts))]
        self._longest = max(self._longest, other.longest)

    def snapshot(self) -> Iterator[dict[str, Any]]:
        """Yield one object for JSON; `restore` takes it."""
        yield {**self.window.to_json(), "added": self._added, "longest": self._longest}

    def restore(self, pieces: Iterable[Mapping[str, Any]]) -> None:
        """Take what `snapshot` yielded, for the same signals; raises ValueError for anything else."""
        (plain,) = pieces
        self._replace(WindowState.from_json(self.signals, plain))
        rows, *counts = checked_counts(plain["added"])
        if len(counts) != 1 + len(self.signals) or max(counts) > rows:
            raise ValueError(f"{len(counts)} counts of {rows} rows and {len(self.signals)} signals")
        self._added = [rows, *counts]
        (self._longest,) = checked_counts([plain["longest"]], most=rows)

    def _emit(self, ticks: Ticks, start: int) -> RowValues:
        values = RowValues.of(self.signals, ticks, start, self.mean_lengths)
        self.row_values = values.reverse() if self.backwards else values
        return values

    def _replace(self, window: WindowState) -> None:
        self._fold = Fold(self.signals, backwards=self.backwards)
        self._fold.push(window)
