"""What a field looks like: a number, a time, a missing marker or a text.

A field is judged by its *shape*, the text with its digits replaced: columns of a price file have
few shapes, so that thousands of fields cost a handful of judgements.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from streamsig.ingest.numbers import MISSING, NumberFormat

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
"""The ways in which people write numbers, the most usual first."""

BLANKS = " \t\u00a0\u202f\u2009"


class Kind(Enum):
    """What a field looks like."""

    NUMBER = "a number"
    TIME = "a date or time"
    MISSING = "missing"
    TEXT = "text"

    @property
    def typed(self) -> bool:
        """Tell whether the field is data by its look, which no name of a column is."""
        return self is Kind.NUMBER or self is Kind.TIME


_MONTHS = {
    "jan": 1, "ene": 1, "gen": 1, "oca": 1, "янв": 1, "sty": 1,
    "feb": 2, "fev": 2, "fév": 2, "şub": 2, "фев": 2, "lut": 2,
    "mar": 3, "mär": 3, "mrt": 3, "мар": 3,
    "apr": 4, "abr": 4, "avr": 4, "nis": 4, "апр": 4, "kwi": 4,
    "may": 5, "mai": 5, "mei": 5, "mag": 5, "maj": 5, "май": 5, "мая": 5,
    "jun": 6, "juin": 6, "giu": 6, "haz": 6, "июн": 6, "cze": 6,
    "jul": 7, "juil": 7, "lug": 7, "tem": 7, "июл": 7, "lip": 7,
    "aug": 8, "ago": 8, "aoû": 8, "ağu": 8, "авг": 8, "sie": 8,
    "sep": 9, "set": 9, "eyl": 9, "сен": 9, "wrz": 9,
    "oct": 10, "okt": 10, "out": 10, "ott": 10, "eki": 10, "окт": 10, "paź": 10,
    "nov": 11, "kas": 11, "ноя": 11, "lis": 11,
    "dec": 12, "dez": 12, "dic": 12, "déc": 12, "ara": 12, "дек": 12, "gru": 12,
}  # fmt: skip

_WORD = r"(?P<{}>[^\W\d_]{{3,10}})\.?"
_CLOCK = (
    r"\d{1,2}[:h]\d{2}(?::?\d{2}(?:[.,:]\d{1,9})?)?(?:\s?[ap]\.?m\.?)?"
    r"(?:\s?(?:Z|[+-]\d{2}:?\d{2}|(?:UTC|GMT|[A-Z]{3,4})(?:[+-]\d{1,4})?))?"
)
_AFTER = rf"(?:(?:T|,?\s+|:){_CLOCK}|\s?일|日|\s+\([^\W\d_]+\)|Z|[+-]\d\d:\d\d)?(?:\s+\([^()]{{1,40}}\))?"
_TIME = re.compile(
    rf"\d{{4}}\s?[-./年년]\s?\d{{1,2}}\s?[-./月월]\s?\d{{1,2}}{_AFTER}"
    rf"|\d{{1,2}}[-./]\d{{1,2}}[-./](?:\d{{4}}|\d{{2}}){_AFTER}"
    r"|\d{8}[ T\-_]{1,2}\d{2}:?\d{2}(?::?\d{2}(?:[.,]?\d{1,9})?)?"
    rf"|{_CLOCK}",
    re.IGNORECASE,
)
_NAMED_TIME = re.compile(
    r"(?:[^\W\d_]{2,10}[,.]?\s+)?(?:"
    rf"\d{{1,2}}[-/. ]+{_WORD.format('middle')}[-/., ]+(?:\d{{4}}|\d{{2}}){_AFTER}"
    rf"|{_WORD.format('first')}[-/. ]+\d{{1,2}}(?:st|nd|rd|th)?[,. -]+\d{{4}}{_AFTER}"
    rf"|{_WORD.format('javascript')}\s+\d{{1,2}}\s+{_CLOCK}\s+(?:[A-Z]{{3,4}}\s+)?\d{{4}}"
    rf"|\d{{4}}[-/. ]{_WORD.format('second')}[-/. ]\d{{1,2}}{_AFTER})",
    re.IGNORECASE,
)
_QUANTITY = re.compile(r"(.*\d[.,]?)\s?(?:%|[KMBTkmbt]|[Mm]il|Mio\.?|Mrd\.?)")

_LONGEST = 64
_MANY = 32
_NINES = str.maketrans("0123456789", "9999999999")


_FIRST_ZERO = re.compile(r"^([^0-9\n]*)0", re.MULTILINE)


def shape(text: str) -> str:
    """Return the trimmed text with every digit a 9, a leading 0 excepted: it tells decimals from thousands."""
    text = text.strip()
    nines = text.translate(_NINES)
    first = nines.find("9")
    if first >= 0 and text[first] == "0":
        return f"{nines[:first]}0{nines[first + 1 :]}"
    return nines


def shapes(texts: Sequence[str]) -> list[str]:
    """Return the shape of each text, a column at a time: several times as fast as one by one."""
    if len(texts) < _MANY:
        return [shape(text) for text in texts]
    trimmed = [text.strip() for text in texts]
    joined = "\n".join(trimmed)
    if joined.count("\n") + 1 != len(trimmed) or "\0" in joined:
        return [shape(text) for text in texts]
    return _FIRST_ZERO.sub("\\1\0", joined).translate(_NINES).replace("\0", "0").split("\n")


def month_of(word: str) -> int | None:
    """Return the month that a word names, by its first letters, or `None`."""
    word = word.casefold()
    return _MONTHS.get(word[:4]) or _MONTHS.get(word[:3])


def quantity(text: str) -> str:
    """Return the number in `1.07%` or `57.32K`; other texts come back unchanged."""
    found = _QUANTITY.fullmatch(text)
    return found.group(1) if found else text


@lru_cache(maxsize=8192)
def _kind(text: str) -> Kind:
    if text.casefold() in MISSING:
        return Kind.MISSING
    if not any(letter.isdigit() for letter in text):
        return Kind.TEXT
    if _TIME.fullmatch(text) or _is_named_time(text):
        return Kind.TIME
    number = quantity(text)
    return Kind.NUMBER if any(convention.fits(number) for convention in CONVENTIONS) else Kind.TEXT


def _is_named_time(text: str) -> bool:
    found = _NAMED_TIME.fullmatch(text)
    return found is not None and any(month_of(word) for word in found.groups() if word)


def kind(text: str) -> Kind:
    """Tell what a field looks like, under any convention of writing numbers."""
    return _kind_of(shape(text))


def kinds(texts: Sequence[str]) -> list[Kind]:
    """Tell what each field looks like."""
    return [_kind_of(each) for each in shapes(texts)]


def _kind_of(looks: str) -> Kind:
    # what is long is a text, and is not to fill the cache
    return Kind.TEXT if len(looks) > _LONGEST else _kind(looks)
