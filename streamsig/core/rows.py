"""What each row of a run has: whether it has a signal, and the averages that the signal compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamsig.core.ticks import LIMB_BITS, Ticks, magnitude, widen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamsig.core.signals import Signal

_ROOM = 1 << 62
_EXACT_FLOATS = 1 << 53
"""Up to here every integer is a float64, and the quotient of two is rounded once."""


def unbroken(ticks: Ticks, starts: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Return how many rows up to each, itself included, have a close without a gap, shape (rows,).

    `starts` tells which rows are the first of a series of their own, if not only the first of all.
    """
    places = np.arange(1, len(ticks) + 1)
    breaks = np.zeros(len(ticks), np.int64)
    if starts is not None:
        breaks[starts] = places[starts] - 1
    if ticks.missing is not None:
        breaks[ticks.missing] = places[ticks.missing]
    return places - np.maximum.accumulate(breaks)


def has_signal(signal: Signal, ticks: Ticks, whole: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return 1 for each row that has the signal, else 0, shape (rows,); `whole` is what `unbroken` returned."""
    flags = np.zeros(len(ticks), np.bool_)
    if len(ticks) >= signal.reach:
        flags[signal.reach - 1 :] = signal.flags(Ticks(ticks.limbs, ticks.scale))
    return (flags & (whole >= signal.reach)).view(np.uint8)


def average(ticks: Ticks, length: int, whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of the last `length` closes of each row, NaN where they are not all there, shape (rows,).

    A mean is the float64 nearest to the exact one, so that it does not depend on the scale of the ticks, which
    depends on what other rows are in the run.
    """
    means = np.full(len(ticks), np.nan)
    rows = np.flatnonzero(whole >= length)
    divisor = length * 10**ticks.scale
    sums = _sums(ticks, length, rows)
    if isinstance(sums, list) or max(divisor, magnitude(sums)) > _EXACT_FLOATS:
        # Python divides integers of any size and rounds once
        means[rows] = [total / divisor for total in (sums if isinstance(sums, list) else sums.tolist())]
    else:
        means[rows] = sums / divisor
    return means


def _sums(ticks: Ticks, length: int, rows: NDArray[np.intp]) -> NDArray[np.int64] | list[int]:
    """Return the exact sum of the `length` closes up to each of these rows, as a list where they need many bits."""
    limbs = ticks.limbs
    if len(limbs) > 1 or magnitude(limbs) * length >= _ROOM:
        limbs = widen(limbs, 2)
    sums: list[NDArray[np.int64]] = []
    for limb in limbs:
        totals = np.concatenate([[0], np.cumsum(limb)])
        sums.append(totals[rows + 1] - totals[rows + 1 - length])
    if len(sums) == 1:
        return sums[0]
    return [
        sum(part << LIMB_BITS * place for place, part in enumerate(each))
        for each in zip(*map(_plain, sums), strict=True)
    ]


def _plain(numbers: NDArray[np.int64]) -> list[int]:
    plain: list[int] = numbers.tolist()
    return plain
