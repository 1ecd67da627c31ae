"""The result of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamsig.core.groups import GroupState
    from streamsig.core.signals import Signal

_AT_ONCE = 1 << 12
_TIMES = 10**4


def rate(count: int, rows: int) -> float:
    """Return `count / rows` rounded half to even to 4 decimals from the exact fraction, 0.0 for no rows."""
    whole, rest = divmod(count * _TIMES, rows or 1)
    return (whole + (2 * rest > rows or (2 * rest == rows and whole % 2 == 1))) / _TIMES


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of rows, and of those with the signal.

    `rows_processed` counts every row, including rows in warm-up and rows without a close.
    """

    rows_processed: int
    signal_count: int

    @property
    def value(self) -> float:
        """`signal_count / rows_processed` to 4 decimals, 0.0 when there are no rows."""
        return rate(self.signal_count, self.rows_processed)


@dataclass(frozen=True, slots=True)
class SignalCount(Counts):
    """The count of a named signal over all rows."""

    signal: Signal


@dataclass(frozen=True, slots=True)
class Group(Counts):
    """The counts of one key; `signals` has the count of each named signal."""

    rows_missing: int
    signals: Mapping[str, int]


class Groups(Mapping[str, Group]):
    """Groups by key, in the order of their first rows; created on access, as there may be millions."""

    def __init__(self, state: GroupState, names: Sequence[str]) -> None:
        self._state, self._names = state, tuple(names)
        self._places: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self._state)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _AT_ONCE):
            yield from (key.decode() for key in self._state.keys(start, start + _AT_ONCE).to_bytes())

    def __getitem__(self, key: str) -> Group:
        if self._places is None:
            self._places = {each: place for place, each in enumerate(self)}
        return self._group(self._state.group_counts[self._places[key]].tolist())

    def __repr__(self) -> str:
        return f"<{len(self)} groups>"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the signals."""
        return self._names

    def each(self) -> Iterator[tuple[str, list[int]]]:
        """Yield each key and its counts in constant memory: rows, rows without a close, rows with each signal."""
        counts = self._state.group_counts
        for start in range(0, len(self), _AT_ONCE):
            keys = self._state.keys(start, start + _AT_ONCE).to_bytes()
            for key, each in zip(keys, counts[start : start + _AT_ONCE].tolist(), strict=True):
                yield key.decode(), each

    def _group(self, row: Sequence[int]) -> Group:
        rows, missing, *counts = row
        return Group(rows, counts[0], missing, dict(zip(self._names, counts, strict=False)))


@dataclass(frozen=True, slots=True)
class Result(Counts):
    """The counts of a successful run; with several signals, `signal_count` and `value` are those of the first.

    `signals` has an entry for each named signal. `rows_missing` counts the rows without a close, `rows_rejected` the
    bad rows that were left out, which are not part of `rows_processed`. `files` has an entry for each input under
    `per_file`, and is empty otherwise. `groups` has an entry for each key, in the order of their first rows, and is
    `None` without `group_by`. `order` has the findings of `check_order` (docs/reference/metrics.md), and is `None`
    without it.
    """

    rows_missing: int
    rows_rejected: int
    window: int
    seed: int
    version: str
    latency_ms: int
    signals: Mapping[str, SignalCount] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    files: Mapping[str, Counts] = field(default_factory=dict)
    groups: Mapping[str, Group] | None = None
    order: Mapping[str, Any] | None = None
