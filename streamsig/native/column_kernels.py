"""The kernels that read and write closes of Arrow columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamsig.native import library

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_FLOAT_SCALE = 15
"""The largest scale at which `scale_floats` reads floats."""

_UNUSED_BITS = 29
"""Bits of the significand of a float64 that those of a float32 lack."""

MAX_FACTOR_SCALE = 18
"""The largest power of ten of `widen_ticks` and `narrow_words`; a product has at most 38 digits."""


def scale_floats(floats: NDArray[np.float64], scale: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
    """Return floats, (rows,), as integers at a decimal scale, and which rows are NaN; `None` if not all are exact.

    A float is exact if its integer has at most 15 digits and divided by `10**scale` reads back as the same float.
    """
    if not 0 <= scale <= MAX_FLOAT_SCALE:
        raise ValueError(f"a scale of {scale} is not in 0..{MAX_FLOAT_SCALE}")
    floats, rows = np.ascontiguousarray(floats), len(floats)
    ticks, missing = np.empty(rows, np.int64), np.empty(rows, np.uint8)
    return (
        (ticks, missing.view(np.bool_))
        if library.call("scale_floats", floats, rows, 10**scale, ticks, missing)
        else None
    )


def shortest_floats(
    floats: NDArray[np.float64] | NDArray[np.float32],
) -> tuple[NDArray[np.int64], int, NDArray[np.bool_]] | None:
    """Return the integers of the shortest decimals of floats, (rows,), their scale, and which rows are NaN.

    A decimal is shortest if none of fewer digits reads back as the float of that width, as in `repr`. Return `None`
    if a float is infinite or so large that its neighbours are more than 1 away, or if the decimals do not fit in 64
    bits at one scale.
    """
    unused, rows = _UNUSED_BITS if floats.dtype == np.float32 else 0, len(floats)
    ticks, scales, missing = np.empty(rows, np.int64), np.empty(rows, np.uint8), np.empty(rows, np.uint8)
    scale = library.call(
        "shortest_floats", np.ascontiguousarray(floats, np.float64), rows, unused, ticks, scales, missing
    )
    return None if scale < 0 else (ticks, scale, missing.view(np.bool_))


def narrow_words(words: NDArray[np.int64], zeros: int = 0) -> NDArray[np.int64] | None:
    """Return 128-bit integers, (rows, 2) with the lower word first, divided by `10**zeros` as 64-bit ones.

    Return `None` if not all quotients are exact and fit.
    """
    if words.shape[1] != 2:  # noqa: PLR2004 (two words)
        raise ValueError(f"integers of {words.shape[1]} words are not of two")
    if not 0 <= zeros <= MAX_FACTOR_SCALE:
        raise ValueError(f"{zeros} zeros are not in 0..{MAX_FACTOR_SCALE}")
    ticks, inverse = np.empty(len(words), np.int64), np.uint64(pow(5**zeros, -1, 1 << 64)).view(np.int64)
    words = np.ascontiguousarray(words)
    return ticks if library.call("narrow_words", words, len(words), zeros, 10**zeros, int(inverse), ticks) else None


def widen_ticks(ticks: NDArray[np.int64], scale: int) -> NDArray[np.int64]:
    """Return 64-bit integers times `10**scale` as 128-bit ones, (rows, 2) with the lower word first."""
    if not 0 <= scale <= MAX_FACTOR_SCALE:
        raise ValueError(f"a scale of {scale} is not in 0..{MAX_FACTOR_SCALE}")
    words = np.empty((len(ticks), 2), np.int64)
    library.call("widen_ticks", np.ascontiguousarray(ticks), len(ticks), 10**scale, words)
    return words
