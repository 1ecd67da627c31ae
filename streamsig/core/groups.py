"""Signals of many interleaved series, *groups*, each with its key: exact, and mergeable like `WindowState`.

Rows are counted one after another, each with the last closes of its own group in a ring. What
a state holds is O(groups x longest window), and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamsig.core.int64_words import differences, from_words, largest_of, to_words, words_for
from streamsig.core.json_arrays import MOST, pack, unpack, whole
from streamsig.core.keys import KeyTable, Texts, number_keys
from streamsig.core.row_signals import RowValues, mean_of
from streamsig.core.ticks import MOST_SCALE, Ticks
from streamsig.native import count_kernels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from streamsig.core.signals import Signal

MAX_BYTES = 4 << 30
"""States that would take more are refused, if no other limit is named."""

_FIRST_CAPACITY, _FIRST_BYTES = 64, 1 << 20
_ROWS_AT_ONCE = 1 << 16
_MOST_TEXT = (1 << 31) - 1
"""Of keys, as `Texts` has them all with 32 bits for each place."""
_WORD_BYTES, _WORD_BITS = 8, 64
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

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.ticks)

    @classmethod
    def of(cls, columns: Sequence[Texts], ticks: Ticks) -> GroupRows:
        """Take rows with the texts that make their keys (`number_keys`) and a close."""
        return cls(*number_keys(columns), ticks)


class _Held(NamedTuple):
    """The closes of all groups at one scale; no close is above `largest` in size, in units of that scale."""

    arrays: count_kernels.GroupArrays
    scale: int
    largest: int


class GroupState:
    """Counts over a run of rows for each group, and what is needed to join the run to its neighbours.

    Groups are numbered in the order in which they first appear. With `backwards` the run is read from its
    newest row to its oldest, and each window reaches over the rows *after* it; runs that are joined then
    follow each other in that order, too. It takes at most `max_bytes`, for moments twice that of its keys included.
    """

    def __init__(self, signals: Sequence[Signal], *, backwards: bool = False, max_bytes: int = MAX_BYTES) -> None:
        self.signals, self.backwards, self.max_bytes = tuple(signals), backwards, max_bytes
        self._keys = KeyTable()
        reach = max((signal.reach for signal in signals), default=1)
        self._factor = 2 * max((signal.fast * signal.slow for signal in signals), default=1)
        self._rules = np.array([_rule(it, backwards=backwards) for it in signals], np.int64).reshape(-1, 8)
        self._held = _Held(count_kernels.GroupArrays.empty(0, reach, 1, len(self.signals)), 0, 0)

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self._keys)

    def keys(self, start: int = 0, stop: int | None = None) -> Texts:
        """Return the keys of the groups from `start` on to before `stop`."""
        return self._keys.texts(start, stop)

    @property
    def group_counts(self) -> NDArray[np.int64]:
        """Return for each group its rows, those without a close, and those with each signal, (groups, 2 + signals)."""
        return self._arrays.counts[: len(self)]

    @property
    def _arrays(self) -> count_kernels.GroupArrays:
        return self._held.arrays

    @property
    def rows(self) -> int:
        """How many rows there are in all groups."""
        return int(self.group_counts[:, _ROWS].sum())

    @property
    def longest(self) -> int:
        """Rows of the longest group."""
        return int(self.group_counts[:, _ROWS].max(initial=0))

    @property
    def rows_missing(self) -> int:
        """How many rows of all groups have no close."""
        return int(self.group_counts[:, _MISSING].sum())

    @property
    def counts(self) -> tuple[int, ...]:
        """How many rows of all groups have each signal."""
        return tuple(self.group_counts[:, _COUNTS:].sum(axis=0).tolist())

    def update(self, rows: GroupRows) -> int:
        """Add further rows; return how many of these complete a window of the first signal and have it.

        Raises TooManyGroupsError.
        """
        return self._count(rows, None)[0]

    def update_rows(self, rows: GroupRows, lengths: Sequence[int]) -> tuple[int, RowValues]:
        """Add further rows like `update`; return also what each of them has.

        `lengths` are the rows of each mean, at most the longest reach of a signal. The state must not be `backwards`.
        """
        if self.backwards:
            raise ValueError("the signals of rows that arrive newest first are not known yet")
        count, values = self._count(rows, np.array(lengths, np.int64))
        scale, unbroken = self._held.scale, values.unbroken
        sums = (from_words(each, scale) for each in values.sums)
        means = {length: mean_of(each, length, unbroken >= length) for length, each in zip(lengths, sums, strict=True)}
        return count, RowValues(list(values.flags), means)

    def _count(self, rows: GroupRows, lengths: NDArray[np.int64] | None) -> tuple[int, count_kernels.GroupRowValues]:
        groups = self._keys.number(rows.keys)
        self._reserve(rows.ticks.scale, largest_of(rows.ticks))
        scale = self._held.scale
        ticks = rows.ticks if rows.ticks.scale == scale else rows.ticks.rescale(scale)
        words, missing = to_words(ticks, self._arrays.sums.shape[2]), rows.ticks.missing
        return count_kernels.count_groups(groups[rows.groups], words, missing, self._rules, self._arrays, lengths)

    def merge(self, right: GroupState) -> None:
        """Add the run that follows this one; linear in its groups times the longest window.

        Raises ValueError when the two do not count the same signals, and TooManyGroupsError.
        """
        if (self.signals, self.backwards) != (right.signals, right.backwards):
            raise ValueError(f"states of different signals do not merge: {self.signals} and {right.signals}")
        groups = self._keys.number(right.keys())
        self._reserve(right._held.scale, right._held.largest)
        right._reserve(self._held.scale, self._held.largest)
        mine, theirs = self._arrays, right._arrays.part(0, len(right))
        heads, rows = theirs.marks[:, _HEAD], theirs.counts[:, _ROWS]
        # the windows that straddle the seam: those over the heads after this run, less those over the heads alone
        in_head = np.arange(theirs.heads.shape[1]) < heads[:, np.newaxis]
        ticks = theirs.heads[in_head]
        _, reach, words = theirs.sums.shape
        alone = count_kernels.GroupArrays.empty(len(right), reach, words, len(self.signals))
        count_kernels.count_groups(np.repeat(groups, heads), ticks, None, self._rules, mine)
        places = np.arange(len(right), dtype=np.int32)
        count_kernels.count_groups(np.repeat(places, heads), ticks, None, self._rules, alone)
        mine.counts[groups] += theirs.counts - alone.counts
        # of a group of which the head is not all, the last closes are those of the run that follows
        longer = rows > heads
        for array, other in ((mine.sums, theirs.sums), (mine.marks[:, :_HEAD], theirs.marks[:, :_HEAD])):
            array[groups[longer]] = other[longer]

    def add(self, other: GroupState) -> None:
        """Add the counts of a run that is a series of its own: no window reaches from this one into it.

        Takes no more rows after that. Raises TooManyGroupsError.
        """
        groups = self._keys.number(other.keys())
        self._reserve(0, 0)
        self._arrays.counts[groups] += other.group_counts

    def tails(self) -> Iterator[tuple[NDArray[np.int32], Ticks]]:
        """Yield the last rows of each group from its last gap on, one less than its longest window at most.

        Some groups at a time: (rows,) the group of each row, and the closes, of each group in order.
        """
        reach = self._arrays.sums.shape[1]
        groups = len(self)
        for start in range(0, groups, self._at_once):
            arrays = self._arrays.part(start, min(start + self._at_once, groups))
            known = np.minimum(arrays.marks[:, _UNBROKEN], reach - 1)
            # a row without a close before them separates them from what is further ahead
            rows = np.minimum(known + (arrays.counts[:, _ROWS] > known), reach - 1)
            ago = np.arange(reach - 1, 0, -1)
            is_in_tail, missing = (ago <= rows[:, np.newaxis]), (ago > known[:, np.newaxis])
            closes = _closes(arrays)
            closes[missing] = 0
            ticks = from_words(closes[is_in_tail], self._held.scale)
            yield (
                np.repeat(np.arange(start, start + len(rows), dtype=np.int32), rows),
                Ticks(ticks.limbs, ticks.scale, missing[is_in_tail] if missing[is_in_tail].any() else None),
            )

    def to_json(self) -> Iterator[dict[str, Any]]:
        """Yield pieces, of some groups each, of which `from_json` makes the same state.

        Arrays are in base64, little-endian, with their type. The signals are not in them.
        """
        groups = len(self)
        for start in range(0, groups, self._at_once):
            stop = min(start + self._at_once, groups)
            arrays = self._arrays.part(start, stop)
            yield {
                "scale": self._held.scale,
                "largest": self._held.largest,
                "words": arrays.sums.shape[2],
                "capacity": len(self._arrays.marks),
                "keys": self.keys(start, stop).to_json(),
                **{name: pack(array) for name, array in arrays._asdict().items()},
            }

    @classmethod
    def from_json(
        cls,
        signals: Sequence[Signal],
        pieces: Iterable[Mapping[str, Any]],
        *,
        backwards: bool = False,
        max_bytes: int = MAX_BYTES,
    ) -> GroupState:
        """Return the state of these signals that `to_json` wrote down.

        Raises ValueError for what that never writes, and TooManyGroupsError.
        """
        state = cls(signals, backwards=backwards, max_bytes=max_bytes)
        reach = state._arrays.sums.shape[1]
        for piece in pieces:
            scale, words, capacity = whole([piece["scale"], piece["words"], piece["capacity"]])
            (largest,) = whole([piece["largest"]], most=1 << _WORD_BITS * count_kernels.MOST_WORDS)
            if not len(state):
                if scale > MOST_SCALE or not words_for(largest * state._factor) <= words <= count_kernels.MOST_WORDS:
                    raise ValueError(f"closes up to {largest} at scale {scale} in {words} words")
                # as much as there was, if it fits: to grow by other steps could take more
                groups = capacity if capacity * state._row_bytes(words) + state._keys.needs_bytes <= max_bytes else 0
                arrays = count_kernels.GroupArrays.empty(groups, reach, words, len(state.signals))
                state._held = _Held(arrays, scale, largest)
            if (scale, largest, words) != (state._held.scale, state._held.largest, state._arrays.sums.shape[2]):
                raise ValueError("pieces of different states")
            start, keys = len(state), Texts.from_json(piece["keys"])
            numbers = state._keys.number(keys)
            if not np.array_equal(numbers, np.arange(start, start + len(keys))):
                raise ValueError("a key is there twice")
            state._reserve(scale, largest)
            arrays = state._arrays.part(start, len(state))
            for name, array in arrays._asdict().items():
                array[:] = unpack(piece[name], array.shape)
            _check(arrays)
        return state

    @property
    def _at_once(self) -> int:
        """How many groups to take at a time where arrays of them are made."""
        return max(1, _ROWS_AT_ONCE // int(self._arrays.sums.shape[1]))

    def _reserve(self, scale: int, largest: int) -> None:
        """Reserve memory for all keys, and for closes of a scale and up to a size at that scale."""
        held = self._held
        wanted = max(scale, held.scale)
        largest = max(held.largest * 10 ** (wanted - held.scale), largest * 10 ** (wanted - scale))
        words = max(self._arrays.sums.shape[2], words_for(largest * self._factor))
        capacity = len(self._arrays.marks)
        had = self._arrays.sums.shape[2]
        if words > had:
            # the closes with more words coexist with those with less
            self._check_size(capacity * (self._row_bytes(words) + self._row_bytes(had)))
        if wanted > held.scale or words > had:
            self._held = _Held(self._recast(wanted, words), wanted, largest)
        elif largest > held.largest:
            self._held = held._replace(largest=largest)
        each, have = self._row_bytes(words), capacity
        if capacity < len(self):
            capacity = max(len(self), capacity + capacity // 2, min(_FIRST_CAPACITY, _FIRST_BYTES // each))
        # as many as fit: a few groups may have long names
        self._check_size(capacity * each)
        if have < capacity:
            for array in self._arrays:
                # in place: no other array looks into it, and a copy would take as much again
                array.resize((capacity, *array.shape[1:]), refcheck=False)

    @property
    def row_bytes(self) -> int:
        """What each group takes besides its key, as its closes are by now."""
        return self._row_bytes(self._arrays.sums.shape[2])

    def _row_bytes(self, words: int) -> int:
        _, reach, _ = self._arrays.sums.shape
        # not by strides: of no rows they are 0
        others = sum(int(it.shape[1]) * it.itemsize for it in self._arrays[2:])
        return _WORD_BYTES * words * (2 * int(reach) - 1) + others

    def _check_size(self, size_bytes: int) -> None:
        if self._keys.text_bytes > _MOST_TEXT:
            raise TooManyGroupsError(f"{len(self):,} groups by now have names of more than {_MOST_TEXT:,} bytes")
        needed = size_bytes + self._keys.needs_bytes
        if needed > self.max_bytes:
            raise TooManyGroupsError(
                f"{len(self):,} groups by now, of windows of {self._arrays.sums.shape[1]:,} rows, would take"
                f" {-(-needed >> 20):,} MiB, more than the {self.max_bytes >> 20:,} MiB there are for them"
            )

    def _recast(self, scale: int, words: int) -> count_kernels.GroupArrays:
        """Return all closes at a larger scale, or with more words; some groups at a time, and in place if they fit."""
        old = self._arrays
        groups, reach, had = old.sums.shape
        new = old
        if words > had:
            empty = count_kernels.GroupArrays.empty(groups, reach, words, 0)
            new = count_kernels.GroupArrays(empty.sums, empty.heads, old.marks, old.counts)
        step = self._at_once
        for start in range(0, groups, step):
            stop = min(start + step, groups)
            self._recast_some(old.part(start, stop), new.part(start, stop), scale)
        return new

    def _recast_some(self, old: count_kernels.GroupArrays, new: count_kernels.GroupArrays, scale: int) -> None:
        groups, reach, words = new.sums.shape

        def rewritten(ticks: NDArray[np.int64]) -> NDArray[np.int64]:
            plain = from_words(ticks.reshape(-1, ticks.shape[-1]), self._held.scale).rescale(scale)
            return to_words(plain, words).reshape(*ticks.shape[:-1], words)

        closes = rewritten(_closes(old))
        # no signals, and no counts: this only fills the rings
        rings = count_kernels.GroupArrays.empty(groups, reach, words, 0)
        every = np.repeat(np.arange(groups, dtype=np.int32), reach - 1)
        count_kernels.count_groups(every, closes.reshape(-1, words), None, self._rules[:0], rings)
        new.sums[:], new.heads[:] = rings.sums, rewritten(old.heads)
        new.marks[:, _NEXT] = rings.marks[:, _NEXT]


def _closes(arrays: count_kernels.GroupArrays) -> NDArray[np.int64]:
    """Return the last closes of each group in order, (groups, reach - 1, words); of a short one zeros before them."""
    groups, reach, _ = arrays.sums.shape
    places = (arrays.marks[:, _NEXT, np.newaxis] + np.arange(reach)) % reach
    return differences(arrays.sums[np.arange(groups)[:, np.newaxis], places])


def _check(arrays: count_kernels.GroupArrays) -> None:
    """Raise ValueError for what no count leaves: the kernel takes places from it."""
    _, reach, _ = arrays.sums.shape
    marks, counts = arrays.marks, arrays.counts
    rows = counts[:, _ROWS, np.newaxis]
    highest = np.minimum([reach - 1, reach, reach - 1], np.concatenate([rows * 0 + reach, rows, rows], axis=1))
    if (marks < 0).any() or (marks > highest).any():
        raise ValueError("marks beyond what they mark")
    if (counts < 0).any() or (counts > rows).any() or (rows == 0).any() or (rows > MOST).any():
        raise ValueError("counts that rows cannot have")


def _rule(signal: Signal, *, backwards: bool) -> tuple[int, ...]:
    """Return a signal as `count_kernels.count_groups` takes it."""
    # "fast below slow" is "slow above fast"
    more, less = (signal.fast, signal.slow) if signal.is_above else (signal.slow, signal.fast)
    need = signal.reach
    # a mean of one row weighs as much as one of many: the sum of either is multiplied with the rows of the other
    if backwards:
        # the row in question came first, `need - 1` rows ago; the one before it in time came after it
        return need, less, need - more, need, more, need - less, need, -signal.is_cross
    return need, less, 0, more, more, 0, less, int(signal.is_cross)
