"""The comparison of two moving averages, computed exactly on ticks."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING

import numpy as np

from streamsig.core.ticks import LIMB_BITS, magnitude, widen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamsig.core.ticks import Ticks

MAX_FACTOR = 1 << 44
"""Largest `fast * slow`: half limbs multiplied by it, with their carries, fit in int64."""

_PRODUCT_LIMIT = 1 << 62

ABOVE, BELOW, CROSS_ABOVE, CROSS_BELOW = COMPARISONS = ("above", "below", "cross_above", "cross_below")
"""How the fast mean compares to the slow one, or the row on which that begins."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A comparison of two moving averages of the closes; `Signal(1, n)` is "close above its n-row mean".

    A row has the signal `above` if `sma(fast) > sma(slow)`, computed as
    `slow * sum(last fast) > fast * sum(last slow)`, and `below` if it is less; a tie is neither. It has `cross_above`
    or `cross_below` if the comparison holds on this row and does not hold on the row before. All of the last `reach`
    rows, this one included, must have a close, so the first row with both means is never a cross.
    """

    fast: int
    slow: int
    compare: str = ABOVE

    def __post_init__(self) -> None:
        # plain integers: products of numpy integers wrap around
        for name in ("fast", "slow"):
            object.__setattr__(self, name, index(getattr(self, name)))
        if self.fast < 1 or self.slow < 1 or self.fast * self.slow > MAX_FACTOR:
            problem = f"fast {self.fast} and slow {self.slow} must be at least 1, and their product at most 2**44"
            raise ValueError(problem)
        if self.compare not in COMPARISONS:
            raise ValueError(f"compare {self.compare!r} must be one of {', '.join(COMPARISONS)}")

    @property
    def window(self) -> int:
        """The number of rows of the longer mean."""
        return max(self.fast, self.slow)

    @property
    def is_cross(self) -> bool:
        """Whether a row counts only if the comparison turns true there."""
        return self.compare in {CROSS_ABOVE, CROSS_BELOW}

    @property
    def is_above(self) -> bool:
        """Whether the fast mean has to be greater than the slow one."""
        return self.compare in {ABOVE, CROSS_ABOVE}

    @property
    def reach(self) -> int:
        """The number of rows, ending with the row itself, that must have a close."""
        return self.window + self.is_cross

    def flags(self, ticks: Ticks) -> NDArray[np.bool_]:
        """Return whether rows `reach - 1` and later have the signal, shape (max(0, rows - reach + 1),).

        Takes time linear in rows, whatever the windows are.
        """
        if len(ticks) < self.reach:
            return np.zeros(0, np.bool_)
        flags = self._holds(ticks)
        if self.is_cross:
            flags = flags[1:] & ~flags[:-1]
        if ticks.missing is not None:
            flags &= _sums(ticks.missing, self.reach) == 0
        return flags

    def fits(self, limbs: NDArray[np.int64]) -> bool:
        """Return whether all products of these limbs fit in int64."""
        return len(limbs) == 1 and magnitude(limbs) * self.fast * self.slow < _PRODUCT_LIMIT

    def _holds(self, ticks: Ticks) -> NDArray[np.bool_]:
        """Return whether the comparison holds for each whole window, shape (rows - window + 1,)."""
        limbs, bits = ticks.limbs, LIMB_BITS
        if not self.fits(limbs):
            limbs = widen(limbs, 2)
            if self.fast * self.slow << (LIMB_BITS + 1) >= _PRODUCT_LIMIT:
                limbs, bits = _halve(limbs), LIMB_BITS // 2
        sign = 1 if self.is_above else -1
        differences = [sign * self._difference(limb) for limb in limbs]
        return differences[0] > 0 if len(differences) == 1 else _positive(differences, bits)

    def _difference(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return `slow * sum(last fast) - fast * sum(last slow)` per whole window."""
        if self.fast == 1:
            return self.slow * values[self.slow - 1 :] - _sums(values, self.slow)
        windows = len(values) - self.window + 1
        return self.slow * _sums(values, self.fast)[-windows:] - self.fast * _sums(values, self.slow)[-windows:]


def _sums(values: NDArray[np.int64] | NDArray[np.bool_], window: int) -> NDArray[np.int64]:
    """Return the sums over all whole windows, shape (rows - window + 1,).

    Running totals may wrap around int64; their differences are right as long as the sum of a window fits.
    """
    totals = np.empty(len(values) + 1, np.int64)
    totals[0] = 0
    np.cumsum(values, out=totals[1:])
    return totals[window:] - totals[:-window]


def _halve(limbs: NDArray[np.int64]) -> NDArray[np.int64]:
    half = LIMB_BITS // 2
    # the sign stays with the upper half of the last limb
    return np.stack([part for limb in limbs for part in (limb & ((1 << half) - 1), limb >> half)])


def _positive(digits: list[NDArray[np.int64]], bits: int) -> NDArray[np.bool_]:
    """Return where the number with these little-endian digits, each any int64 below 2**62, is above 0."""
    rest = np.zeros(len(digits[0]), np.bool_)
    carried = np.zeros(len(digits[0]), np.int64)
    for digit in digits[:-1]:
        total = digit + carried
        rest |= (total & ((1 << bits) - 1)) != 0
        carried = total >> bits
    top = digits[-1] + carried
    positive: NDArray[np.bool_] = (top > 0) | ((top == 0) & rest)
    return positive
