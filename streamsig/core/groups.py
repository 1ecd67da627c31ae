"""Signals of many interleaved series, *groups*, each told by its key: exact, and mergeable like `WindowState`.

Rows are counted one after another, each with the last closes of its own group, which a ring keeps. What
a state holds is O(groups x longest window), and nothing besides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from streamsig import native
from streamsig.core.keys import KeyTable, Texts, number_keys
from streamsig.core.words import differences, from_words, largest_of, to_words, words_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamsig.core.signals import Signal
    from streamsig.core.ticks import Ticks

MAX_BYTES = 4 << 30
"""States that would take more are refused, if no other limit is named."""

_FIRST_ROOM, _FIRST_BYTES = 64, 1 << 20
_RECAST_ROWS = 1 << 16
_WORD_BYTES = 8
_NEXT, _UNBROKEN, _HEAD = range(3)
_ROWS, _MISSING, _COUNTS = range(3)


class TooManyGroupsError(ValueError):
    """Groups times the rows of the longest window do not fit in what a state may take."""


@dataclass(frozen=True, slots=True)
class GroupRows:
    """A run of rows: the group of each, by its place in `keys` (distinct), and its close."""

    keys: Texts
    groups: NDArray[np.int32]
    ticks: Ticks

    @classmethod
    def of(cls, columns: Sequence[Texts], ticks: Ticks) -> GroupRows:
        """Take rows with the texts that make their keys (`number_keys`) and a close."""
        return cls(*number_keys(columns), ticks)


class GroupState:
    """Counts over a run of rows for each group, and what is needed to join the run to its neighbours.

    Groups are numbered in the order in which they first appear. With `backwards` the run is read from its
    newest row to its oldest, and each window reaches over the rows *after* it; runs that are joined then
    follow each other in that order, too. It takes at most `max_bytes`, for moments twice that of its keys included.
    """

    def __init__(self, signals: Sequence[Signal], *, backwards: bool = False, max_bytes: int = MAX_BYTES) -> None:
        self.signals, self.backwards, self.max_bytes = tuple(signals), backwards, max_bytes
        self._keys = KeyTable()
        self._scale, self._largest = 0, 0
        reach = max((signal.reach for signal in signals), default=1)
        self._factor = 2 * max((signal.fast * signal.slow for signal in signals), default=1)
        self._rules = np.array([_rule(it, backwards=backwards) for it in signals], np.int64).reshape(-1, 8)
        self._arrays = native.GroupArrays.empty(0, reach, 1, len(self.signals))

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self._keys)

    def keys(self, start: int = 0, stop: int | None = None) -> Texts:
        """Return the keys of the groups from `start` on to before `stop`."""
        return self._keys.texts(start, stop)

    @property
    def figures(self) -> NDArray[np.int64]:
        """Return for each group its rows, those without a close, and those with each signal, (groups, 2 + signals)."""
        return self._arrays.figures[: len(self)]

    @property
    def rows(self) -> int:
        """How many rows there are in all groups."""
        return int(self.figures[:, _ROWS].sum())

    @property
    def rows_missing(self) -> int:
        """How many rows of all groups have no close."""
        return int(self.figures[:, _MISSING].sum())

    @property
    def counts(self) -> tuple[int, ...]:
        """How many rows of all groups have each signal."""
        return tuple(self.figures[:, _COUNTS:].sum(axis=0).tolist())

    def update(self, rows: GroupRows) -> int:
        """Add further rows; return how many of these complete a window of the first signal and have it.

        Raises TooManyGroupsError.
        """
        groups = self._keys.number(rows.keys)
        self._make_room(rows.ticks.scale, largest_of(rows.ticks))
        ticks = rows.ticks if rows.ticks.scale == self._scale else rows.ticks.rescale(self._scale)
        words = self._arrays.sums.shape[2]
        missing = rows.ticks.missing
        return native.count_groups(groups[rows.groups], to_words(ticks, words), missing, self._rules, self._arrays)

    def merge(self, right: GroupState) -> None:
        """Add the run that follows this one; linear in its groups times the longest window.

        Raises ValueError when the two do not count the same signals, and TooManyGroupsError.
        """
        if (self.signals, self.backwards) != (right.signals, right.backwards):
            raise ValueError(f"states of different signals do not merge: {self.signals} and {right.signals}")
        groups = self._keys.number(right.keys())
        self._make_room(right._scale, right._largest)
        right._make_room(self._scale, self._largest)
        mine, theirs = self._arrays, right._arrays.part(0, len(right))
        heads, rows = theirs.marks[:, _HEAD], theirs.figures[:, _ROWS]
        # the windows that straddle the seam: those over the heads behind this run, less those over the heads alone
        in_head = np.arange(theirs.heads.shape[1]) < heads[:, np.newaxis]
        ticks = theirs.heads[in_head]
        _, reach, words = theirs.sums.shape
        alone = native.GroupArrays.empty(len(right), reach, words, len(self.signals))
        native.count_groups(np.repeat(groups, heads), ticks, None, self._rules, mine)
        places = np.arange(len(right), dtype=np.int32)
        native.count_groups(np.repeat(places, heads), ticks, None, self._rules, alone)
        mine.figures[groups] += theirs.figures - alone.figures
        # of a group of which the head is not all, the last closes are those of the run that follows
        longer = rows > heads
        for array, other in ((mine.sums, theirs.sums), (mine.marks[:, :_HEAD], theirs.marks[:, :_HEAD])):
            array[groups[longer]] = other[longer]

    def add(self, other: GroupState) -> None:
        """Add the figures of a run that is a series of its own: no window reaches from this one into it.

        Takes no more rows after that. Raises TooManyGroupsError.
        """
        groups = self._keys.number(other.keys())
        self._make_room(0, 0)
        self._arrays.figures[groups] += other.figures

    def _make_room(self, scale: int, largest: int) -> None:
        """Make room for all keys, and for closes of a scale and up to a size at that scale."""
        wanted = max(scale, self._scale)
        self._largest = max(self._largest * 10 ** (wanted - self._scale), largest * 10 ** (wanted - scale))
        words = max(self._arrays.sums.shape[2], words_for(self._largest * self._factor))
        room = len(self._arrays.marks)
        had = self._arrays.sums.shape[2]
        if words > had:
            # the closes with more words are there beside those with less
            self._check_size(room * (self._row_bytes(words) + self._row_bytes(had)))
        if wanted > self._scale or words > had:
            self._recast(wanted, words)
        if room < len(self):
            each = self._row_bytes(words)
            room = max(len(self), room + room // 2, min(_FIRST_ROOM, _FIRST_BYTES // each))
            self._check_size(room * each)
            for array in self._arrays:
                # in place: no other array looks into it, and a copy would take as much again
                array.resize((room, *array.shape[1:]), refcheck=False)

    @property
    def row_bytes(self) -> int:
        """What each group takes besides its key, as its closes are by now."""
        return self._row_bytes(self._arrays.sums.shape[2])

    def _row_bytes(self, words: int) -> int:
        _, reach, _ = self._arrays.sums.shape
        return _WORD_BYTES * words * (2 * int(reach) - 1) + sum(it.strides[0] for it in self._arrays[2:])

    def _check_size(self, size_bytes: int) -> None:
        # a table that grows is there twice for a moment
        needed = size_bytes + 2 * self._keys.size_bytes
        if needed > self.max_bytes:
            raise TooManyGroupsError(
                f"{len(self):,} groups by now, of windows of {self._arrays.sums.shape[1]:,} rows, would take"
                f" {-(-needed >> 20):,} MiB, more than the {self.max_bytes >> 20:,} MiB there are for them"
            )

    def _recast(self, scale: int, words: int) -> None:
        """Write all closes at a larger scale, or with more words; some groups at a time."""
        old = self._arrays
        groups, reach, had = old.sums.shape
        new = old
        if words > had:
            empty = native.GroupArrays.empty(groups, reach, words, 0)
            new = native.GroupArrays(empty.sums, empty.heads, old.marks, old.figures)
        step = max(1, _RECAST_ROWS // reach)
        for start in range(0, groups, step):
            stop = min(start + step, groups)
            self._recast_some(old.part(start, stop), new.part(start, stop), scale)
        self._arrays, self._scale = new, scale

    def _recast_some(self, old: native.GroupArrays, new: native.GroupArrays, scale: int) -> None:
        groups, reach, words = new.sums.shape

        def rewritten(ticks: NDArray[np.int64]) -> NDArray[np.int64]:
            plain = from_words(ticks.reshape(-1, ticks.shape[-1]), self._scale).rescale(scale)
            return to_words(plain, words).reshape(*ticks.shape[:-1], words)

        places = (old.marks[:, _NEXT, np.newaxis] + np.arange(reach)) % reach
        closes = rewritten(differences(old.sums[np.arange(groups)[:, np.newaxis], places]))
        # no signals, and no figures that are kept: this only fills the rings
        rings = native.GroupArrays.empty(groups, reach, words, 0)
        every = np.repeat(np.arange(groups, dtype=np.int32), reach - 1)
        native.count_groups(every, closes.reshape(-1, words), None, self._rules[:0], rings)
        new.sums[:], new.heads[:] = rings.sums, rewritten(old.heads)
        new.marks[:, _NEXT] = rings.marks[:, _NEXT]


def _rule(signal: Signal, *, backwards: bool) -> tuple[int, ...]:
    """Return a signal as `native.count_groups` takes it."""
    # "fast below slow" is "slow above fast"
    more, less = (signal.fast, signal.slow) if signal.is_above else (signal.slow, signal.fast)
    need = signal.reach
    # a mean of one row weighs as much as one of many: the sum of either is multiplied with the rows of the other
    if backwards:
        # the row in question came first, `need - 1` rows ago; the one before it in time came after it
        return need, less, need - more, need, more, need - less, need, -signal.is_cross
    return need, less, 0, more, more, 0, less, int(signal.is_cross)
