"""The close of a file that does not name one: its only column of numbers that may be prices."""

from __future__ import annotations

from itertools import pairwise
from math import isfinite, log
from typing import TYPE_CHECKING

from streamsig.fields.cells import Kind, kinds, quantity
from streamsig.fields.column_names import is_no_price
from streamsig.sniffer.time_column import dates_in

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from streamsig.sniffer.table import Table

_JUDGED, _MAX_DIGITS = 100, 18
_FEWEST, _MANY = 3, 20
"""Values that are needed to see that numbers count something, and that they rise in every row."""

_FLIPS = 0.2
"""Share of neighbours of opposite sign that prices never have, but changes do."""

_WIDEST, _WIDEST_NAMED = 0.15, 0.5
"""Usual logarithm of the ratio of neighbours, above which numbers are volumes, not prices; with a name, more."""


def only_candidate(table: Table, taken: Collection[int | None]) -> int | None:
    """Return the only column of numbers that may be prices, `None` where there is none, or more than one.

    `taken` are columns that are something else.
    """
    able = [
        index
        for index, texts in enumerate(table.columns)
        if table.numeric[index] and index not in taken and not _is_no_measure(texts, named=bool(table.name_of(index)))
    ]
    prices = [index for index in able if not is_no_price(table.name_of(index))]
    # next to prices an average is not one, but a fixing such as SONIA is a "daily average rate"
    prices = prices or [index for index in able if not is_no_price(table.name_of(index), or_average=False)]
    if table.names is None and any(set(kinds(texts)) == {Kind.MISSING} for texts in table.columns):
        # the column of which every value is missing may be the close as well
        return None
    # a name in letters that are not understood, or garbled, may mean anything
    return prices[0] if len(prices) == 1 and table.name_of(prices[0]).isascii() else None


def _is_no_measure(texts: Sequence[str], *, named: bool) -> bool:
    """Return whether numbers are flags, dates, quantities with a unit, or the row numbers of an unnamed column."""
    trimmed = [text.strip() for text in texts]
    present = [text for text, look in zip(trimmed, kinds(trimmed), strict=True) if look is not Kind.MISSING]
    if {*present} in ({"0"}, {"0", "1"}) or dates_in(present, alone=True) is not None:
        return True
    if 2 * sum(quantity(text) != text for text in present[:_JUDGED]) > len(present[:_JUDGED]):
        return True
    return (
        not named
        and all(text.isdecimal() and len(text) <= _MAX_DIGITS for text in present)
        and _are_counted(list(map(int, present)))
    )


def _are_counted(values: Sequence[float]) -> bool:
    """Return whether numbers are 0, 1, 2 or 1, 2, 3."""
    return len(values) >= _FEWEST and values[0] in {0, 1} and all(b - a == 1 for a, b in pairwise(values))


def no_prices(values: Sequence[float], *, named: bool) -> str | None:
    """Return why the finite values cannot be prices of one series, `None` if nothing speaks against it."""
    finite = [value for value in values if isfinite(value)]
    pairs = list(pairwise(finite))
    if _are_counted(finite):
        return "it counts the rows"
    if len(finite) >= _MANY and all(value.is_integer() for value in finite):
        rises = {b > a for a, b in pairs if a != b}
        if len(rises) == 1 and all(a != b for a, b in pairs):
            return "it runs one way in every row, as counters do"
    if len(finite) < _FEWEST + 2:
        return None
    if sum(a * b < 0 for a, b in pairs) > _FLIPS * len(pairs):
        return "it changes its sign from row to row, as returns do"
    leaps = sorted(abs(log(b) - log(a)) for a, b in pairs if a > 0 and b > 0)
    if leaps and leaps[len(leaps) // 2] > (_WIDEST_NAMED if named else _WIDEST):
        return "its numbers differ too much from row to row for the prices of one series"
    return None
