"""Arrays of whole numbers as JSON has them: base64, little-endian, with their type."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
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
