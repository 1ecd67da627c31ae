"""How the numbers of a text are written: decimal mark and thousands separator.

A convention is a way to read the fields. Those that read the most prices remain; where they read the
prices alike, any will do. Where they differ (`1.234`), the other columns, the steps between prices and
the language of the header decide, in this order; where these do not, the user has to.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from streamsig.errors import LayoutError, UsageError
from streamsig.fields.cells import CONVENTIONS, quantity, shapes
from streamsig.fields.column_names import Language
from streamsig.fields.numbers import is_below_thousand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.fields.numbers import NumberFormat
    from streamsig.sniffer.layout import LayoutOptions

_POINT_CURRENCIES = re.compile("[¥￥円圓元₩원£₹]|JPY|KRW|CNY|GBP|INR|HKD")
"""Currencies of countries that write a decimal point, and a comma between thousands."""

_LEAP = 30.0
"""Ratio of neighbouring prices that no market makes, but a misread thousands separator does."""


class Written(NamedTuple):
    """What is known about the numbers of a text.

    `prices` are the columns that are prices, the close first; `others` those that may be numbers
    of any kind. `quoted` says whether the text has quotes at all.
    """

    prices: Sequence[Sequence[str]]
    others: Sequence[Sequence[str]]
    language: Language
    delimiter: str
    quoted: bool

    @property
    def between_commas(self) -> bool:
        """Whether no number can contain a comma, as it would end its field."""
        return self.delimiter == "," and not self.quoted


def possible(options: LayoutOptions, name: str) -> list[NumberFormat]:
    """Return the conventions that the flags leave open."""
    decimal, thousands = options.decimal, options.thousands
    if decimal is not None and decimal not in {".", ","}:
        raise UsageError(f"{name}: `decimal={decimal!r}`: the decimal mark is . or ,")
    if thousands in {"\u00a0", "\u202f", "\u2009"}:
        thousands = " "
    if thousands is not None and thousands not in {"", ".", ",", "'", " "}:
        raise UsageError(f"{name}: `thousands={thousands!r}`: the separator is one of . , ' or a blank")
    if decimal is not None and decimal == thousands:
        raise UsageError(f"{name}: `decimal` and `thousands` are both {decimal}")
    formats = [
        each
        for each in CONVENTIONS
        if decimal in {None, each.decimal} and (thousands is None or thousands == each.thousands)
    ]
    return [replace(each, missing=frozenset(options.missing)) for each in formats]


def decide(written: Written, formats: Sequence[NumberFormat], name: str, column: str) -> tuple[NumberFormat, str]:
    """Return the convention of the close, the first of `written.prices`, and why it is that one.

    Raises `LayoutError` where two conventions read the closes differently and nothing settles it.
    """
    written = _without_missing(written, formats[0].missing)
    close = written.prices[0]
    left = _best(_counted(written.prices), formats)
    clear = _agree(left, close)
    if clear and written.between_commas and not _strictest(left, written).doubtful:
        return plainest(left), "the prices can be read in no other way"
    # where the prices are clear, the other columns may still show what a mark is
    left = _best(_quantities(_counted(written.others)), left)
    if _agree(left, close):
        return _strictest(left, written), f"the {'prices' if clear else 'other columns'} can be read in no other way"
    smooth = [each for each in left if not _leaps(close, each)]
    if smooth and _agree(smooth, close):
        return plainest(smooth), "read otherwise, the prices would leap"
    left = smooth or left
    customary = _by_custom(written, left)
    if customary is not None:
        numbers, why = customary
        # a whole number contradicts decimals, but not thousands; those among the sample have been weighed already
        by_custom = not numbers.thousands and not any(is_below_thousand(text) for text in close)
        return replace(numbers, by_custom=by_custom), why
    example = next(text.strip() for text in close if not _agree(left, [text]))
    mark = "," if "," in example else "."
    raise LayoutError(
        f"{name}: {column}: {example} could be {example.replace(mark, '')} or {example.replace(mark, '.')};"
        f" say which with `thousands={mark!r}` or `decimal={mark!r}`"
    )


def _without_missing(written: Written, missing: frozenset[str]) -> Written:
    """Leave out the texts that the user calls missing: `0.00` among prices says nothing about their marks."""
    if not missing:
        return written
    words = {word.strip().casefold() for word in missing}
    prices = [[text for text in column if text.strip().casefold() not in words] for column in written.prices]
    return written._replace(prices=prices)


def _by_custom(written: Written, left: Sequence[NumberFormat]) -> tuple[NumberFormat, str] | None:
    """Decide a mark before three digits as programs write it, or by the language of the header."""
    point = next((each for each in left if each.decimal == "."), None)
    if point is None:
        return None
    if written.between_commas:
        return point, "unquoted fields between commas have a decimal point"
    if written.language is Language.POINT:
        return point, written.language.value
    if all(_POINT_CURRENCIES.search(text) for text in written.prices[0] if text.strip()):
        return point, "numbers of this currency have a decimal point"
    commas = any("," in text for text in written.prices[0])
    if written.language is Language.ENGLISH and (not commas or written.delimiter == ","):
        return point, written.language.value
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


def _strictest(formats: Sequence[NumberFormat], written: Written) -> NumberFormat:
    """Return the most likely of conventions that read a sample alike; it stops at a mark that the sample lacks.

    Whole prices may continue from 998 to 1.003: thousands to one convention, decimals to the other.
    """
    commas = written.language is Language.COMMA and not written.between_commas
    foreign = [each for each in formats if commas and each.decimal == ","]
    likely = plainest(foreign or formats)
    return replace(likely, doubtful=any(each.thousands == likely.decimal for each in formats))


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
