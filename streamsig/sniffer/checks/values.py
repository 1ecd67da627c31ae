"""Refuses a table whose closes, as they were chosen, are not numbers of one series."""

from __future__ import annotations

import re
from math import isnan
from typing import TYPE_CHECKING

from streamsig.errors import LayoutError
from streamsig.fields.cells import shapes
from streamsig.fields.column_names import Role
from streamsig.fields.messages import one_line
from streamsig.sniffer.convention import float_of
from streamsig.sniffer.time_column import dates_in

if TYPE_CHECKING:
    from streamsig.sniffer.layout import Layout, LayoutOptions
    from streamsig.sniffer.table import Table

_EIGHTHS = r"[0-9]{2,4}['^-][0-7]"
_IN_FRACTIONS = rf"(?:[5-9][0-9]|1[0-9]{{2}}|2[0-4][0-9])['^:-](?:[0-2][0-9]|3[01])(?:[0-7+]|\.[0-9]+)?|{_EIGHTHS}"
"""A bond of 50 to 249, 32nds, and parts of one; or a whole price and eighths of a cent."""

_FEW_OTHERS = 10
"""Up to one in so many prices may be a mistake among 32nds."""

_BARS = (Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE)


def check_bars(table: Table, layout: Layout, options: LayoutOptions) -> None:
    """Raise where the columns named open, high, low and close are not so in most rows."""
    places = [table.roles.index(role) for role in _BARS if table.roles.count(role) == 1]
    if len(places) < len(_BARS) or max(places) >= len(table.columns) or options.column is not None or table.types:
        return
    moving = wrong = 0
    numbers = layout.dialect.numbers
    for h, low, c in zip(*([float_of(text, numbers) for text in table.few[i]] for i in places[1:]), strict=True):
        if not isnan(h + low + c) and h != low:
            moving += 1
            wrong += h < low or c < low or c > h
    if moving and 2 * wrong > moving:
        raise LayoutError(
            f"{table.name}: the columns named open, high, low and close are not so in {wrong} of {moving} sampled rows,"
            f" so the names may be shifted: {table.at(0)} reads {table.first_row};"
            " say which field is the close with `column=N`"
        )


def check_fractions(table: Table, layout: Layout, options: LayoutOptions) -> None:
    """Raise where closes are written in 32nds or eighths, as those of bonds and grains are: `118'310`, `526-2`."""
    numbers, joined = layout.dialect.numbers, "".join(layout.closes)
    if not any(mark in joined for mark in "'^:-"):
        return
    texts = [text.strip() for text in layout.closes if not numbers.is_missing(text)]
    fractions = [text for text in texts if re.fullmatch(_IN_FRACTIONS, text)]
    if 2 * len(fractions) <= len(texts):
        return
    by_quotes = numbers.thousands == "'"
    # round prices have nothing after the mark, and one may be mistyped; 1'234.50 and 118'990 are thousands
    thousands = sum("'" in text for text in texts) - len(fractions)
    if by_quotes and (options.thousands or _FEW_OTHERS * thousands > len(fractions)):
        return
    parts = "eighths" if all(re.fullmatch(_EIGHTHS, text) for text in fractions) else "32nds"
    either = "; if ' separates thousands, use `thousands=\"'\"`" if by_quotes else ""
    raise LayoutError(
        f"{table.name}: {table.title(layout.dialect.close)} seems to be written in {parts}: {fractions[0]!r}; write the"
        f" file again with decimals{either}"
    )


def check_numbers(table: Table, layout: Layout, _: LayoutOptions) -> None:
    """Raise where most of the closes are not numbers."""
    numbers, close = layout.dialect.numbers, layout.dialect.close
    if close in table.types and not table.numeric[close]:
        raise LayoutError(
            f"{table.name}: {table.title(close)} holds no numbers but {table.types[close]};"
            " name the close with `column`"
        )
    if all(numbers.fits(shape) for shape in set(shapes(layout.closes))):
        return
    rows = [(row, text) for row, text in enumerate(layout.closes) if not numbers.is_missing(text)]
    bad = [(row, text) for row, text in rows if not numbers.fits(text)]
    if 2 * len(bad) > len(rows):
        row, text = bad[0]
        raise LayoutError(
            f"{table.name}, {table.at(row)}: {table.title(close)} is not a column of numbers: {one_line(text)!r};"
            " name another with `column`, say how numbers are written with `decimal` and `thousands`, or write the file"
            " again with plain numbers"
        )


def check_dates(table: Table, layout: Layout, _: LayoutOptions) -> None:
    """Raise where the closes are dates or times, as they are where names are shifted by one field."""
    close = layout.dialect.close
    dates = dates_in(layout.closes, alone=layout.dialect.time in {None, close})
    if dates is not None:
        raise LayoutError(
            f"{table.name}, {table.at(0)}: {table.title(close)} holds {dates}, no closes: the fields are"
            f" {table.first_row}; name the close with `column=N`"
        )
