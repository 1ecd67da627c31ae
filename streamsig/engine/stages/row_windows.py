"""The rows themselves: each with its close, its moving averages and its signals, while they stream by.

Row batches come out in input order. What is carried from one to the next is the last rows of each series, as
many as a window can need: O(longest window) for each group, however long the input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.core.groups import MAX_BYTES, TooManyGroupsError
from streamsig.core.row_signals import average, has_signal, unbroken
from streamsig.core.ticks import Ticks, concat, widen
from streamsig.core.window import kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from streamsig.core.signals import Signal

_MOST_ROWS = 1 << 18


class RowSignals(NamedTuple):
    """What rows have: `flags` of each signal, 0 or 1, and `averages` by the number of closes in them, NaN for none.

    Each array is (rows,).
    """

    flags: list[NDArray[np.uint8]]
    averages: Mapping[int, NDArray[np.float64]]

    @classmethod
    def of(cls, signals: Sequence[Signal], ticks: Ticks, starts: NDArray[np.bool_] | None = None) -> RowSignals:
        """Compute them over a run; `starts` are the rows that begin a series of their own."""
        whole = unbroken(ticks, starts)
        lengths = sorted({length for signal in signals for length in (signal.fast, signal.slow)})
        return cls(
            [has_signal(signal, ticks, whole) for signal in signals],
            {length: average(ticks, length, whole) for length in lengths},
        )

    def take(self, rows: NDArray[np.intp] | slice) -> RowSignals:
        """Return what these rows have."""
        return RowSignals([it[rows] for it in self.flags], {length: it[rows] for length, it in self.averages.items()})

    def join(self, other: RowSignals) -> RowSignals:
        """Return what these rows have, and then those."""
        return RowSignals(
            [np.concatenate(pair) for pair in zip(self.flags, other.flags, strict=True)],
            {length: np.concatenate([it, other.averages[length]]) for length, it in self.averages.items()},
        )


class OneSeries:
    """Rows of one series that arrive in order."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self._signals, self._keep = tuple(signals), kept(signals)
        self._tail = Ticks.empty()

    def push(self, ticks: Ticks) -> RowSignals:
        """Return what further rows have."""
        before = len(self._tail)
        joined = concat([self._tail, ticks])
        self._tail = joined.slice(max(0, len(joined) - self._keep), len(joined))
        return RowSignals.of(self._signals, joined).take(slice(before, None))


class NewestFirst:
    """Rows of files that run from newest to oldest: the windows of a row are over the rows after it in its file.

    So a row is emitted only when as many rows have come as a window can need, or its file has ended. After the
    oldest row of a file comes the newest of the file before it.

    `waiting` are the last rows of the open file, `head` its first ones, `before` those of the files before it: in the
    order of the files, as many rows of each as a window can need.
    """

    def __init__(
        self,
        signals: Sequence[Signal],
        before: Ticks | None = None,
        head: Ticks | None = None,
        waiting: Ticks | None = None,
    ) -> None:
        self._signals, self._keep = tuple(signals), kept(signals)
        self._before, self._head, self._waiting = (each or Ticks.empty() for each in (before, head, waiting))

    def push(self, ticks: Ticks) -> RowSignals:
        """Take further rows of a file; return what the first of those that wait have."""
        if len(self._head) < self._keep:
            joined = concat([self._head, ticks])
            self._head = joined.slice(0, min(self._keep, len(joined)))
        joined = concat([self._waiting, ticks])
        done = max(0, len(joined) - self._keep)
        self._waiting = joined.slice(done, len(joined))
        return self._told(joined).take(slice(0, done))

    def end_file(self) -> RowSignals:
        """Return what the rows have that still wait; further rows are those of the next file."""
        joined, waiting = concat([self._waiting, self._before]), len(self._waiting)
        before = concat([self._head, self._before])
        self._before = before.slice(0, min(self._keep, len(before)))
        self._waiting = self._head = Ticks.empty()
        return self._told(joined).take(slice(0, waiting))

    def _told(self, ticks: Ticks) -> RowSignals:
        return RowSignals.of(self._signals, ticks.reverse()).take(slice(None, None, -1))


class ManySeries:
    """Rows of many series, interleaved, that arrive in order; a series is a small number from 0."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self._signals, self._keep = tuple(signals), kept(signals)
        # the last closes of each series, right-aligned: (limbs, series, kept), and how many there are
        self._limbs, self._scale = np.zeros((1, 0, self._keep), np.int64), 0
        self._missing = np.zeros((0, self._keep), np.bool_)
        self._counts = np.zeros(0, np.int64)

    def push(self, ticks: Ticks, series: NDArray[np.int32], max_bytes: int = MAX_BYTES) -> RowSignals:
        """Return what further rows have, each of which belongs to one of the series.

        Raises TooManyGroupsError where what is kept would take more than `max_bytes`, growing included.
        """
        if not len(ticks):
            return RowSignals.of(self._signals, ticks)
        self._make_room(int(series.max()) + 1, max_bytes)
        self._fit(ticks, max_bytes)
        present = np.unique(series)
        half = len(ticks) // 2
        if half and len(present) * self._keep > _MOST_ROWS:
            # with what is kept of so many series, the rows are more than memory is for
            first = self.push(ticks.slice(0, half), series[:half], max_bytes)
            return first.join(self.push(ticks.slice(half, len(ticks)), series[half:], max_bytes))
        tails, owners = self._tails(present)
        joined, owner = concat([tails, ticks]), np.concatenate([owners, series])
        order = np.argsort(owner, kind="stable")
        joined, owner = joined.take(order), owner[order]
        starts = np.concatenate([[True], owner[1:] != owner[:-1]])
        told = RowSignals.of(self._signals, joined, starts)
        self._keep_last(joined, owner, starts)
        place = np.empty(len(order), np.intp)
        place[order] = np.arange(len(order))
        return told.take(place[len(tails) :])

    def _tails(self, present: NDArray[np.int32]) -> tuple[Ticks, NDArray[np.int32]]:
        """Return the rows that are kept of these series, and which of them each belongs to."""
        held = np.arange(self._keep, 0, -1) <= self._counts[present, np.newaxis]
        limbs, missing = self._limbs[:, present][:, held], self._missing[present][held]
        tails = Ticks(limbs, self._scale, missing if missing.any() else None)
        return tails, np.repeat(present, held.sum(axis=1))

    def _keep_last(self, joined: Ticks, owner: NDArray[np.int32], starts: NDArray[np.bool_]) -> None:
        first = np.flatnonzero(starts)
        sizes = np.diff([*first, len(owner)])
        # of each row how many of its series are behind it, itself included
        left = np.repeat(first + sizes, sizes) - np.arange(len(owner))
        last = left <= self._keep
        rows, places = owner[last], self._keep - left[last]
        limbs = widen(joined.rescale(self._scale).limbs, len(self._limbs))
        self._limbs[:, rows, places] = limbs[:, last]
        self._missing[rows, places] = False if joined.missing is None else joined.missing[last]
        self._counts[owner[first]] = np.minimum(sizes, self._keep)

    def _fit(self, ticks: Ticks, max_bytes: int) -> None:
        """Hold what is kept at the scale and with the limbs that further rows need."""
        scale = max(self._scale, ticks.scale)
        flat = Ticks(self._limbs.reshape(len(self._limbs), -1), self._scale).rescale(scale)
        width = max(len(flat.limbs), len(ticks.rescale(scale).limbs))
        if (scale, width) == (self._scale, len(self._limbs)):
            return
        # as they were, and twice as they will be
        self._check_size(len(self._counts), len(self._counts), len(self._limbs) + 2 * width, max_bytes)
        self._limbs = widen(flat.limbs, width).reshape(width, len(self._counts), self._keep).copy()
        self._scale = scale

    def _make_room(self, series: int, max_bytes: int) -> None:
        have = len(self._counts)
        if series > have:
            more = max(series, 2 * have) - have
            self._check_size(series, 2 * have + more, len(self._limbs), max_bytes)
            self._limbs = np.pad(self._limbs, ((0, 0), (0, more), (0, 0)))
            self._missing = np.pad(self._missing, ((0, more), (0, 0)))
            self._counts = np.pad(self._counts, (0, more))

    def _check_size(self, series: int, places: int, limbs: int, max_bytes: int) -> None:
        """Raise TooManyGroupsError where so many places for series, with so many limbs, take too much."""
        needed = places * ((8 * limbs + 1) * self._keep + 8)
        if needed > max_bytes:
            raise TooManyGroupsError(
                f"the last {self._keep:,} rows of {series:,} groups would take {-(-needed >> 20):,} MiB, more than"
                f" the {max(max_bytes, 0) >> 20:,} MiB there are for them"
            )
