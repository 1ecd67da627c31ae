"""Closes that may mean "no close": 0, -1, 999999 or a limit of 32-bit integers among prices far from it."""

from __future__ import annotations

import re
from itertools import pairwise
from math import isnan
from typing import TYPE_CHECKING

from streamsig.sniffer.convention import float_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from streamsig.fields.numbers import NumberFormat
    from streamsig.sniffer.layout import Layout
    from streamsig.sniffer.table import Table

_SUSPECT = re.compile(r"(?m)^(?=.*[0-9])[-$€£¥ ]*(?:[0.,]+|1[.,]?0*|[9.,]{2,}0*|214748364[78])[ $€£¥]*$")
"""Texts that are examined: 0, -1, nines and limits."""

_LIMITS = ("-2147483648", "2147483647")
"""The limits of 32-bit integers."""

_FAR = 10.0
"""How many usual steps, or how many times the largest price, a value has to be away from its neighbours."""

_FEWEST_NINES, _MAX_NINES = 4, 18
_SHOWN = 3


def sentinel_warning(table: Table, layout: Layout) -> str | None:
    """Return a warning where sampled closes may mean "no close"."""
    closes = [text.strip() for text in layout.closes]
    texts = sentinels(closes, layout.dialect.numbers)[:_SHOWN]
    if not texts:
        return None
    return (
        f"closes of {' and '.join(texts)} are among prices far from that, first in {table.at(closes.index(texts[0]))};"
        f" if they mean no close, use `missing={texts}`"
    )


def sentinels(closes: Sequence[str], numbers: NumberFormat) -> list[str]:
    """Return the different texts, without blanks around them, that look like prices and may mean "no close"."""
    if not _SUSPECT.search("\n".join(closes)):
        return []
    values = {text: float_of(text, numbers) for text in dict.fromkeys(closes)}
    numeric = {text: value for text, value in values.items() if not isnan(value) and not numbers.is_missing(text)}
    low = {text for text, value in numeric.items() if value in {0, -1} or (value < 0 and _is_extreme(text))}
    high = {text for text, value in numeric.items() if value > 0 and _is_extreme(text)}
    prices = [value for text, value in numeric.items() if text not in low | high]
    if not low | high or not prices or min(prices) <= 0:
        return []
    far = _far_below(closes, numeric, low) if low else set()
    return [text for text in numeric if text in far or (text in high and numeric[text] > _FAR * max(prices))]


def _far_below(closes: Sequence[str], values: Mapping[str, float], low: Collection[str]) -> set[str]:
    """Return the low ones to which a price falls by more than prices usually move."""
    texts = [text for text in closes if text in values]
    prices = [values[text] for text in texts if text not in low]
    steps = sorted(abs(b - a) for a, b in pairwise(prices))
    usual = steps[len(steps) // 2] if steps else 0.0
    far, before = set(), prices[0]
    for text in texts:
        if text not in low:
            before = values[text]
        elif before - values[text] > _FAR * usual:
            far.add(text)
    return far


def _is_extreme(text: str) -> bool:
    """Return whether a number has nothing but nines, or is a limit of 32-bit integers."""
    if text in _LIMITS:
        return True
    digits = text.lstrip("-").replace(".", "").replace(",", "")
    least = 2 if text.startswith("-") else _FEWEST_NINES
    whole = digits.rstrip("0") if "." in text or "," in text else digits
    return least <= len(whole) <= _MAX_NINES and set(whole) == {"9"}
