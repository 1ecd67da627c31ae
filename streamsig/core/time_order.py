"""Checks that times rise from row to row: counts of violations, mergeable like the window state."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsig.core.json_arrays import whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_TIMES = 1 << 63
_MOST_STEP = 2 * _TIMES - 1

KINDS = ("step_back", "duplicate", "gap", "unreadable")
"""What can be wrong with the time of a row, compared with the last readable time before it."""

_ALIKE = 32


@dataclass(frozen=True, slots=True)
class OrderState:
    """What is wrong with the times of a run of rows, and the ends that join it to its neighbours.

    `counts` has the number of rows of each kind, `firsts` the first row of each kind, from 0 at the start of
    the run, or `None`. `first` and `last` are the first and the last readable time, and `first_row` is the row
    of `first`. A step longer than `longest` is a gap; with `None` there are no gaps.
    Memory is constant. `merge` is associative, and the state of no rows is its identity.
    """

    longest: int | None
    rows: int = 0
    counts: tuple[int, ...] = (0, 0, 0, 0)
    firsts: tuple[int | None, ...] = (None, None, None, None)
    first: int | None = None
    first_row: int | None = None
    last: int | None = None

    @classmethod
    def of(cls, times: NDArray[np.int64], readable: NDArray[np.bool_], longest: int | None) -> OrderState:
        """Return the state of one run, in time linear in its rows; `times` are ignored where not `readable`."""
        rows = np.flatnonzero(readable)
        times = times[rows]
        before, after = times[:-1], times[1:]
        rises = after > before
        # the difference may wrap around int64; between rising times it is right as an unsigned number
        long = rises & ((after - before).view(np.uint64) > np.uint64(longest)) if longest is not None else ~rises[:0]
        rows_of_kinds = [
            *(rows[1:][flags] for flags in (after < before, after == before)),
            rows[1:][long] if longest is not None else rows[:0],
            np.flatnonzero(~readable),
        ]
        return cls(
            longest,
            len(readable),
            tuple(map(len, rows_of_kinds)),
            tuple(int(each[0]) if len(each) else None for each in rows_of_kinds),
            *((int(times[0]), int(rows[0]), int(times[-1])) if len(rows) else (None, None, None)),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the state for JSON; `from_json` restores it."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> OrderState:
        """Return the state that `to_json` wrote; raises ValueError for anything else."""
        counts, firsts = whole(plain["counts"]), whole(plain["firsts"], optional=True)
        if len(counts) != len(KINDS) or len(firsts) != len(KINDS):
            raise ValueError(f"{len(counts)} and {len(firsts)} numbers of {len(KINDS)} kinds")
        (longest,) = whole([plain["longest"]], most=_MOST_STEP, optional=True)
        first, last = whole([plain["first"], plain["last"]], least=-_TIMES, most=_TIMES - 1, optional=True)
        (rows,), (first_row,) = whole([plain["rows"]]), whole([plain["first_row"]], optional=True)
        places = [place for place in (*firsts, first_row) if place is not None]
        if (
            max(places, default=-1) >= rows
            or max(counts) > rows
            or len({each is None for each in (first, first_row, last)}) > 1
        ):
            raise ValueError(f"counts, rows or times that {rows} rows cannot have")
        return cls(longest, rows, counts, firsts, first, first_row, last)

    def merge(self, right: OrderState) -> OrderState:
        """Return the state of this run followed by `right`; both have the same `longest`."""
        seam = None
        if self.last is not None and right.first is not None:
            seam = judge(self.last, right.first, self.longest)
        counts = [here + there for here, there in zip(self.counts, right.counts, strict=True)]
        firsts = [
            here if here is not None else None if there is None else self.rows + there
            for here, there in zip(self.firsts, right.firsts, strict=True)
        ]
        if seam is not None and right.first_row is not None:
            counts[seam] += 1
            if self.firsts[seam] is None:
                # the step into `right` precedes all steps inside it
                firsts[seam] = self.rows + right.first_row
        first_row = None if right.first_row is None else self.rows + right.first_row
        return replace(
            self,
            rows=self.rows + right.rows,
            counts=tuple(counts),
            firsts=tuple(firsts),
            first=right.first if self.first is None else self.first,
            first_row=first_row if self.first is None else self.first_row,
            last=self.last if right.last is None else right.last,
        )


def judge(before: int, after: int, longest: int | None) -> int | None:
    """Return the index in `KINDS` of the step between two times, or `None` if it is a regular one."""
    if after <= before:
        return KINDS.index("step_back" if after < before else "duplicate")
    return KINDS.index("gap") if longest is not None and after - before > longest else None


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
