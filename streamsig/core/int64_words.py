"""Ticks as 64-bit words, little-endian two's complement: the integers of the group kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamsig.core.ticks import LIMB_BITS, Ticks, magnitude

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LIMB_MASK = (1 << LIMB_BITS) - 1
_WORD_BITS = 2 * LIMB_BITS


def largest_of(ticks: Ticks) -> int:
    """Return an upper bound of the absolute values of ticks; exact for one limb."""
    return (magnitude(ticks.limbs[-1]) + (len(ticks.limbs) > 1)) << (LIMB_BITS * (len(ticks.limbs) - 1))


def words_for(largest: int) -> int:
    """Return the number of words that hold every integer of absolute value up to `largest`."""
    return largest.bit_length() // _WORD_BITS + 1


def to_words(ticks: Ticks, words: int) -> NDArray[np.int64]:
    """Return ticks as (rows, words); the caller makes sure that they fit."""
    limbs = ticks.limbs
    array = np.empty((limbs.shape[1], words), np.int64)
    if len(limbs) == 1:
        array[:, 0] = limbs[0]
        array[:, 1:] = (limbs[0] >> (_WORD_BITS - 1))[:, np.newaxis]
        return array
    sign = limbs[-1] >> LIMB_BITS  # 0 or -1, as the top limb has 32 bits with its sign
    for word in range(words):
        low, high = (limbs[place] if place < len(limbs) else sign for place in (2 * word, 2 * word + 1))
        array[:, word] = (low & _LIMB_MASK) | (high << LIMB_BITS)
    return array


def from_words(array: NDArray[np.int64], scale: int) -> Ticks:
    """Return (rows, words) as ticks."""
    words = array.T
    if len(words) == 1:
        return Ticks(np.ascontiguousarray(words), scale)
    limbs = [limb for word in words for limb in (word & _LIMB_MASK, (word >> LIMB_BITS) & _LIMB_MASK)]
    limbs[-1] = words[-1] >> LIMB_BITS
    return Ticks(np.stack(limbs), scale)


def differences(sums: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the differences of neighbours in (..., numbers, words): (..., numbers - 1, words)."""
    after, before = sums[..., 1:, :].view(np.uint64), sums[..., :-1, :].view(np.uint64)
    result = np.empty(after.shape, np.uint64)
    borrow = np.zeros(after.shape[:-1], np.uint64)
    for word in range(after.shape[-1]):
        plain = after[..., word] - before[..., word]
        result[..., word] = plain - borrow
        borrow = ((after[..., word] < before[..., word]) | (plain < borrow)).astype(np.uint64)
    return result.view(np.int64)
