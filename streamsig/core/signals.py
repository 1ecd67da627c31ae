"""The comparison of two moving averages, computed exactly on ticks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from streamsig.core.ticks import LIMB_BITS, magnitude, widen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamsig.core.ticks import Ticks

MAX_FACTOR = 1 << 44
"""Largest `fast * slow`: up to here half limbs times it, and their carries, fit in int64."""

_ROOM = 1 << 62


@dataclass(frozen=True, slots=True)
class Signal:
    """`sma(fast) > sma(slow)` over the closes; `Signal(1, n)` is "close above its n-row mean".

    A row has the signal when the last `reach` rows, itself included, all have a close and
    `slow * sum(last fast) > fast * sum(last slow)`. A tie is no signal.
    """

    fast: int
    slow: int

    def __post_init__(self) -> None:
        if self.fast < 1 or self.slow < 1 or self.fast * self.slow > MAX_FACTOR:
            msg = f"fast {self.fast} and slow {self.slow} must be at least 1, and their product at most 2**44"
            raise ValueError(msg)

    @property
    def reach(self) -> int:
        """Rows that must be there, the row itself included, before it can have the signal."""
        return max(self.fast, self.slow)

    def flags(self, ticks: Ticks) -> NDArray[np.bool_]:
        """Return the signal of rows `reach - 1` and later, as booleans of shape (max(0, rows - reach + 1),).

        Linear in rows, whatever the windows are.
        """
        rows, reach = len(ticks), self.reach
        if rows < reach:
            return np.zeros(0, np.bool_)
        limbs, bits = ticks.limbs, LIMB_BITS
        factor = self.fast * self.slow
        if len(limbs) > 1 or magnitude(limbs) * factor >= _ROOM:
            limbs = widen(limbs, 2)
            if factor << (LIMB_BITS + 1) >= _ROOM:
                limbs, bits = _halve(limbs), LIMB_BITS // 2
        differences = [self._difference(limb) for limb in limbs]
        flags = differences[0] > 0 if len(differences) == 1 else _positive(differences, bits)
        if ticks.missing is not None:
            flags &= _sums(ticks.missing, reach) == 0
        return flags

    def _difference(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return `slow * sum(last fast) - fast * sum(last slow)` per whole window."""
        if self.fast == 1:
            return self.slow * values[self.slow - 1 :] - _sums(values, self.slow)
        windows = len(values) - self.reach + 1
        return self.slow * _sums(values, self.fast)[-windows:] - self.fast * _sums(values, self.slow)[-windows:]


def _sums(values: NDArray[np.int64] | NDArray[np.bool_], window: int) -> NDArray[np.int64]:
    """Return the sums over all whole windows, shape (rows - window + 1,).

    The running total may wrap around int64; the difference of two of them is right all the same
    as long as the sum of one window fits.
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
    """Tell where the number with these little-endian digits, each any int64 below 2**62, is above 0."""
    rest = np.zeros(len(digits[0]), np.bool_)
    carried = np.zeros(len(digits[0]), np.int64)
    for digit in digits[:-1]:
        total = digit + carried
        rest |= (total & ((1 << bits) - 1)) != 0
        carried = total >> bits
    top = digits[-1] + carried
    positive: NDArray[np.bool_] = (top > 0) | ((top == 0) & rest)
    return positive
