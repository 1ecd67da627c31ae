"""The rows of one series with their moving averages and signals, batch by batch.

Memory is O(longest window): only the last rows, as many as a window can need, are carried from batch to batch.
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
    """Computes the values of rows that arrive in order."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self._signals, self._keep = tuple(signals), overlap(signals)
        self._tail = Ticks.empty()

    def push(self, ticks: Ticks) -> RowValues:
        """Add rows; return their values."""
        before = len(self._tail)
        joined = concat([self._tail, ticks])
        self._tail = joined.slice(max(0, len(joined) - self._keep), len(joined))
        return RowValues.of(self._signals, joined).take(slice(before, None))


class NewestFirst:
    """Computes the values of rows in files that run from newest to oldest: windows cover the rows after a row.

    A row waits until the rows that its windows can need have arrived, or its file has ended. The oldest row of a file
    is followed by the newest row of the file before it.

    `waiting` are the last rows of the open file, `head` its first rows, `before` those of the files before it: in the
    order of the files, each at most as many as a window can need.
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
        """Add rows of a file; return the values of the first rows that waited, as far as their windows are known."""
        if len(self._head) < self._keep:
            joined = concat([self._head, ticks])
            self._head = joined.slice(0, min(self._keep, len(joined)))
        joined = concat([self._waiting, ticks])
        done = max(0, len(joined) - self._keep)
        self._waiting = joined.slice(done, len(joined))
        return self._values(joined).take(slice(0, done))

    def end_file(self) -> RowValues:
        """Return the values of the rows that still wait; the next rows are those of another file."""
        joined, waiting = concat([self._waiting, self._before]), len(self._waiting)
        before = concat([self._head, self._before])
        self._before = before.slice(0, min(self._keep, len(before)))
        self._waiting = self._head = Ticks.empty()
        return self._values(joined).take(slice(0, waiting))

    def _values(self, ticks: Ticks) -> RowValues:
        return RowValues.of(self._signals, ticks.reverse()).take(slice(None, None, -1))
