"""What each row of a run has: whether it has a signal, and the averages that the signal compares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.core.counting import count_within
from streamsig.core.ticks import LIMB_BITS, Ticks, magnitude, widen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from streamsig.core.signals import Signal

_ROOM = 1 << 62
_EXACT_FLOATS = 1 << 53
"""Up to here every integer is a float64, and the quotient of two is rounded once."""


class RowValues(NamedTuple):
    """What rows have: `flags` of each signal, 0 or 1, and `averages` by the number of closes in them, NaN for none.

    Each array is (rows,).
    """

    flags: Sequence[NDArray[np.uint8]]
    averages: Mapping[int, NDArray[np.float64]]

    @classmethod
    def of(cls, signals: Sequence[Signal], ticks: Ticks) -> RowValues:
        """Compute them over a run of one series."""
        flags = np.zeros((len(signals), len(ticks)), np.uint8)
        count_within(tuple(signals), ticks, flags)
        known = _unbroken(ticks)
        return cls(list(flags), {length: average(ticks, length, known) for length in lengths_of(signals)})

    def take(self, rows: slice) -> RowValues:
        """Return what these rows have."""
        return RowValues([it[rows] for it in self.flags], {length: it[rows] for length, it in self.averages.items()})


def lengths_of(signals: Sequence[Signal]) -> list[int]:
    """Return of how many closes the means of signals are, each once."""
    return sorted({length for signal in signals for length in (signal.fast, signal.slow)})


def _unbroken(ticks: Ticks) -> NDArray[np.int64]:
    """Return how many rows up to each, itself included, have a close without a gap, shape (rows,)."""
    places = np.arange(1, len(ticks) + 1)
    if ticks.missing is None:
        return places
    return places - np.maximum.accumulate(np.where(ticks.missing, places, 0))


def average(ticks: Ticks, length: int, whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of the last `length` closes of each row, NaN where they are not all there, shape (rows,)."""
    if len(ticks) < length:
        return np.full(len(ticks), np.nan)
    limbs = ticks.limbs
    if len(limbs) > 1 or magnitude(limbs) * length >= _ROOM:
        limbs = widen(limbs, 2)
    sums = np.zeros((len(limbs), len(ticks)), np.int64)
    for place, limb in enumerate(limbs):
        sums[place, length - 1 :] = _sums(limb, length)
    return mean_of(Ticks(sums, ticks.scale), length, whole >= length)


def mean_of(sums: Ticks, length: int, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the means of `length` closes that have these sums, NaN where they are not known, shape (rows,).

    A mean is the float64 nearest to the exact one, so that it does not depend on the scale of the ticks, which
    depends on what other rows are in the run.
    """
    means = np.full(len(sums), np.nan)
    rows, divisor, limbs = np.flatnonzero(known), length * 10**sums.scale, sums.limbs
    if len(limbs) == 1 and max(divisor, magnitude(limbs[:, rows])) <= _EXACT_FLOATS:
        means[rows] = limbs[0, rows] / divisor
        return means
    # Python divides integers of any size, and rounds once
    parts = zip(*limbs[:, rows].tolist(), strict=True)
    totals = (sum(part << LIMB_BITS * place for place, part in enumerate(each)) for each in parts)
    means[rows] = [total / divisor for total in totals]
    return means


def _sums(limb: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    totals = np.concatenate([[0], np.cumsum(limb)])
    sums: NDArray[np.int64] = totals[length:] - totals[:-length]
    return sums
