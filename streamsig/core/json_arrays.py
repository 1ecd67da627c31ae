"""Whole numbers as JSON has them; arrays in base64, little-endian, with their type."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_KINDS = ("<i1", "<i2", "<i4", "<i8")


def pack(array: NDArray[Any]) -> tuple[str, str]:
    """Return the shortest type that holds all numbers, and the array in it, row by row."""
    ends = [int(array.min(initial=0)), int(array.max(initial=0))]
    kind = next(it for it in _KINDS if all(np.iinfo(it).min <= end <= np.iinfo(it).max for end in ends))
    return kind, b2a_base64(array.astype(kind).tobytes(), newline=False).decode()


def unpack(plain: Sequence[str], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the array that `pack` wrote down; raises ValueError."""
    kind, text = plain
    if kind not in _KINDS:
        raise ValueError(f"an array of {kind}")
    found: NDArray[Any] = np.frombuffer(a2b_base64(text), kind).reshape(shape)
    return found


MOST = 1 << 53
"""No count of rows, bytes or lines comes near it."""


def whole(numbers: Iterable[Any], *, least: int = 0, most: int = MOST, optional: bool = False) -> tuple[Any, ...]:
    """Return whole numbers as they are; raises ValueError where others are among them, or any beyond the bounds.

    With `optional` any may be `None`.
    """
    if not isinstance(numbers, Iterable) or isinstance(numbers, str | Mapping):
        raise ValueError("no list of whole numbers")  # noqa: TRY004 (what is read is wrong, not who calls)
    found = tuple(numbers)
    for each in found:
        if each is None and optional:
            continue
        if type(each) is not int or not least <= each <= most:
            raise ValueError(f"{str(each)[:40]!r} where a whole number should be")
    return found
