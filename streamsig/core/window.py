"""The state of a counted run of rows: small, exact, and mergeable.

States form a monoid under `merge`, with the empty state as identity: associative, not commutative,
so fold them in file order. The same code serves a record batch, a thread's chunk, a resumed run, a
file in a list and a cluster's worker.

The scheme is that of mergeable summaries (Agarwal et al., PODS 2012) for the sliding-window
aggregation of Tangwongsan et al. (General Incremental Sliding-Window Aggregation, VLDB 2015):
the windows inside a run are aggregated once, and a merge looks only at those across the seam.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import add, gt
from typing import TYPE_CHECKING, Any, Protocol

from streamsig.core.counting import count_across, count_within
from streamsig.core.json_values import checked_counts
from streamsig.core.ticks import Ticks, concat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamsig.core.signals import Signal


class ArrowStream(Protocol):
    """A stream of Arrow record batches: a frame of pandas, polars or DuckDB, a table, a reader."""

    def __arrow_c_stream__(self, requested_schema: object | None = None, /) -> object: ...


@dataclass(frozen=True, slots=True)
class WindowState:
    """The counts of a run of rows, and the closes at its ends, which join it to its neighbours.

    `rows` counts all rows, `rows_missing` those without a close, and `counts[k]` those with `signals[k]` over the
    windows inside the run. `head` and `tail` are the first and the last closes, `overlap(signals)` of them or all if
    the run is shorter. Memory is O(longest window).
    """

    signals: tuple[Signal, ...]
    rows: int
    rows_missing: int
    counts: tuple[int, ...]
    head: Ticks
    tail: Ticks

    @classmethod
    def empty(cls, signals: Sequence[Signal]) -> WindowState:
        """Return the state of no rows, the identity of `merge`."""
        return cls(tuple(signals), 0, 0, (0,) * len(signals), Ticks.empty(), Ticks.empty())

    @classmethod
    def of(cls, signals: Sequence[Signal], ticks: Ticks) -> WindowState:
        """Return the state of one run of closes, in time linear in rows times signals."""
        return state_of(tuple(signals), ticks, count_within(tuple(signals), ticks))

    def to_json(self) -> dict[str, Any]:
        """Return the state for JSON, without its signals; `from_json` restores it."""
        return {
            "rows": self.rows,
            "rows_missing": self.rows_missing,
            "counts": list(self.counts),
            "head": self.head.to_json(),
            "tail": self.tail.to_json(),
        }

    @classmethod
    def from_json(cls, signals: Sequence[Signal], plain: Mapping[str, Any]) -> WindowState:
        """Return the state that `to_json` wrote, for the same signals; raises ValueError for anything else."""
        head, tail = Ticks.from_json(plain["head"]), Ticks.from_json(plain["tail"])
        rows, rows_missing, *counts = checked_counts([plain["rows"], plain["rows_missing"], *plain["counts"]])
        if len(counts) != len(signals) or len(head) != len(tail) or len(tail) != min(rows, overlap(signals)):
            raise ValueError(f"{len(counts)} counts of {len(signals)} signals, or not the closes of {rows} rows")
        most = [max(0, rows - signal.reach + 1) for signal in signals]
        missing = max(head.missing_count, tail.missing_count)
        if any(map(gt, counts, most)) or not missing <= rows_missing <= rows or (rows == len(head) and head != tail):
            raise ValueError(f"counts or closes that {rows} rows cannot have")
        return cls(tuple(signals), rows, rows_missing, tuple(counts), head, tail)

    def update(self, closes: Ticks | ArrowStream, column: str | int | None = None) -> WindowState:
        """Return the state after more rows: ticks, or a table or a column as `streamsig.run` takes them.

        `column` is the close of a table, a name or a number from 1; without it the close is detected by name, as in
        files. Raises TypeError for other objects, LayoutError, and ColumnError for a value that is not a close.
        """
        if isinstance(closes, Ticks):
            return self.merge(WindowState.of(self.signals, closes))
        from streamsig.columnar.frames import ticks_of  # noqa: PLC0415 (it takes pyarrow, and counting needs no tables)

        state = self
        for ticks in ticks_of(closes, column):
            state = state.merge(WindowState.of(self.signals, ticks))
        return state

    def merge(self, right: WindowState) -> WindowState:
        """Return the state of this run followed by `right`, in time O(longest window).

        Raises ValueError if the two count different signals.
        """
        if self.signals != right.signals:
            msg = f"states of different signals do not merge: {self.signals} and {right.signals}"
            raise ValueError(msg)
        return joined(self, right, count_across(self.signals, self.tail, right.head))


def overlap(signals: Sequence[Signal]) -> int:
    """Return the number of closes at either end of a run that windows across a seam may need."""
    return max((signal.reach for signal in signals), default=1) - 1


def state_of(signals: tuple[Signal, ...], ticks: Ticks, counts: tuple[int, ...]) -> WindowState:
    """Return the state of one run of closes with these counts."""
    rows, most = len(ticks), overlap(signals)
    head = ticks.slice(0, min(most, rows))
    tail = ticks.slice(max(0, rows - most), rows)
    return WindowState(signals, rows, ticks.missing_count, counts, head, tail)


def joined(left: WindowState, right: WindowState, across: Sequence[int]) -> WindowState:
    """Return the state of one run followed by another of the same signals; `across` counts what neither has."""
    if not left.rows or not right.rows:
        state = left if left.rows else right
        return replace(state, counts=tuple(map(add, state.counts, across))) if any(across) else state
    most = overlap(left.signals)
    head, tail = left.head, right.tail
    if left.rows < most:
        head = _first(concat([left.head, right.head]), most)
    if right.rows < most:
        tail = _last(concat([left.tail, right.tail]), most)
    counts = tuple(map(sum, zip(left.counts, right.counts, across, strict=True)))
    return WindowState(left.signals, left.rows + right.rows, left.rows_missing + right.rows_missing, counts, head, tail)


def _first(ticks: Ticks, rows: int) -> Ticks:
    return ticks if len(ticks) <= rows else ticks.slice(0, rows)


def _last(ticks: Ticks, rows: int) -> Ticks:
    return ticks if len(ticks) <= rows else ticks.slice(len(ticks) - rows, len(ticks))


class Fold:
    """Merges states that arrive in order.

    Short runs are merged with each other before a long one (the binary counter of Bentley and Saxe), so a window longer
    than the runs costs amortised O(log(window / run length)) per row instead of O(window) per run. Memory is
    O(longest window).

    With `backwards`, runs arrive from last to first: each precedes those pushed earlier.
    """

    def __init__(self, signals: Sequence[Signal], *, backwards: bool = False) -> None:
        self._signals, self._backwards = tuple(signals), backwards
        self._runs: list[WindowState] = []

    @property
    def rows(self) -> int:
        """The number of rows pushed so far."""
        return sum(run.rows for run in self._runs)

    def push(self, state: WindowState) -> None:
        """Add the next run."""
        # a new list: shallow copies of the fold share the old one
        runs = [*self._runs, state]
        # compare with twice the length: runs that get shorter bit by bit would pile up
        while len(runs) > 1 and len(runs[-2].tail) < 2 * len(runs[-1].tail):
            newer = runs.pop()
            runs.append(self._join(runs.pop(), newer))
        self._runs = runs

    @property
    def limbs(self) -> int:
        """The largest number of limbs of the closes in the fold."""
        return max((len(ticks.limbs) for run in self._runs for ticks in (run.head, run.tail)), default=1)

    def result(self) -> WindowState:
        """Return the state of everything pushed so far."""
        whole = WindowState.empty(self._signals)
        for run in reversed(self._runs):
            whole = self._join(run, whole)
        self._runs = [whole]
        return whole

    def _join(self, older: WindowState, newer: WindowState) -> WindowState:
        return newer.merge(older) if self._backwards else older.merge(newer)
