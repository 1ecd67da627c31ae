"""Describes a sampled table: chooses close, time, groups and number format, and checks that they agree.

What a user asks for is never overruled. A check takes the table, the layout that was chosen, and the options: it raises
`LayoutError` where the layout is wrong or not certain.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamsig.csv.dialect import Dialect
from streamsig.fields.numbers import NumberError
from streamsig.sniffer.checks.order_books import book_warning, check_book
from streamsig.sniffer.checks.sentinels import sentinel_warning
from streamsig.sniffer.checks.series import series_warning
from streamsig.sniffer.checks.values import check_bars, check_dates, check_fractions, check_numbers
from streamsig.sniffer.close.by_name import asked_column
from streamsig.sniffer.close.choice import choose_close
from streamsig.sniffer.convention import convention_of
from streamsig.sniffer.layout import ONLY_CANDIDATE, Layout
from streamsig.sniffer.time_column import BACKWARDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamsig.fields.numbers import NumberFormat
    from streamsig.sniffer.layout import LayoutOptions
    from streamsig.sniffer.table import Table

CHECKS = (check_book, check_bars, check_fractions, check_numbers, check_dates)

RUNS_BACKWARDS = (
    "rows run from newest to oldest: windows look at later rows;"
    " use `order='newest-first'` to count each row's window over the rows before it in time"
)
"""The warning for a file that is newest first."""


def describe(table: Table, options: LayoutOptions) -> Layout:
    """Return the layout of a table; raises LayoutError if it is ambiguous, UsageError for a setting that no file fits.

    Its dialect has names, close, time and numbers alone.
    """
    groups = tuple(asked_column(table, each, "group_by") for each in options.group_by)
    close, why = choose_close(table, groups, options)
    numbers, how = convention_of(table, close, options)
    time, closes = table.time, tuple(table.columns[close])
    reasons = [("close", why)] if close in table.types else [("close", why), ("numbers", how)]
    if time.index is not None:
        reasons.append(("time", f"{table.title(time.index)} holds the time"))
    layout = Layout(
        dialect=Dialect(table.delimiter, len(table.columns), close, table.names, time=time.index, numbers=numbers),
        time_column=time,
        groups=groups,
        reasons=tuple(reasons),
        rows=table.first_rows(),
        rows_sampled=len(table.lines),
        closes=closes,
        times=tuple(_times(table)),
        decimals=most_decimals(closes, numbers),
        close_is_text=close not in table.types,
    )
    for check in CHECKS:
        check(table, layout, options)
    return layout._replace(warnings=tuple(_warnings(table, layout, options)))


def _warnings(table: Table, layout: Layout, options: LayoutOptions) -> Iterator[str]:
    if table.time.direction == BACKWARDS and not options.newest_first:
        yield RUNS_BACKWARDS
    if layout.closes and all(map(layout.dialect.numbers.is_missing, layout.closes)):
        yield "every sampled close is missing"
    if ("close", ONLY_CANDIDATE) in layout.reasons:
        title = table.title(layout.dialect.close)
        yield f"{title} is taken for the close: {ONLY_CANDIDATE}; if it is not, use `column`"
    series = None if layout.groups else series_warning(table, layout)
    yield from filter(None, (book_warning(table, layout) or series, sentinel_warning(table, layout)))


def _times(table: Table) -> list[str]:
    """Return the time of each row, the time of day after the date where it has a column of its own."""
    places = [place for place in (table.time.index, table.time.clock) if place is not None]
    return [" ".join(parts) for parts in zip(*(map(str.strip, table.columns[i]) for i in places), strict=True)]


def most_decimals(closes: Sequence[str], numbers: NumberFormat) -> int:
    """Return the largest number of decimals among these texts, exponents and padding zeros resolved."""
    joined = "\n".join(map(str.strip, closes))
    mark = re.escape(numbers.decimal)
    if re.fullmatch(rf"[0-9{mark}\n]*", joined):
        # as nearly all are written
        return max(map(len, re.findall(rf"(?m){mark}([0-9]*[1-9])0*$", joined)), default=0)
    most = 0
    for text in set(closes):
        try:
            value = numbers.parse(text)
        except NumberError:
            continue
        if value is not None:
            exponent = value.as_tuple().exponent
            most = max(most, -exponent if isinstance(exponent, int) else 0)
    return most
