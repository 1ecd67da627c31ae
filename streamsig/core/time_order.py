"""Checks that times rise from row to row: counts of violations, mergeable like the window state."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

STEP_BACK, DUPLICATE, GAP, UNREADABLE = range(4)
KINDS = ("step_back", "duplicate", "gap", "unreadable")
"""What can be wrong with the time of a row, compared with the last readable time before it."""

_ALIKE = 32


class Place(NamedTuple):
    """A row: its file, its physical line (in a columnar file, its number), and the text of its time."""

    file: str
    line: int
    time: str


class OrderState(NamedTuple):
    """What is wrong with the times of a run of rows, and the ends that join it to its neighbours.

    `counts` has the number of rows of each kind, `firsts` the first row of each kind. `first` and `last` are the first
    and the last readable time, `start` is the row of `first`. Memory is constant. `merge` is associative, and
    the state of no rows is its identity.
    """

    counts: tuple[int, ...] = (0,) * len(KINDS)
    firsts: tuple[Place | None, ...] = (None,) * len(KINDS)
    first: int | None = None
    last: int | None = None
    start: Place | None = None

    @classmethod
    def of(
        cls,
        times: NDArray[np.int64],
        readable: NDArray[np.bool_],
        longest: int | None,
        place: Callable[[int], Place],
    ) -> OrderState:
        """Return the state of one run, in time linear in its rows; `times` are ignored where not `readable`.

        A step longer than `longest` is a gap; with `None` there are no gaps. `place` returns the place of a row.
        """
        rows = np.flatnonzero(readable)
        times = times[rows]
        before, after = times[:-1], times[1:]
        long = np.zeros(len(before), np.bool_)
        if longest is not None:
            # the difference may wrap around int64; between rising times it is right as an unsigned number
            long = (after > before) & ((after - before).view(np.uint64) > np.uint64(longest))
        found = [*(rows[1:][flags] for flags in (after < before, after == before, long)), np.flatnonzero(~readable)]
        firsts = tuple(place(int(each[0])) if len(each) else None for each in found)
        ends = (int(times[0]), int(times[-1]), place(int(rows[0]))) if len(rows) else ()
        return cls(tuple(map(len, found)), firsts, *ends)

    @property
    def has_steps(self) -> bool:
        """Whether two of its times were compared."""
        return self.first != self.last or any(self.counts[:UNREADABLE])

    def merge(self, right: OrderState, longest: int | None) -> OrderState:
        """Return the state of this run followed by `right`, both with the same `longest`."""
        return self.join(right, judge(self.last, right.first, longest), right.start)

    def join(self, right: OrderState, kind: int | None, place: Place | None) -> OrderState:
        """Return the state of this run followed by `right`; the step between them is of this kind and at this place."""
        counts, firsts = [*map(sum, zip(self.counts, right.counts, strict=True))], [*right.firsts]
        if kind is not None:
            # it precedes all steps inside of `right`
            counts[kind], firsts[kind] = counts[kind] + 1, place
        both = tuple(here or there for here, there in zip(self.firsts, firsts, strict=True))
        first, start = (right.first, right.start) if self.first is None else (self.first, self.start)
        return OrderState(tuple(counts), both, first, self.last if right.last is None else right.last, start)

    def at(self, file: str, line: int) -> OrderState:
        """Return the state with places in a file, in which the run begins on this line."""

        def moved(place: Place | None) -> Place | None:
            return place and Place(file, line + place.line - 1, place.time)

        return self._replace(firsts=tuple(map(moved, self.firsts)), start=moved(self.start))


def judge(before: int | None, after: int | None, longest: int | None) -> int | None:
    """Return the index in `KINDS` of the step between two times, or `None` if it is a regular one."""
    if before is None or after is None:
        return None
    if after <= before:
        return STEP_BACK if after < before else DUPLICATE
    return GAP if longest is not None and after - before > longest else None


def usual_step(times: NDArray[np.int64]) -> int | None:
    """Return the most frequent rising step if at least half are similar to it, else `None` (tick data).

    Steps within 3 % are similar, as quarters of 90 to 92 days are.
    """
    rising = times[1:] > times[:-1]
    steps, counts = np.unique((times[1:] - times[:-1])[rising], return_counts=True)
    # a step of centuries wraps around
    steps, counts = steps[steps > 0], counts[steps > 0]
    if not len(steps):
        return None
    usual = int(steps[counts.argmax()])
    alike = int(counts[np.abs(steps - usual) <= usual // _ALIKE].sum())
    return usual if 2 * alike >= int(counts.sum()) else None
