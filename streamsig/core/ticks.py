"""Closes as exact integers: columns of whole ticks at one decimal scale.

A close of `27.45` at scale 2 is the integer 2745. Most price files fit in one int64 per close;
others (18 decimals, 17-digit simulated prices) take several *limbs*, digits in base 2**32, so that
all arithmetic is vectorised and nothing is rounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Context
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsig.core.json_values import checked_counts, pack, unpack
from streamsig.native.column_kernels import MAX_FACTOR_SCALE, narrow_words, widen_ticks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    import pyarrow as pa
    from numpy.typing import NDArray

LIMB_BITS = 32
_LIMB_MASK = (1 << LIMB_BITS) - 1
_TOP_LIMIT = 1 << (LIMB_BITS - 1)
_INT64_LIMIT = 1 << 63
_EXACT = Context(prec=1000)
MAX_SCALE = 76
"""Most decimals of a close: twice the 38 digits that a number may have."""
_MAX_LIMBS = 16
_FEW = 16
_DECIMAL128_LIMBS = 4
_DECIMAL128_DIGITS = 38


@dataclass(frozen=True, slots=True, eq=False)
class Ticks:
    """A run of closes in file order.

    `limbs` has the shape (limb count, rows) and dtype int64. One limb is the integer itself.
    Several limbs are little-endian digits in base 2**32: all but the last in 0..2**32-1, the last
    in -2**31..2**31-1 with the sign of the whole.
    `missing` is a boolean per row, true where there is no close (the limbs are 0 there), or `None`
    if every row has one.
    Runs are equal if they hold the same numbers, whatever their scales.
    """

    limbs: NDArray[np.int64]
    scale: int
    missing: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.limbs.shape[1])

    def __eq__(self, other: object) -> bool:
        """Compare closes as numbers."""
        if not isinstance(other, Ticks):
            return NotImplemented
        if len(self) != len(other) or self.missing_count != other.missing_count:
            return False
        scale = max(self.scale, other.scale)
        left, right = self.rescale(scale).limbs, other.rescale(scale).limbs
        width = max(len(left), len(right))
        if not np.array_equal(widen(left, width), widen(right, width)):
            return False
        return self.missing is None or other.missing is None or np.array_equal(self.missing, other.missing)

    __hash__ = None  # type: ignore[assignment]

    @property
    def missing_count(self) -> int:
        """The number of rows without a close."""
        return 0 if self.missing is None else int(np.count_nonzero(self.missing))

    @classmethod
    def empty(cls) -> Ticks:
        """Return a run of no rows."""
        return cls(np.empty((1, 0), np.int64), 0)

    @classmethod
    def from_decimals(cls, closes: Iterable[Decimal | None]) -> Ticks:
        """Return ticks of decimals, `None` for a missing close, at the smallest scale that holds them all."""
        closes = list(closes)
        parts = [None if close is None else close.as_tuple() for close in closes]
        scale = max((-int(part.exponent) for part in parts if part is not None), default=0)
        scale = max(scale, 0)
        integers = [0 if close is None else int(close.scaleb(scale, _EXACT)) for close in closes]
        return cls.from_integers(integers, scale, [close is None for close in closes])

    @classmethod
    def from_integers(cls, integers: Sequence[int], scale: int, missing: Sequence[bool] = ()) -> Ticks:
        """Return ticks of Python integers of any size; `missing` is a flag per row, or empty for none."""
        mask = np.array(missing, np.bool_) if any(missing) else None
        if all(-_INT64_LIMIT <= integer < _INT64_LIMIT for integer in integers):
            return cls(np.array(integers, np.int64).reshape(1, -1), scale, mask)
        rest = np.array(integers, object)
        limbs: list[NDArray[np.int64]] = []
        while not limbs or not all(-_TOP_LIMIT <= top < _TOP_LIMIT for top in rest):
            limbs.append((rest & _LIMB_MASK).astype(np.int64))
            rest = rest >> LIMB_BITS
        return cls(np.stack([*limbs, rest.astype(np.int64)]), scale, mask)

    @classmethod
    def from_arrow(cls, array: pa.Array) -> Ticks:
        """Return ticks of integers or decimals.

        Raises TypeError for other types: a float or a text does not say exactly which decimal it means.
        """
        array = _as_decimal(array)
        words = np.frombuffer(array.buffers()[1] or b"", np.int64)
        words = words[2 * array.offset : 2 * (array.offset + len(array))].reshape(-1, 2)
        missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
        if missing is not None:
            # Arrow leaves the value of a null undefined
            words = np.where(missing[:, np.newaxis], 0, words)
        return cls.from_words(words, array.type.scale, missing)

    @classmethod
    def from_words(cls, words: NDArray[np.int64], scale: int, missing: NDArray[np.bool_] | None = None) -> Ticks:
        """Return ticks of 128-bit integers, (rows, 2), lower word first; words of missing closes must be 0.

        The scale is smaller if the ticks then fit in 64 bits: decimals of fixed width often end in zeros.
        """
        narrow, zeros = narrow_words(words), 0
        if narrow is None:
            zeros = min(_zeros_of(words), scale)
            narrow = narrow_words(words, zeros)
        if narrow is not None:
            return cls(narrow[np.newaxis], scale - zeros, missing)
        low, high = words[:, 0], words[:, 1]
        limbs = (low & _LIMB_MASK, (low >> LIMB_BITS) & _LIMB_MASK, high & _LIMB_MASK, high >> LIMB_BITS)
        return cls(np.stack(limbs), scale, missing)

    def integers(self) -> list[int]:
        """Return the ticks as Python integers, 0 where the close is missing."""
        whole = self.limbs[-1].astype(object)
        for limb in self.limbs[-2::-1]:
            whole = (whole << LIMB_BITS) + limb
        return [int(tick) for tick in whole]

    def take(self, rows: NDArray[np.integer]) -> Ticks:
        """Return these rows, in this order, as a copy."""
        missing = None if self.missing is None else self.missing[rows]
        return Ticks(self.limbs[:, rows], self.scale, None if missing is None or not missing.any() else missing)

    def to_arrow(self, scale: int | None = None) -> pa.Array:
        """Return a decimal128(38, scale) array, null where a close is missing; `scale` is not below that of the ticks.

        Raises OverflowError if a close has more than 38 digits at this scale, or more than 38 decimals.
        """
        import pyarrow as pa  # noqa: PLC0415 (slow to import, and a plain count does not need it)

        scale = self.scale if scale is None else scale
        if len(self.limbs) == 1 and 0 <= scale - self.scale <= MAX_FACTOR_SCALE:
            words = widen_ticks(self.limbs[0], scale - self.scale)
        else:
            ticks = self.rescale(scale)
            limbs = widen(ticks.limbs, _DECIMAL128_LIMBS)
            if len(limbs) > _DECIMAL128_LIMBS or any(abs(tick) >= 10**_DECIMAL128_DIGITS for tick in ticks.integers()):
                raise OverflowError(f"a close has more than {_DECIMAL128_DIGITS} digits at scale {scale}")
            words = np.stack([limbs[place] | limbs[place + 1] << LIMB_BITS for place in (0, 2)], axis=1)
        if scale > _DECIMAL128_DIGITS:
            raise OverflowError(f"a close has {scale} decimals")
        valid = None if self.missing is None else pa.py_buffer(np.packbits(~self.missing, bitorder="little"))
        kind = pa.decimal128(_DECIMAL128_DIGITS, scale)
        return pa.Array.from_buffers(kind, len(self), [valid, pa.py_buffer(words)])

    def to_json(self) -> dict[str, Any]:
        """Return the closes for JSON; `from_json` restores them."""
        missing = None if self.missing is None else pack(self.missing.view(np.int8))
        return {"scale": self.scale, "shape": self.limbs.shape, "limbs": pack(self.limbs), "missing": missing}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Ticks:
        """Return the closes that `to_json` wrote; raises ValueError for anything else."""
        width, rows = checked_counts(plain["shape"])
        (scale,) = checked_counts([plain["scale"]], most=MAX_SCALE)
        if not 1 <= width <= _MAX_LIMBS:
            raise ValueError(f"closes in {width} limbs")
        limbs = unpack(plain["limbs"], (width, rows)).astype(np.int64)
        lower, top = limbs[:-1], limbs[-1]
        if width > 1 and ((lower < 0).any() or (lower > _LIMB_MASK).any() or magnitude(top) > _TOP_LIMIT):
            raise ValueError("limbs beyond their range")
        missing = None if plain["missing"] is None else unpack(plain["missing"], (rows,))
        if missing is not None and (not np.isin(missing, (0, 1)).all() or limbs[:, missing == 1].any()):
            raise ValueError("closes where they are missing")
        return cls(limbs, scale, None if missing is None else missing.astype(np.bool_))

    def slice(self, start: int, stop: int) -> Ticks:
        """Return rows `start` (included) to `stop` (excluded), 0 <= start <= stop, as a copy."""
        missing = None if self.missing is None else self.missing[start:stop].copy()
        if missing is not None and not missing.any():
            missing = None
        return Ticks(self.limbs[:, start:stop].copy(), self.scale, missing)

    def reverse(self) -> Ticks:
        """Return the rows in reverse order, as a view."""
        return Ticks(self.limbs[:, ::-1], self.scale, None if self.missing is None else self.missing[::-1])

    def rescale(self, scale: int) -> Ticks:
        """Return the same closes at a larger scale, exact, with as many limbs as needed."""
        limbs, power = self.limbs, scale - self.scale
        while power > 0:
            # 10**9 < 2**30, so the product with a limb, and its carry, fit in int64
            factor = 10 ** min(power, 9)
            power -= 9
            if len(limbs) == 1 and magnitude(limbs) * factor < _INT64_LIMIT:
                limbs = limbs * factor
            else:
                limbs = carry(widen(limbs, max(len(limbs), 2)) * factor)
        return Ticks(limbs, scale, self.missing)


def _zeros_of(words: NDArray[np.int64]) -> int:
    """Return the number of zeros at the end of all of a few 128-bit integers."""
    few = words[:: len(words) // _FEW + 1].tolist()
    divisor = math.gcd(*((high << 64) + low % (1 << 64) for low, high in few))
    return next(zeros for zeros in range(MAX_FACTOR_SCALE, -1, -1) if divisor % 10**zeros == 0)


def _as_decimal(array: pa.Array) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415 (as in `Ticks.to_arrow`)

    is_array = isinstance(array, pa.Array)
    if is_array and pa.types.is_decimal128(array.type):
        return array
    if is_array and pa.types.is_integer(array.type):
        return array.cast(pa.decimal128(_DECIMAL128_DIGITS, 0))
    given = f"an array of {array.type}" if is_array else f"a {type(array).__name__}"
    raise TypeError(
        f"closes are exact, and {given} is not: make it a pyarrow array of integers or of decimal128, as"
        " pyarrow.array(strings).cast(pyarrow.decimal128(38, 8)) does of decimals that are strings; or pass it to"
        " WindowState.update, which takes a float as the shortest decimal that reads back"
    )


def concat(runs: Sequence[Ticks]) -> Ticks:
    """Join runs in order, at the largest of their scales."""
    runs = [run for run in runs if len(run)] or list(runs[:1]) or [Ticks.empty()]
    if len(runs) == 1:
        return runs[0]
    scale = max(run.scale for run in runs)
    runs = [run if run.scale == scale else run.rescale(scale) for run in runs]
    width = max(len(run.limbs) for run in runs)
    limbs = np.concatenate([widen(run.limbs, width) for run in runs], axis=1)
    missing = None
    if any(run.missing is not None for run in runs):
        missing = np.concatenate([np.zeros(len(run), np.bool_) if run.missing is None else run.missing for run in runs])
    return Ticks(limbs, scale, missing)


def magnitude(limbs: NDArray[np.int64]) -> int:
    """Return the largest absolute value of int64 integers, 0 for none."""
    return max(-int(limbs.min()), int(limbs.max())) if limbs.size else 0


def widen(limbs: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Return the same integers with at least `width` limbs."""
    while len(limbs) < width:
        limbs = _split_top(limbs)
    return limbs


def carry(limbs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bring every limb into its range, with as many limbs on top as needed.

    Absolute values of limbs must be below 2**62, which leaves space for a carry.
    """
    limbs = limbs.copy()
    for place in range(len(limbs) - 1):
        limbs[place + 1] += limbs[place] >> LIMB_BITS
        limbs[place] &= _LIMB_MASK
    while magnitude(limbs[-1]) >= _TOP_LIMIT:
        limbs = _split_top(limbs)
    return limbs


def _split_top(limbs: NDArray[np.int64]) -> NDArray[np.int64]:
    top = limbs[-1]
    return np.concatenate([limbs[:-1], [top & _LIMB_MASK, top >> LIMB_BITS]])
