"""Recognises a text that is written like one whose layout was detected, at a fraction of the cost of detection.

Detection asks many questions of a sample. Of a small file with the header and the forms of cells of an earlier one, the
answers are the same. `KnownLayout` describes only layouts of which that is certain: one header line that names the
close, times that run one way, and numbers with a decimal point. Everything else is left to detection.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from streamsig.fields.column_names import Role, is_clock, is_key, roles
from streamsig.fields.numbers import NumberFormat
from streamsig.sniffer.checks.order_books import may_show_a_book
from streamsig.sniffer.checks.sentinels import sentinels
from streamsig.sniffer.describe import most_decimals
from streamsig.sniffer.layout import SampleRow
from streamsig.sniffer.time_column import BACKWARDS, FORWARDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.sniffer.layout import Layout, LayoutOptions
    from streamsig.sniffer.time_column import TimeColumn

_FEWEST_ROWS, _MAX_ROWS, _MAX_FIELDS = 5, 3000, 64
_BARS = (Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE)

_DAYS = r"(?:(?:0[1-9]|1[0-2]){0}(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2]){0}(?:29|30)|(?:0[13578]|1[02]){0}31)"
_DATES = ["(?:19|20)[0-9]{2}" + mark + _DAYS.format(mark) for mark in ("-", "/", r"\.", "")]
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
_TIMES = (*_DATES, *(f"{date}[ T]{_CLOCK}" for date in _DATES[:3]), "1[0-9]{9}", "1[0-9]{12}")
"""Times of one length that sort as texts: years first, or seconds and milliseconds since 1970."""

_PRICE = r"(?:0|[1-9][0-9]{0,6})(?:\.[0-9]{1,18})?"
_NUMBER = r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?"
_WORD = "(?:[A-Za-z][A-Za-z0-9 _.-]{0,63})?"
_DECIMAL = re.compile(r"\A0\.|\.(?:[0-9]{1,2}|[0-9]{4,})\Z")
"""Part of a number whose point cannot separate thousands."""


class KnownLayout(NamedTuple):
    """A layout that a further sample has if it begins with `head`, and its records match `records`.

    The closes, times and order of that sample are checked as well. `bars` are the columns high, low and close.
    """

    layout: Layout
    head: bytes
    line_end: str
    records: re.Pattern[str]
    bars: tuple[int, ...]

    @classmethod
    def of(cls, sample: bytes, layout: Layout, options: LayoutOptions) -> KnownLayout | None:
        """Return a matcher for texts of this layout, or `None` if they must be detected one by one.

        `sample` has the whole records from which the layout was detected.
        """
        dialect, time = layout.dialect, layout.time_column
        head = sample[: dialect.body_offset]
        line_end = "\r\n" if head.endswith(b"\r\n") else "\n"
        names = dialect.header or ()
        line = head.decode("ascii", "replace").removesuffix(line_end)
        cells = [*map(str.strip, line.split(dialect.delimiter))]
        is_plain = sample.isascii() and cells == [*names] and "\n" not in line and all(names)
        if not is_plain or len(names) != dialect.fields or len(names) > _MAX_FIELDS or layout.warnings:
            return None
        if not _names_suffice(names, dialect.close, time, options) or options.missing or dialect.line_quoted:
            return None
        if dialect.numbers != NumberFormat() or time.direction not in {FORWARDS, BACKWARDS}:
            return None
        lines = sample[dialect.body_offset :].decode().removesuffix(line_end).split(line_end)
        columns = [*zip(*(each.split(dialect.delimiter) for each in lines), strict=False)]
        if len(columns) != len(names):
            return None
        known = roles(names)
        bars = tuple(known.index(role) for role in _BARS if known.count(role) == 1)
        prices = {dialect.close, *(i for i, role in enumerate(known) if role in _BARS)}
        forms = [_form(i, texts, prices, time) for i, texts in enumerate(columns)]
        if None in forms:
            return None
        record = re.escape(dialect.delimiter).join(map(str, forms)) + line_end
        this = cls(layout, head, line_end, re.compile(f"(?:{record})+"), bars[1:] if len(bars) == len(_BARS) else ())
        return this if this.layout_of(sample) == layout else None

    def layout_of(self, sample: bytes) -> Layout | None:
        """Return the layout of a text, all of which is in the sample; `None` if it has to be detected."""
        layout = self.layout
        dialect, time = layout.dialect, layout.time_column
        if not sample.startswith(self.head) or not sample.isascii():
            return None
        body = sample[len(self.head) :].decode("ascii")
        body += "" if body.endswith(self.line_end) else self.line_end
        rows = body.count("\n")
        if not _FEWEST_ROWS <= rows <= _MAX_ROWS or not self.records.fullmatch(body):
            return None
        records = [line.split(dialect.delimiter) for line in body.split(self.line_end)[:-1]]
        columns = [*zip(*records, strict=True)]
        closes, times = columns[dialect.close], columns[time.index or 0]
        if time.clock is not None:
            times = tuple(map(" ".join, zip(times, columns[time.clock], strict=True)))
        if len({*map(len, times)}) > 1 or not _run(times, time.direction) or not any(map(_DECIMAL.search, closes)):
            return None
        if self.bars and not _are_bars(*(columns[index] for index in self.bars)):
            return None
        if sentinels(closes, dialect.numbers):
            return None
        first = dialect.body_line
        return layout._replace(
            rows=tuple(SampleRow(first + i, (*cells,)) for i, cells in enumerate(records[: len(layout.rows)])),
            rows_sampled=rows,
            closes=closes,
            times=times,
            decimals=most_decimals(closes, dialect.numbers),
        )


def _names_suffice(names: Sequence[str], close: int, time: TimeColumn, options: LayoutOptions) -> bool:
    """Return whether names, and not values, say which column is the close, which are times, and what else there is."""
    known = roles(names)
    is_named = options.column is not None or (known.count(Role.CLOSE) == 1 and known[close] is Role.CLOSE)
    clocks = [*map(is_clock, names)]
    times = sorted((index for index, role in enumerate(known) if role is Role.TIME), key=clocks.__getitem__)
    if not is_named or times[:1] != [time.index] or time.index == close:
        return False
    if time.clock is None and any(clocks[: time.index] + clocks[times[0] + 1 :]):
        return False
    return not any(is_key(name) or may_show_a_book(name) for name in names)


def _form(index: int, texts: Sequence[str], prices: set[int], time: TimeColumn) -> str | None:
    """Return the pattern of the cells of a column, `None` if they have none of the known forms."""
    if index == time.index:
        forms: tuple[str, ...] = _TIMES
    elif index == time.clock:
        forms = (_CLOCK,)
    elif index in prices:
        forms = (_PRICE,)
    else:
        # a text is the same in all rows of all texts
        forms = (_NUMBER, re.escape(texts[0])) if re.fullmatch(_WORD, texts[0]) else (_NUMBER,)
    return next((form for form in forms if all(re.fullmatch(form, text) for text in texts)), None)


def _run(times: Sequence[str], direction: str) -> bool:
    """Return whether each time is after the one before it, or before it if rows run backwards."""
    ordered = times if direction == FORWARDS else times[::-1]
    return all(a < b for a, b in pairwise(ordered))


def _are_bars(highs: Sequence[str], lows: Sequence[str], closes: Sequence[str]) -> bool:
    """Return whether each close is between the low and the high of its row."""
    bars = zip(map(float, lows), map(float, closes), map(float, highs), strict=True)
    return all(low <= close <= high for low, close, high in bars)
