"""The kernels that count signals of one series, and of many interleaved ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.native import library

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_WORDS = 8
"""The most 64-bit words of a sum in `count_groups`."""

_INVALID = 1
_NO_FLAGS = np.empty((0, 0), np.uint8)


def count_signals(
    ticks: NDArray[np.int64],
    missing: NDArray[np.bool_] | None,
    signals: NDArray[np.int64],
    span: tuple[int, int],
    flags: NDArray[np.uint8] | None = None,
) -> NDArray[np.int64] | None:
    """Count signals over closes; return the counts, (signals,), or `None` for closes that are too large.

    `ticks` is (rows,), `missing` (rows,) or `None`. `signals` is (signals, 4): the lengths of the fast and the slow
    mean, 1 for above and 0 for below, 1 if a row counts only where that turns true. A row counts if its whole window
    lies in the run, ends at row `span[0]` or later, and begins before row `span[1]`. `flags`, zeros of (signals, rows),
    receives a 1 for each row that counts.

    `fast * slow` times the largest close must be below 2**62. Raises ValueError for arrays that do not fit together.
    """
    rows, many = len(ticks), len(signals)
    if (missing is not None and len(missing) != rows) or not 0 <= min(span) <= max(span) <= rows:
        raise ValueError(f"a span of {span} in {rows} rows, or not as many rows of missing")
    if flags is not None and flags.shape != (many, rows):
        raise ValueError(f"flags of {flags.shape} where {many} signals of {rows} rows are counted")
    counts = np.empty(many, np.int64)
    sums, known = np.empty(rows + 1, np.int64), np.empty(0 if missing is None else rows, np.int64)
    absent = np.empty(0, np.uint8) if missing is None else np.ascontiguousarray(missing).view(np.uint8)
    closes = np.ascontiguousarray(ticks)
    emitted = (flags is not None, _NO_FLAGS if flags is None else flags)
    run = (closes, absent, rows, missing is not None, signals, many, *span)
    result = library.call("count_signals", *run, sums, known, counts, *emitted)
    if result == _INVALID:
        raise ValueError("means are of 1 to 2**62 rows, and a signal turns (1) or not (0)")
    return None if result else counts


class GroupArrays(NamedTuple):
    """The state of groups.

    Attributes:
        sums: (groups, reach, words) the last running sums of closes, in a ring; words are little-endian.
        heads: (groups, reach - 1, words) the first closes, up to the first missing one.
        marks: (groups, 3) the index of the oldest sum, the number of closes since the last missing one, at most
            `reach`, and the number of closes in the head.
        counts: (groups, 2 + signals) rows, rows without a close, and rows with each signal.

    """

    sums: NDArray[np.int64]
    heads: NDArray[np.int64]
    marks: NDArray[np.int32]
    counts: NDArray[np.int64]

    @classmethod
    def empty(cls, groups: int, reach: int, words: int, signals: int) -> GroupArrays:
        """Return the state of groups without rows."""
        return cls(
            np.zeros((groups, reach, words), np.int64),
            np.zeros((groups, reach - 1, words), np.int64),
            np.zeros((groups, 3), np.int32),
            np.zeros((groups, 2 + signals), np.int64),
        )

    def part(self, start: int, stop: int) -> GroupArrays:
        """Return the state of groups `start` (included) to `stop` (excluded), as a view."""
        sums, heads, marks, counts = self
        return GroupArrays(sums[start:stop], heads[start:stop], marks[start:stop], counts[start:stop])


class GroupRowValues(NamedTuple):
    """What `count_groups` emits for each row; all 0 for a row without a close.

    Attributes:
        flags: (signals, rows) 1 where a row has the signal.
        sums: (lengths, rows, words) the sums of the last closes, one for each length.
        unbroken: (rows,) the number of consecutive closes of the group that end with the row, at most the reach.

    """

    flags: NDArray[np.uint8]
    sums: NDArray[np.int64]
    unbroken: NDArray[np.int32]


class GroupCloses(NamedTuple):
    """Rows of several groups: the group of each, (rows,), its close, (rows, words), and which have none, (rows,)."""

    groups: NDArray[np.int32]
    ticks: NDArray[np.int64]
    missing: NDArray[np.bool_] | None = None


def count_groups(
    closes: GroupCloses, signals: NDArray[np.int64], arrays: GroupArrays, lengths: NDArray[np.int64] | None = None
) -> tuple[int, GroupRowValues]:
    """Add rows to the groups of `arrays`; return the number of rows with the first signal, and the row values.

    `signals` is (signals, 8), with the columns of `groups.c`:

    - NEEDS: the number of rows that must have a close;
    - MORE_TIMES, MORE_END, MORE_BEGIN: of the mean that should be greater, the factor of its sum, and how many rows ago
      it ends and begins;
    - LESS_TIMES, LESS_END, LESS_BEGIN: the same of the other mean;
    - BEFORE: for a cross how many rows further ago the previous row is (it may be negative), else 0.

    Sums of windows and differences of their products must fit in `words`. `lengths`, (lengths,), from 1 to the reach,
    requests row values; without it they have no rows.

    Raises ValueError for arrays that do not fit together.
    """
    groups, ticks, missing = closes
    rows, (count, reach, words) = len(groups), arrays.sums.shape
    if rows and not 0 <= int(groups.min()) <= int(groups.max()) < count:
        raise ValueError(f"a row of a group that is not in 0..{count - 1}")
    shapes = (arrays.heads.shape, arrays.marks.shape, arrays.counts.shape, ticks.shape, signals.shape[1])
    if shapes != ((count, reach - 1, words), (count, 3), (count, 2 + len(signals)), (rows, words), 8):
        raise ValueError(f"shapes that do not go together: {shapes}")
    ago = signals[:, [2, 3, 5, 6]]
    # a cross compares the same means on another row, too
    reaches = np.concatenate([ago, ago + signals[:, 7:]])
    if not 1 <= words <= MAX_WORDS or max(signals[:, 0].max(initial=0), reaches.max(initial=0)) > reach:
        raise ValueError(f"{words} words are not in 1..{MAX_WORDS}, or a signal reaches beyond {reach} rows")
    if reaches.min(initial=0) < 0:
        raise ValueError("a signal uses later rows")
    absent = np.empty(0, np.uint8) if missing is None else np.ascontiguousarray(missing).view(np.uint8)
    if missing is not None and len(missing) != rows:
        raise ValueError(f"{len(missing)} flags of {rows} rows")
    emits, lengths = lengths is not None, np.empty(0, np.int64) if lengths is None else lengths
    if lengths.min(initial=1) < 1 or lengths.max(initial=1) > reach:
        raise ValueError(f"sums of {lengths.tolist()} rows are not of 1..{reach}")
    many, gaps, size = len(signals), missing is not None, rows * emits
    values = GroupRowValues(
        np.zeros((many, size), np.uint8), np.zeros((len(lengths), size, words), np.int64), np.zeros(size, np.int32)
    )
    flags, sums, unbroken = values
    emitted = (emits, lengths, len(lengths), flags, sums, unbroken)
    count = library.call(
        "count_groups", groups, ticks, absent, rows, gaps, signals, many, reach, words, *arrays, *emitted
    )
    return count, values
