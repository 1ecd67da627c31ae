"""Values in JSON, checked on reading: named tuples, integers, and arrays in base64, little-endian, with their type."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from itertools import repeat
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, get_origin, get_type_hints

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

T = TypeVar("T")

_KINDS = ("<i1", "<i2", "<i4", "<i8")


def pack(array: NDArray[Any]) -> tuple[str, str]:
    """Return the smallest integer type that holds all numbers, and the array in base64, row by row."""
    ends = [int(array.min(initial=0)), int(array.max(initial=0))]
    kind = next(it for it in _KINDS if all(np.iinfo(it).min <= end <= np.iinfo(it).max for end in ends))
    return kind, b2a_base64(array.astype(kind).tobytes(), newline=False).decode()


def unpack(plain: Sequence[str], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the array that `pack` wrote; raises ValueError for anything else."""
    kind, text = plain
    if kind not in _KINDS:
        raise ValueError(f"an array of {kind}")
    array: NDArray[Any] = np.frombuffer(a2b_base64(text), kind).reshape(shape)
    return array


_LARGEST = 1 << 64


def decoded(kind: type[T], plain: object) -> T:
    """Return what JSON made of a value of this type; raises ValueError for anything else.

    `kind` is `object` for any value; bool, int, float, str or dict; or a named tuple, `tuple[T, ...]`, `dict[str, T]`
    or `T | None` of such types. JSON has tuples as lists.
    """
    # a union is no class
    form: Any = kind
    value: Any = plain
    arguments, origin = get_args(form), get_origin(form)
    if isinstance(form, UnionType):
        value = None if plain is None else decoded(arguments[0], plain)
    elif origin is dict and isinstance(plain, dict):
        value = {key: decoded(arguments[1], each) for key, each in plain.items()}
    elif isinstance(plain, list) and issubclass(origin or form, tuple):
        kinds: Iterable[Any] = arguments if origin else get_type_hints(form).values()
        if arguments[1:] == (...,):
            kinds = repeat(arguments[0], len(plain))
        values = [decoded(one, each) for one, each in zip(kinds, plain, strict=True)]
        value = tuple(values) if origin else form(*values)
    elif form is not object and (type(plain) is not form or (form is int and not -_LARGEST < value < _LARGEST)):
        raise ValueError(f"it is damaged, at {str(plain)[:40]!r}")
    return cast("T", value)


MAX_INTEGER = 1 << 53
"""Upper bound of any count of rows, bytes or lines."""


def checked_counts(numbers: object, *, most: int = MAX_INTEGER) -> tuple[Any, ...]:
    """Return integers from 0 to `most` unchanged; raises ValueError for anything else than a list of these."""
    integers = tuple(numbers) if isinstance(numbers, list | tuple) else (numbers,)
    for each in integers:
        if type(each) is not int or not 0 <= each <= most:
            raise ValueError(f"{str(each)[:40]!r} where a whole number should be")
    return integers
