"""What each row of a run has: whether it has a signal, and the averages that the signal compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamsig.core.ticks import LIMB_BITS, Ticks, magnitude, widen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamsig.core.signals import Signal

_ROOM = 1 << 62


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

    The sums are exact; a mean is off by one unit in the last place of a float64 at most where the sum has more
    digits than that.
    """
    means = np.full(len(ticks), np.nan)
    if len(ticks) < length:
        return means
    limbs = ticks.limbs
    if len(limbs) > 1 or magnitude(limbs) * length >= _ROOM:
        limbs = widen(limbs, 2)
    sums = np.zeros(len(ticks) - length + 1)
    for limb in limbs[::-1]:
        totals = np.concatenate([[0], np.cumsum(limb)])
        sums = sums * 2.0**LIMB_BITS + (totals[length:] - totals[:-length])
    means[length - 1 :] = sums / (float(length) * float(10**ticks.scale))
    means[whole < length] = np.nan
    return means
