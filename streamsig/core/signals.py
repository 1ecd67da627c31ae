"""The comparison of two moving averages."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index

MAX_FACTOR = 1 << 44
"""Largest `fast * slow`: products with the largest closes fit in the words of the kernels."""

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
