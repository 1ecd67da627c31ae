"""Counts signals of many interleaved series, *groups*, each with its key: exact, and mergeable like `WindowState`.

Rows are counted one by one; a ring holds the last closes of each group. Memory is O(groups x longest window).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamsig.core.counting import factor_of, rules_of
from streamsig.core.int64_words import differences, from_words, largest_of, to_words, words_for
from streamsig.core.json_values import MAX_INTEGER, checked_counts, pack, unpack
from streamsig.core.keys import KeyTable, Texts, number_keys
from streamsig.core.row_signals import RowValues, mean_of
from streamsig.core.ticks import MAX_SCALE, Ticks
from streamsig.native import count_kernels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from streamsig.core.signals import Signal

MAX_BYTES = 4 << 30
"""Default limit on the memory of a state."""

_FIRST_CAPACITY, _FIRST_BYTES = 64, 1 << 20
_ROWS_AT_ONCE = 1 << 16
_MAX_TEXT_BYTES = (1 << 31) - 1
"""Bytes of all keys: `Texts` has 32-bit offsets."""
_WORD_BYTES, _WORD_BITS = 8, 64
_NEXT, _UNBROKEN, _HEAD = range(3)
_ROWS, _MISSING, _COUNTS = range(3)


class TooManyGroupsError(ValueError):
    """The groups need more memory than a state may take."""


class GroupRows(NamedTuple):
    """A run of rows: for each its close, and its group as an index into `keys`, which are distinct."""

    keys: Texts
    groups: NDArray[np.int32]
    ticks: Ticks

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.ticks)


class _Held(NamedTuple):
    """The closes of all groups at one scale; `largest` bounds their absolute values in ticks."""

    arrays: count_kernels.GroupArrays
    scale: int
    largest: int


class GroupState:
    """Counts over a run of rows for each group, and what is needed to join the run to its neighbours.

    Groups are numbered in order of first appearance. With `backwards`, rows arrive newest first, so a window covers
    the rows *after* it; runs are merged in the same order. A state takes at most `max_bytes`, including the copy of
    its keys that exists while they grow. With `mean_lengths`, `row_values` has the values of the rows of the last
    update, with means over these numbers of rows.
    Raises ValueError for `backwards` and `mean_lengths`: rows that arrive newest first have no signals yet.
    """

    waiting = Ticks.empty()
    """The closes of the rows whose values are not known yet: none."""
    limbs = 1
    """The limbs of closes that a memory limit must allow for: `max_bytes` already covers longer closes."""

    def __init__(
        self,
        signals: Sequence[Signal],
        *,
        backwards: bool = False,
        mean_lengths: Sequence[int] | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        if backwards and mean_lengths is not None:
            raise ValueError("rows that arrive newest first have no signals yet")
        self.signals, self.backwards, self.mean_lengths, self.max_bytes = (
            tuple(signals),
            backwards,
            mean_lengths,
            max_bytes,
        )
        self.row_values: RowValues | None = None
        self._keys = KeyTable()
        reach = max((signal.reach for signal in signals), default=1)
        self._factor, self._rules = factor_of(self.signals), rules_of(self.signals, backwards=backwards)
        self._held = _Held(count_kernels.GroupArrays.empty(0, reach, 1, len(self.signals)), 0, 0)

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self._keys)

    def keys(self, start: int = 0, stop: int | None = None) -> Texts:
        """Return the keys of groups `start` (included) to `stop` (excluded)."""
        return self._keys.texts(start, stop)

    @property
    def group_counts(self) -> NDArray[np.int64]:
        """Return (groups, 2 + signals): the rows of each group, those without a close, and those with each signal."""
        return self._arrays.counts[: len(self)]

    @property
    def _arrays(self) -> count_kernels.GroupArrays:
        return self._held.arrays

    @property
    def rows(self) -> int:
        """The number of rows in all groups."""
        return int(self.group_counts[:, _ROWS].sum())

    @property
    def longest(self) -> int:
        """The number of rows in the longest group."""
        return int(self.group_counts[:, _ROWS].max(initial=0))

    @property
    def rows_missing(self) -> int:
        """The number of rows in all groups that have no close."""
        return int(self.group_counts[:, _MISSING].sum())

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of rows in all groups that have each signal."""
        return tuple(self.group_counts[:, _COUNTS:].sum(axis=0).tolist())

    def prepare(self, columns: Sequence[Texts], ticks: Ticks) -> GroupRows:
        """Return a run of rows for `update`, from the columns that make up their keys; changes nothing."""
        return GroupRows(*number_keys(columns), ticks)

    def update(self, rows: GroupRows) -> int:
        """Add rows; return how many of them have the first signal.

        Raises TooManyGroupsError.
        """
        groups = self._keys.number(rows.keys)
        self._reserve(rows.ticks.scale, largest_of(rows.ticks))
        scale = self._held.scale
        ticks = rows.ticks if rows.ticks.scale == scale else rows.ticks.rescale(scale)
        words, missing = to_words(ticks, self._arrays.sums.shape[2]), rows.ticks.missing
        lengths = None if self.mean_lengths is None else np.array(self.mean_lengths, np.int64)
        closes = count_kernels.GroupCloses(groups[rows.groups], words, missing)
        count, values = count_kernels.count_groups(closes, self._rules, self._arrays, lengths)
        if lengths is not None:
            sums = zip(lengths.tolist(), values.sums, strict=True)
            means = {size: mean_of(from_words(each, scale), size, values.unbroken >= size) for size, each in sums}
            counts = tuple(np.count_nonzero(values.flags, axis=1).tolist())
            self.row_values = RowValues(values.flags, means, counts)
        return count

    def merge(self, right: GroupState) -> None:
        """Add the run that follows this one, in time linear in its groups times the longest window.

        Raises ValueError if the two count different signals, and TooManyGroupsError.
        """
        if (self.signals, self.backwards) != (right.signals, right.backwards):
            raise ValueError(f"states of different signals do not merge: {self.signals} and {right.signals}")
        self.row_values = None
        groups = self._keys.number(right.keys())
        self._reserve(right._held.scale, right._held.largest)
        right._reserve(self._held.scale, self._held.largest)
        mine, theirs = self._arrays, right._arrays.part(0, len(right))
        heads, rows = theirs.marks[:, _HEAD], theirs.counts[:, _ROWS]
        # windows across the seam: those over the heads after this run, minus those over the heads alone
        in_head = np.arange(theirs.heads.shape[1]) < heads[:, np.newaxis]
        ticks = theirs.heads[in_head]
        _, reach, words = theirs.sums.shape
        alone = count_kernels.GroupArrays.empty(len(right), reach, words, len(self.signals))
        count_kernels.count_groups(count_kernels.GroupCloses(np.repeat(groups, heads), ticks), self._rules, mine)
        places = np.arange(len(right), dtype=np.int32)
        count_kernels.count_groups(count_kernels.GroupCloses(np.repeat(places, heads), ticks), self._rules, alone)
        mine.counts[groups] += theirs.counts - alone.counts
        # a group longer than its head has all its last closes in the run that follows
        longer = rows > heads
        for array, other in ((mine.sums, theirs.sums), (mine.marks[:, :_HEAD], theirs.marks[:, :_HEAD])):
            array[groups[longer]] = other[longer]

    def add(self, other: GroupState) -> None:
        """Add the counts of a separate series: no window spans both.

        The state takes no more rows after that. Raises TooManyGroupsError.
        """
        groups = self._keys.number(other.keys())
        self._reserve(0, 0)
        self._arrays.counts[groups] += other.group_counts

    def snapshot(self) -> Iterator[dict[str, Any]]:
        """Yield one object for JSON for each batch of groups; `restore` takes them.

        Arrays are base64, little-endian, with their type. The signals are not included.
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

    def restore(self, pieces: Iterable[Mapping[str, Any]]) -> None:
        """Take what `snapshot` yielded, for the same signals, into a state without rows.

        Raises ValueError for anything that `snapshot` does not yield, and TooManyGroupsError.
        """
        reach = self._arrays.sums.shape[1]
        for piece in pieces:
            scale, words, capacity = checked_counts([piece["scale"], piece["words"], piece["capacity"]])
            (largest,) = checked_counts([piece["largest"]], most=1 << _WORD_BITS * count_kernels.MAX_WORDS)
            if not len(self):
                if scale > MAX_SCALE or not words_for(largest * self._factor) <= words <= count_kernels.MAX_WORDS:
                    raise ValueError(f"closes up to {largest} at scale {scale} in {words} words")
                # the same capacity, if it fits: growing step by step could take more
                fits = capacity * self._row_bytes(words) + self._keys.needs_bytes <= self.max_bytes
                arrays = count_kernels.GroupArrays.empty(capacity * fits, reach, words, len(self.signals))
                self._held = _Held(arrays, scale, largest)
            if (scale, largest, words) != (self._held.scale, self._held.largest, self._arrays.sums.shape[2]):
                raise ValueError("pieces of different states")
            start, keys = len(self), Texts.from_json(piece["keys"])
            numbers = self._keys.number(keys)
            if not np.array_equal(numbers, np.arange(start, start + len(keys))):
                raise ValueError("duplicate key")
            self._reserve(scale, largest)
            arrays = self._arrays.part(start, len(self))
            for name, array in arrays._asdict().items():
                array[:] = unpack(piece[name], array.shape)
            _check(arrays)

    @property
    def _at_once(self) -> int:
        """The number of groups in a batch, which bounds temporary arrays."""
        return max(1, _ROWS_AT_ONCE // int(self._arrays.sums.shape[1]))

    def _reserve(self, scale: int, largest: int) -> None:
        """Reserve memory for all keys, and for closes of this scale with absolute values up to `largest` ticks."""
        held = self._held
        wanted = max(scale, held.scale)
        largest = max(held.largest * 10 ** (wanted - held.scale), largest * 10 ** (wanted - scale))
        words = max(self._arrays.sums.shape[2], words_for(largest * self._factor))
        capacity = len(self._arrays.marks)
        had = self._arrays.sums.shape[2]
        if words > had:
            # the old arrays and the wider ones coexist
            self._check_size(capacity * (self._row_bytes(words) + self._row_bytes(had)))
        if wanted > held.scale or words > had:
            self._held = _Held(self._recast(wanted, words), wanted, largest)
        elif largest > held.largest:
            self._held = held._replace(largest=largest)
        each, have = self._row_bytes(words), capacity
        if capacity < len(self):
            capacity = max(len(self), capacity + capacity // 2, min(_FIRST_CAPACITY, _FIRST_BYTES // each))
        self._check_size(capacity * each)
        if have < capacity:
            for array in self._arrays:
                # in place: no view of it exists, and a copy would double the memory
                array.resize((capacity, *array.shape[1:]), refcheck=False)

    @property
    def row_bytes(self) -> int:
        """The memory of each group at the current width of its closes, without its key."""
        return self._row_bytes(self._arrays.sums.shape[2])

    def _row_bytes(self, words: int) -> int:
        _, reach, _ = self._arrays.sums.shape
        # not from strides: they are 0 without rows
        others = sum(int(it.shape[1]) * it.itemsize for it in self._arrays[2:])
        return _WORD_BYTES * words * (2 * int(reach) - 1) + others

    def _check_size(self, size_bytes: int) -> None:
        if self._keys.text_bytes > _MAX_TEXT_BYTES:
            raise TooManyGroupsError(f"{len(self):,} groups by now have names of more than {_MAX_TEXT_BYTES:,} bytes")
        needed = size_bytes + self._keys.needs_bytes
        if needed > self.max_bytes:
            raise TooManyGroupsError(
                f"{len(self):,} groups by now, of windows of {self._arrays.sums.shape[1]:,} rows, would take"
                f" {-(-needed >> 20):,} MiB, more than the {self.max_bytes >> 20:,} MiB there are for them"
            )

    def _recast(self, scale: int, words: int) -> count_kernels.GroupArrays:
        """Return all closes at a larger scale or with more words, in batches of groups, in place where they fit."""
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
        # without signals: this only fills the rings
        rings = count_kernels.GroupArrays.empty(groups, reach, words, 0)
        every = np.repeat(np.arange(groups, dtype=np.int32), reach - 1)
        last = count_kernels.GroupCloses(every, closes.reshape(-1, words))
        count_kernels.count_groups(last, self._rules[:0], rings)
        new.sums[:], new.heads[:] = rings.sums, rewritten(old.heads)
        new.marks[:, _NEXT] = rings.marks[:, _NEXT]


def _closes(arrays: count_kernels.GroupArrays) -> NDArray[np.int64]:
    """Return the last closes of each group in order, (groups, reach - 1, words), padded with zeros in front."""
    groups, reach, _ = arrays.sums.shape
    places = (arrays.marks[:, _NEXT, np.newaxis] + np.arange(reach)) % reach
    return differences(arrays.sums[np.arange(groups)[:, np.newaxis], places])


def _check(arrays: count_kernels.GroupArrays) -> None:
    """Raise ValueError for marks or counts that no run has: the kernel uses them as indices."""
    _, reach, _ = arrays.sums.shape
    marks, counts = arrays.marks, arrays.counts
    rows = counts[:, _ROWS, np.newaxis]
    highest = np.minimum([reach - 1, reach, reach - 1], np.concatenate([rows * 0 + reach, rows, rows], axis=1))
    if (marks < 0).any() or (marks > highest).any():
        raise ValueError("marks beyond their arrays")
    if (counts < 0).any() or (counts > rows).any() or (rows == 0).any() or (rows > MAX_INTEGER).any():
        raise ValueError("counts that rows cannot have")
