"""Bytes as a series of choices, for targets whose inputs are more than bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from streamsig.core.signals import COMPARISONS, Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

_T = TypeVar("_T")
_MAX_BITS = 320


class Choices:
    """Makes a choice with each byte; after the last one, always the first choice."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def __bool__(self) -> bool:
        """Return whether there are bytes left."""
        return self._place < len(self._data)

    def take(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end."""
        taken = self._data[self._place : self._place + size]
        self._place += size
        return taken

    def below(self, limit: int) -> int:
        """Return a number from 0 to below `limit`, which is at most 256."""
        return (self.take(1) or b"\0")[0] % limit

    def one_of(self, things: Sequence[_T]) -> _T:
        """Return one of up to 256 values."""
        return things[self.below(len(things))]

    def signals(self, longest: int) -> list[Signal]:
        """Return one to four signals of means over up to `longest` rows."""
        return [
            Signal(1 + self.below(longest), 1 + self.below(longest), self.one_of(COMPARISONS))
            for _ in range(1 + self.below(4))
        ]

    def close(self, factor: int) -> int | None:
        """Return a close as ticks, often near a limit, or `None` for a missing one.

        Closes times `factor` must fit in words.
        """
        kind, sign = self.below(8), 1 - 2 * self.below(2)
        if kind == 0:
            return None
        if kind <= 3:  # noqa: PLR2004 (often: few values, which tie)
            return sign * self.below(4)
        if kind == 4:  # noqa: PLR2004
            return sign * int.from_bytes(self.take(2), "little")
        near = self.below(5) - 2
        bits = (self.below(256) << 8 | self.below(256)) % _MAX_BITS
        if kind == 5:  # noqa: PLR2004
            return sign * (1 << bits) + near
        # near the limits of so many words
        return sign * ((1 << (64 * (bits % 5) + 62 + bits % 3)) // factor) + near
