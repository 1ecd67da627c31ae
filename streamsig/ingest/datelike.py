"""Whether a column of numbers holds dates or times: 20240102, or seconds since 1970."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from streamsig.ingest.numbers import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGITS = re.compile(r"(\d{8})(?:\.0+)?|(\d{8})(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d(?:\d{3})?)?")
"""A date without marks, or a date with the time of day, down to milliseconds."""

_NUMBER = re.compile(r"\d{9,19}(?:\.\d*)?|\d\.\d+[eE]\+?(?:9|1\d)")
_UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
_FIRST, _LAST = 315_532_800, 4_102_444_800
"""Seconds since 1970 from 1980 to 2100: numbers of one unit are never those of another."""

_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_FEWEST_DATES, _FEWEST_EPOCHS = 2, 3
_MANY = 30
"""Rows that make it certain that numbers which only rise are no prices."""

_AGAINST = 0.05
_USUAL = 0.5


def dates_in(texts: Sequence[str], *, alone: bool) -> str | None:
    """Say what dates or times numbers are, `dates such as 20240102`; return `None` where they may be prices.

    `alone` says that no other column tells the time. Epochs have to run one way, and in equal steps, over many rows, or
    alone: a fixed-point price may look like a single one.
    """
    told = [text for text in map(str.strip, texts) if text.casefold() not in MISSING]
    if len(told) >= _FEWEST_DATES and all(map(_is_date, told)) and len(set(told)) > 1:
        return f"dates such as {told[0]}"
    if len(told) < _FEWEST_EPOCHS or not all(_NUMBER.fullmatch(text) for text in told):
        return None
    values = [float(text) for text in told]
    unit = next((unit for unit, per in _UNITS.items() if all(_FIRST * per <= it < _LAST * per for it in values)), None)
    if unit is None or not _runs_one_way(values):
        return None
    steps = Counter(b - a for a, b in pairwise(values))
    regular = steps.most_common(1)[0][1] >= _USUAL * (len(values) - 1)
    return f"{unit} since 1970 such as {told[0]}" if alone or regular or len(values) >= _MANY else None


def _is_date(text: str) -> bool:
    found = _DIGITS.fullmatch(text)
    if found is None:
        return False
    day = found[1] or found[2]
    try:
        return _FIRST_YEAR <= date(int(day[:4]), int(day[4:6]), int(day[6:])).year < _LAST_YEAR
    except ValueError:
        return False


def _runs_one_way(values: Sequence[float]) -> bool:
    rises = sum(b > a for a, b in pairwise(values))
    falls = sum(b < a for a, b in pairwise(values))
    return rises + falls > 0 and min(rises, falls) <= _AGAINST * (rises + falls)
