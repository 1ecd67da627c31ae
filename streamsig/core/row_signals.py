"""The signals of each row of a run, and the averages that the signals compare."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from streamsig.core.counting import count_within
from streamsig.core.ticks import LIMB_BITS, Ticks, magnitude, widen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from streamsig.core.signals import Signal

_SUM_LIMIT = 1 << 62
_EXACT_FLOATS = 1 << 53
"""Up to here every integer is a float64, so the quotient of two is rounded only once."""


@dataclass(frozen=True, slots=True)
class RowValues:
    """Values of rows: `flags` of each signal, 0 or 1, and `averages` by their length, NaN where there is none.

    Each array has shape (rows,). `counts` has the number of rows with each signal.
    """

    flags: NDArray[np.uint8]
    averages: Mapping[int, NDArray[np.float64]]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, signals: Sequence[Signal], ticks: Ticks, start: int = 0) -> RowValues:
        """Compute the values of rows `start` and later of a run of one series."""
        flags = np.zeros((len(signals), len(ticks)), np.uint8)
        counts = count_within(tuple(signals), ticks, flags, start)
        known = _unbroken(ticks)
        averages = {length: average(ticks, length, known)[start:] for length in lengths_of(signals)}
        return cls(flags[:, start:], averages, counts)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.flags.shape[1])

    def reverse(self) -> RowValues:
        """Return the rows in reverse order, as views."""
        averages = {length: each[::-1] for length, each in self.averages.items()}
        return replace(self, flags=self.flags[:, ::-1], averages=averages)


def lengths_of(signals: Sequence[Signal]) -> list[int]:
    """Return the distinct lengths of the means of signals, ascending."""
    return sorted({length for signal in signals for length in (signal.fast, signal.slow)})


def _unbroken(ticks: Ticks) -> NDArray[np.int64]:
    """Return for each row the number of consecutive closes that end with it, shape (rows,)."""
    places = np.arange(1, len(ticks) + 1)
    if ticks.missing is None:
        return places
    return places - np.maximum.accumulate(np.where(ticks.missing, places, 0))


def average(ticks: Ticks, length: int, unbroken: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of the last `length` closes at each row, NaN where one is missing, shape (rows,).

    `unbroken` is the number of consecutive closes that end with each row.
    """
    if len(ticks) < length:
        return np.full(len(ticks), np.nan)
    limbs = ticks.limbs
    if len(limbs) > 1 or magnitude(limbs) * length >= _SUM_LIMIT:
        limbs = widen(limbs, 2)
    sums = np.zeros((len(limbs), len(ticks)), np.int64)
    for place, limb in enumerate(limbs):
        sums[place, length - 1 :] = _sums(limb, length)
    return mean_of(Ticks(sums, ticks.scale), length, unbroken >= length)


def mean_of(sums: Ticks, length: int, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the means of `length` closes with these sums, NaN where they are not `known`, shape (rows,).

    Each is the float64 nearest to the exact mean: independent of the scale, which depends on other rows of the run.
    """
    means = np.full(len(sums), np.nan)
    rows, divisor, limbs = np.flatnonzero(known), length * 10**sums.scale, sums.limbs
    if len(limbs) == 1 and max(divisor, magnitude(limbs[:, rows])) <= _EXACT_FLOATS:
        means[rows] = limbs[0, rows] / divisor
        return means
    # Python divides integers of any size and rounds once
    parts = zip(*limbs[:, rows].tolist(), strict=True)
    totals = (sum(part << LIMB_BITS * place for place, part in enumerate(each)) for each in parts)
    means[rows] = [total / divisor for total in totals]
    return means


def _sums(limb: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    totals = np.concatenate([[0], np.cumsum(limb)])
    sums: NDArray[np.int64] = totals[length:] - totals[:-length]
    return sums
