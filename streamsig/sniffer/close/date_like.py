"""Whether a column of numbers holds dates or times: 20240102, or seconds since 1970."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from streamsig.fields.numbers import MISSING
from streamsig.timestamps.instants import Column, read

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHOLE = r"(\d{8}|\d{12}|\d{14}|\d{17})(?:\.0+)?"
"""As many digits as a date without marks has, or one with the time of day, down to milliseconds."""

_NUMBER = r"\d{9,19}(?:\.\d*)?|\d\.\d+[eE]\+?(?:9|1\d)"
_UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
_FIRST, _LAST = 315_532_800, 4_102_444_800
"""Seconds since 1970 from 1980 to 2100: numbers of one unit are never those of another."""

_FEWEST_DATES, _FEWEST_EPOCHS = 2, 3
_MANY = 30
"""Rows over which prices never only rise."""

_AGAINST = 0.05
_USUAL = 0.5


def dates_in(texts: Sequence[str], *, alone: bool) -> str | None:
    """Return which dates or times numbers are, `dates such as 20240102`; `None` where they may be prices.

    `alone` says that no other column holds the time. Epochs have to run one way, and in equal steps, over many rows, or
    alone: a fixed-point price may look like a single one.
    """
    first = next((text for text in map(str.strip, texts) if text.casefold() not in MISSING), "")
    if not re.fullmatch(f"{_WHOLE}|{_NUMBER}", first):
        return None
    given = [text for text in map(str.strip, texts) if text.casefold() not in MISSING]
    if len(given) >= _FEWEST_DATES and len(set(given)) > 1 and _are_dates(given):
        return f"dates such as {given[0]}"
    if len(given) < _FEWEST_EPOCHS or not all(re.fullmatch(_NUMBER, text) for text in given):
        return None
    values = [float(text) for text in given]
    unit = next((unit for unit, per in _UNITS.items() if all(_FIRST * per <= it < _LAST * per for it in values)), None)
    if unit is None or not _runs_one_way(values):
        return None
    steps = Counter(b - a for a, b in pairwise(values))
    regular = steps.most_common(1)[0][1] >= _USUAL * (len(values) - 1)
    return f"{unit} since 1970 such as {given[0]}" if alone or regular or len(values) >= _MANY else None


def _are_dates(texts: Sequence[str]) -> bool:
    if not all(re.fullmatch(_WHOLE, text) for text in texts):
        return False
    return bool(read(Column.of([text.partition(".")[0] for text in texts]), "ymd").readable.all())


def _runs_one_way(values: Sequence[float]) -> bool:
    rises = sum(b > a for a, b in pairwise(values))
    falls = sum(b < a for a, b in pairwise(values))
    return rises + falls > 0 and min(rises, falls) <= _AGAINST * (rises + falls)
