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
    def of(
        cls, signals: Sequence[Signal], ticks: Ticks, start: int = 0, lengths: Sequence[int] | None = None
    ) -> RowValues:
        """Compute the values of rows `start` and later of a run of one series; `lengths` are those of its signals."""
        flags = np.zeros((len(signals), len(ticks)), np.uint8)
        counts = count_within(tuple(signals), ticks, flags, start)
        lengths = lengths_of(signals) if lengths is None else lengths
        totals = _running_totals(ticks, max(lengths, default=1))
        unbroken = None if ticks.missing is None else _unbroken(ticks.missing)
        averages = {}
        for length in lengths:
            whole = max(start, length - 1)
            known = np.ones(len(ticks) - start, np.bool_) if unbroken is None else unbroken[start:] >= length
            known[: whole - start] = False
            sums = np.zeros((len(totals), len(ticks) - start), np.int64)
            np.subtract(totals[:, whole + 1 :], totals[:, whole + 1 - length : -length], out=sums[:, whole - start :])
            averages[length] = mean_of(Ticks(sums, ticks.scale), length, known)
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


def _unbroken(missing: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each row the number of consecutive closes that end with it, shape (rows,)."""
    places = np.arange(1, len(missing) + 1)
    return places - np.maximum.accumulate(np.where(missing, places, 0))


def _running_totals(ticks: Ticks, longest: int) -> NDArray[np.int64]:
    """Return the sums of the first closes, (limbs, rows + 1), so that sums of up to `longest` of them are right."""
    limbs = ticks.limbs
    if len(limbs) > 1 or magnitude(limbs) * longest >= _SUM_LIMIT:
        limbs = widen(limbs, 2)
    totals = np.zeros((len(limbs), len(ticks) + 1), np.int64)
    # the totals of one limb may wrap around, their differences do not
    np.cumsum(limbs, axis=1, out=totals[:, 1:])
    return totals


def mean_of(sums: Ticks, length: int, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the means of `length` closes with these sums, NaN where they are not `known`, shape (rows,).

    Each is the float64 nearest to the exact mean: independent of the scale, which depends on other rows of the run.
    """
    limbs, divisor = sums.limbs, length * 10**sums.scale
    if len(limbs) == 1 and divisor <= _EXACT_FLOATS:
        means: NDArray[np.float64] = limbs[0] / divisor
        means[~known] = np.nan
        if magnitude(limbs) <= _EXACT_FLOATS or magnitude(limbs[:, known]) <= _EXACT_FLOATS:
            return means
    means, rows = np.full(len(sums), np.nan), np.flatnonzero(known)
    # Python divides integers of any size and rounds once
    parts = zip(*limbs[:, rows].tolist(), strict=True)
    totals = (sum(part << LIMB_BITS * place for place, part in enumerate(each)) for each in parts)
    means[rows] = [total / divisor for total in totals]
    return means
