"""Classifies fields: a number, a time, a missing marker or a text.

The *shape* of a field, its text with the digits replaced, decides. Columns of a price file have few
shapes, so thousands of fields cost a handful of classifications.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from streamsig.fields.numbers import MISSING, NumberFormat
from streamsig.timestamps.grammar import Sort, meaning_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Sequence

CONVENTIONS = (
    NumberFormat(".", ""),
    NumberFormat(".", ","),
    NumberFormat(",", "."),
    NumberFormat(",", ""),
    NumberFormat(".", "'"),
    NumberFormat(",", " "),
    NumberFormat(".", " "),
    NumberFormat(",", "'"),
)
"""The usual ways to write numbers, the most frequent first."""


class Kind(Enum):
    """What a field looks like."""

    NUMBER = "a number"
    TIME = "a date or time"  # `Dec 23` is a text: it may be the name of a column
    MISSING = "missing"
    TEXT = "text"

    @property
    def typed(self) -> bool:
        """Whether the field is data for sure: no name of a column looks like it."""
        return self is Kind.NUMBER or self is Kind.TIME


_QUANTITY = re.compile(r"(.*\d[.,]?)\s?(?:%|[KMBTkmbt]|[Mm]il|Mio\.?|Mrd\.?)")

_LONGEST, _MAX_DIGITS = 64, 18
_MANY = 32
_NINES = str.maketrans("0123456789", "9999999999")
_FIRST_ZERO = re.compile(r"^([^0-9\n]*)0", re.MULTILINE)


def shape(text: str) -> str:
    """Return the trimmed text with every digit a 9 except a leading 0, which distinguishes decimals from thousands."""
    text = text.strip()
    nines = text.translate(_NINES)
    first = nines.find("9")
    if first >= 0 and text[first] == "0":
        return f"{nines[:first]}0{nines[first + 1 :]}"
    return nines


def shapes(texts: Sequence[str]) -> list[str]:
    """Return the shape of each text; several times as fast as one by one."""
    if len(texts) < _MANY:
        return [shape(text) for text in texts]
    trimmed = [text.strip() for text in texts]
    joined = "\n".join(trimmed)
    if joined.count("\n") + 1 != len(trimmed) or "\0" in joined:
        return [shape(text) for text in texts]
    return _FIRST_ZERO.sub("\\1\0", joined).translate(_NINES).replace("\0", "0").split("\n")


def quantity(text: str) -> str:
    """Return the number in `1.07%` or `57.32K`; other texts come back unchanged."""
    match = _QUANTITY.fullmatch(text)
    return match[1] if match else text


@lru_cache(maxsize=8192)
def _kind(text: str) -> Kind:
    if text.casefold() in MISSING:
        return Kind.MISSING
    if not any(letter.isdigit() for letter in text):
        return Kind.TEXT
    meaning = meaning_of(shape_of(text))
    if meaning is not None and meaning.sort is Sort.MARKED:
        return Kind.TIME
    number = quantity(text)
    return Kind.NUMBER if any(convention.fits(number) for convention in CONVENTIONS) else Kind.TEXT


def kind(text: str) -> Kind:
    """Return the kind of a field, under any of `CONVENTIONS`."""
    return _kind_of(shape(text))


def kinds(texts: Sequence[str]) -> list[Kind]:
    """Return the kind of each field."""
    looks = shapes(texts)
    known = {each: _kind_of(each) for each in set(looks)}
    return [known[each] for each in looks]


def are_mostly_numbers(texts: Sequence[str]) -> bool:
    """Return whether more than half of the fields that are not missing are numbers; false without any."""
    looks = [kind for kind in kinds(texts) if kind is not Kind.MISSING]
    return 2 * looks.count(Kind.NUMBER) > len(looks)


def are_consecutive(texts: Sequence[str]) -> bool:
    """Return whether texts are whole numbers, each one more than the one before it, as row numbers are."""
    numbers = [text.strip() for text in texts]
    plain = all(text.isdecimal() and len(text) <= _MAX_DIGITS for text in numbers)
    return plain and all(int(b) == int(a) + 1 for a, b in pairwise(numbers))


def _kind_of(looks: str) -> Kind:
    # a long field is a text, and should not fill the cache
    return Kind.TEXT if len(looks) > _LONGEST else _kind(looks)
