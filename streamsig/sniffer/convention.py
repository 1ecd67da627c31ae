"""How the numbers of a text are written: decimal mark and thousands separator.

A convention is a way to read the fields. Those that read the most prices remain; where they read the
prices alike, any will do. Where they differ (`1.234`), the other columns, the steps between prices and
the language of the header decide, in this order; where these do not, the user has to.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from streamsig.errors import LayoutError
from streamsig.fields.cells import CONVENTIONS, quantity, shapes
from streamsig.fields.column_names import Language, Role, language
from streamsig.fields.numbers import NumberFormat, is_below_thousand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.sniffer.layout import LayoutOptions
    from streamsig.sniffer.table import Table

_BARS = frozenset({Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE})

_POINT_CURRENCIES = re.compile("[¥￥円圓元₩원£₹]|JPY|KRW|CNY|GBP|INR|HKD")
"""Currencies of countries that write a decimal point, and a comma between thousands."""

_LEAP = 30.0
"""Ratio of neighbouring prices that no market makes, but a misread thousands separator does."""


def convention_of(table: Table, close: int | None, options: LayoutOptions) -> tuple[NumberFormat, str]:
    """Return how the numbers of a column are written, and why it is that convention; of all columns for `None`.

    Raises LayoutError where two conventions read the closes differently and nothing settles it.
    """
    formats = conventions(options)
    if close in table.types:
        return NumberFormat(missing=formats[0].missing), "the column has a type of numbers"
    others = {table.time.index, table.time.clock, *table.types}
    numeric = [index for index, is_numeric in enumerate(table.numeric) if is_numeric and index not in others]
    if close is None:
        prices = numeric
    else:
        prices = [close, *(index for index in numeric if table.roles[index] in _BARS and index != close)]
    if not prices:
        return plainest(formats), "there are no numbers"
    # a text that the user calls missing, such as `0.00`, says nothing about the marks of prices
    words = {word.strip().casefold() for word in options.missing}
    written = [
        [text for text in table.columns[index] if text.strip().casefold() not in words]
        if words
        else table.columns[index]
        for index in prices
    ]
    quantities = [table.columns[index] for index in numeric if index not in prices]
    return _decide(table, written, quantities, formats, table.title(prices[0]))


def conventions(options: LayoutOptions) -> list[NumberFormat]:
    """Return the conventions that the settings leave open."""
    missing = frozenset(options.missing)
    return [
        replace(each, missing=missing)
        for each in CONVENTIONS
        if options.decimal in {None, each.decimal} and options.thousands in {None, each.thousands}
    ]


def _decide(
    table: Table,
    prices: Sequence[Sequence[str]],
    quantities: Sequence[Sequence[str]],
    formats: Sequence[NumberFormat],
    title: str,
) -> tuple[NumberFormat, str]:
    """Decide by the columns of prices, the close first, then by those of numbers of any kind."""
    close = prices[0]
    left = _best(_counted(prices), formats)
    clear = _agree(left, close)
    # between bare commas no number can contain one, as it would end its field
    bare = table.delimiter == "," and not table.quoted
    commas = not bare and language(table.names or ()) is Language.COMMA
    if clear and bare and not _strictest(left, commas=commas).ambiguous_mark:
        return plainest(left), "the prices can be read in no other way"
    # where the prices are clear, the other columns may still show what a mark is
    left = _best(_quantities(_counted(quantities)), left)
    if _agree(left, close):
        why = f"the {'prices' if clear else 'other columns'} can be read in no other way"
        return _strictest(left, commas=commas), why
    smooth = [each for each in left if not _leaps(close, each)]
    if smooth and _agree(smooth, close):
        return plainest(smooth), "read otherwise, the prices would leap"
    left = smooth or left
    custom = _custom(table, close)
    point = next((each for each in left if each.decimal == "."), None)
    if custom is not None and point is not None:
        # a whole number contradicts decimals, but not thousands; those among the sample have been weighed already
        mark_by_convention = not point.thousands and not any(is_below_thousand(text) for text in close)
        return replace(point, mark_by_convention=mark_by_convention), custom
    example = next(text.strip() for text in close if not _agree(left, [text]))
    mark = "," if "," in example else "."
    raise LayoutError(
        f"{table.name}: {title}: {example} could be {example.replace(mark, '')} or {example.replace(mark, '.')};"
        f" say which with `thousands={mark!r}` or `decimal={mark!r}`"
    )


def _custom(table: Table, close: Sequence[str]) -> str | None:
    """Return why a mark before three digits is a decimal point, as programs or a language write it."""
    names = language(table.names or ())
    if table.delimiter == "," and not table.quoted:
        return "unquoted fields between commas have a decimal point"
    if names is Language.POINT:
        return str(names.value)
    if all(_POINT_CURRENCIES.search(text) for text in close if text.strip()):
        return "numbers of this currency have a decimal point"
    if names is Language.ENGLISH and (table.delimiter == "," or not any("," in text for text in close)):
        return str(names.value)
    return None


def _counted(columns: Sequence[Sequence[str]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for column in columns:
        counts.update(shapes(column))
    return counts


def _quantities(counts: Counter[str]) -> Counter[str]:
    """Remove percent signs and the letters for thousands and millions."""
    plain: Counter[str] = Counter()
    for text, count in counts.items():
        plain[quantity(text)] += count
    return plain


def _best(counts: Counter[str], formats: Sequence[NumberFormat]) -> list[NumberFormat]:
    """Return the conventions that read the most fields."""
    fits = [sum(count for text, count in counts.items() if each.fits(text)) for each in formats]
    return [each for each, count in zip(formats, fits, strict=True) if count == max(fits)]


def plainest(formats: Sequence[NumberFormat]) -> NumberFormat:
    """Prefer the convention without a separator."""
    return next((each for each in formats if not each.thousands), formats[0])


def _strictest(formats: Sequence[NumberFormat], *, commas: bool) -> NumberFormat:
    """Return the most likely of conventions that read a sample alike; it stops at a mark that the sample lacks.

    Whole prices may continue from 998 to 1.003: thousands to one convention, decimals to the other. With `commas` a
    decimal comma is more likely than a point.
    """
    foreign = [each for each in formats if commas and each.decimal == ","]
    likely = plainest(foreign or formats)
    return replace(likely, ambiguous_mark=any(each.thousands == likely.decimal for each in formats))


def _agree(formats: Sequence[NumberFormat], texts: Sequence[str]) -> bool:
    """Return whether all conventions read all texts as the same numbers."""
    if len(formats) == 1:
        return True
    return all(len({_plainly(text, each) for each in formats if each.fits(text)}) <= 1 for text in set(shapes(texts)))


def _plainly(text: str, convention: NumberFormat) -> str:
    """Return a number that fits, without separators and with a decimal point."""
    if convention.thousands == " ":
        text = "".join(text.split())
    elif convention.thousands:
        text = text.replace(convention.thousands, "")
    return text.replace(convention.decimal, ".")


def _leaps(texts: Sequence[str], convention: NumberFormat) -> bool:
    """Return whether neighbouring prices differ by a factor that no market makes."""
    before = 0.0
    for text in texts:
        value = float_of(text, convention)
        if value > 0:
            if before and not 1 / _LEAP < value / before < _LEAP:
                return True
            before = value
    return False


def float_of(text: str, convention: NumberFormat) -> float:
    """Return a text as a float, NaN where it is not a number: exact enough to compare and to sort."""
    text = _plainly(text.strip().lstrip("$€£¥₹₩ "), convention)
    try:
        return float(text) if text[-1:].isdigit() else float("nan")
    except ValueError:
        return float("nan")
