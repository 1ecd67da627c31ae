"""The rows of one series, each with its moving averages and its signals, while they stream by.

What is carried from one batch to the next is the last rows, as many as a window can need: O(longest window), however
long the input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsig.core.row_signals import RowValues
from streamsig.core.ticks import Ticks, concat
from streamsig.core.window import overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.core.signals import Signal


class OneSeries:
    """Rows of one series that arrive in order."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self._signals, self._keep = tuple(signals), overlap(signals)
        self._tail = Ticks.empty()

    def push(self, ticks: Ticks) -> RowValues:
        """Return what further rows have."""
        before = len(self._tail)
        joined = concat([self._tail, ticks])
        self._tail = joined.slice(max(0, len(joined) - self._keep), len(joined))
        return RowValues.of(self._signals, joined).take(slice(before, None))


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
        self._signals, self._keep = tuple(signals), overlap(signals)
        self._before, self._head, self._waiting = (each or Ticks.empty() for each in (before, head, waiting))

    def push(self, ticks: Ticks) -> RowValues:
        """Take further rows of a file; return what the first of those that wait have."""
        if len(self._head) < self._keep:
            joined = concat([self._head, ticks])
            self._head = joined.slice(0, min(self._keep, len(joined)))
        joined = concat([self._waiting, ticks])
        done = max(0, len(joined) - self._keep)
        self._waiting = joined.slice(done, len(joined))
        return self._values(joined).take(slice(0, done))

    def end_file(self) -> RowValues:
        """Return what the rows have that still wait; further rows are those of the next file."""
        joined, waiting = concat([self._waiting, self._before]), len(self._waiting)
        before = concat([self._head, self._before])
        self._before = before.slice(0, min(self._keep, len(before)))
        self._waiting = self._head = Ticks.empty()
        return self._values(joined).take(slice(0, waiting))

    def _values(self, ticks: Ticks) -> RowValues:
        return RowValues.of(self._signals, ticks.reverse()).take(slice(None, None, -1))
