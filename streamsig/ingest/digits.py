"""Columns of prices that are all written with one width, to integers, eight digits at a time.

`45024.68` is read with a dozen operations on 64-bit words for a whole column at once, instead of a
loop over its characters: the parallel digit conversion known as SWAR ("SIMD within a register";
D. Lemire, "Quickly parsing eight digits", 2018), vectorised with numpy. Exchanges write most of
their files this way; whatever is written otherwise is left to others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamsig.core.ticks import Ticks

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_WORD = 8
_MOST_DIGITS = 2 * _WORD
_ZEROS = np.uint64(0x3030303030303030)
_HIGH_NIBBLES = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIXES = np.uint64(0x0606060606060606)
_DIGITS = np.uint64(0x3333333333333333)
_PAIRS = np.uint64(0x000000FF000000FF)
_MILLIONS_HUNDREDS = np.uint64(0x000F424000000064)
_TEN_THOUSANDS_ONES = np.uint64(0x0000271000000001)


def read_uniform(texts: pa.Array, decimal: str) -> Ticks | None:
    """Read texts of one width with the decimal mark in one place, or none, and otherwise digits.

    `texts` is a string array without nulls, none of them empty. Returns `None` where they are not
    like that, or have more than 16 digits: nothing is then known about them.
    """
    _, starts, content = texts.buffers()
    offsets = np.frombuffer(starts, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if not len(texts):
        return Ticks.empty()
    width = int(offsets[1] - offsets[0])
    # the first offset, the last and steps that are all the same leave no other widths
    if not 0 < width <= _MOST_DIGITS + 1 or not bool((offsets[1:] - offsets[:-1] == width).all()):
        return None
    octets = np.frombuffer(content, np.uint8)[offsets[0] : offsets[-1]].reshape(-1, width)
    places = octets[0] == ord(decimal)
    marks = int(np.count_nonzero(places))
    if marks > 1 or width - marks > _MOST_DIGITS or width == marks:
        return None
    mark = int(places.argmax()) if marks else width
    if marks and not bool((octets[:, mark] == ord(decimal)).all()):
        return None
    room = _WORD if width - marks <= _WORD else _MOST_DIGITS
    digits = np.full((len(texts), room), ord("0"), np.uint8)
    behind = width - marks - mark
    digits[:, room - behind :] = octets[:, width - behind :]
    digits[:, room - behind - mark : room - behind] = octets[:, :mark]
    words = digits.view("<u8")
    if not bool(_are_digits(words).all()):
        return None
    numbers = _eight_digits(words).astype(np.int64)
    integers = numbers[:, 0] if room == _WORD else numbers[:, 0] * 10**_WORD + numbers[:, 1]
    return Ticks(integers[np.newaxis], behind)


def _are_digits(words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    tens = ((words + _SIXES) & _HIGH_NIBBLES) >> np.uint64(4)
    digits: NDArray[np.bool_] = ((words & _HIGH_NIBBLES) | tens) == _DIGITS
    return digits


def _eight_digits(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = words - _ZEROS
    words = words * np.uint64(10) + (words >> np.uint64(8))
    upper = (words & _PAIRS) * _MILLIONS_HUNDREDS
    lower = ((words >> np.uint64(16)) & _PAIRS) * _TEN_THOUSANDS_ONES
    numbers: NDArray[np.uint64] = (upper + lower) >> np.uint64(32)
    return numbers
