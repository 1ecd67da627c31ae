"""Warnings about a table that is read, but may be meant in another way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamsig.csv.corporate_actions import is_action
from streamsig.csv.footers import untimed_tail
from streamsig.sniffer.checks.sentinels import sentinel_warning, sentinels
from streamsig.sniffer.checks.series import Columns, several_series
from streamsig.sniffer.close.candidate import ONLY_CANDIDATE, only_candidate_warning
from streamsig.sniffer.close.order_books import book_column, book_warning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.fields.numbers import NumberFormat
    from streamsig.sniffer.close.choice import Fields


def doubts(fields: Fields, close: int, why: str, times: Sequence[str]) -> tuple[str, ...]:
    """Return warnings about a close that nothing names, and about several series that are counted as one.

    `times` has the time of each sampled row, or is empty.
    """
    names, texts, time = fields.body.names, fields.texts, fields.time
    warnings = []
    if why == ONLY_CANDIDATE:
        warnings.append(only_candidate_warning(fields.column_name(close)))
    book = book_column(names or (), texts, fields.groups)
    if book is not None and len(set(texts[book])) > 1:
        warnings.append(book_warning(fields.column_name(book), book))
    elif not fields.groups:
        is_text = [not each for each in fields.numeric]
        several = several_series(Columns(names, texts, is_text, (close, time.index, time.clock), times))
        warnings += [] if several is None else [several]
    return tuple(warnings)


def rows_left_out(
    fields: Fields, close: int, numbers: NumberFormat, prices: Sequence[int], *, timed: bool
) -> tuple[tuple[str, str], ...]:
    """Return (what, why) pairs for sampled rows that a run does not count: totals below the data, and dividends.

    `prices` are fields in which a text shows that a row without a close is not counted; with `timed` the last rows
    must have times.
    """
    records = [record for record in fields.body.records if len(record.fields) == fields.body.fields]
    reasons = []
    tail = untimed_tail(fields.texts[fields.time.index or 0]) if timed and fields.whole else 0
    if tail:
        reasons.append(("footer", f"line {records[-tail].line}: rows from there on have no time, as totals have none"))
    closes = fields.texts[close] if prices else []
    if not re.search(r"[^0-9]$|^$", "\n".join(closes), re.MULTILINE):
        return tuple(reasons)
    without = (row for row, text in enumerate(closes) if numbers.is_missing(text))
    row = next((row for row in without if any(is_action(fields.texts[i][row], numbers) for i in prices)), None)
    if row is not None:
        reasons.append(("actions", f"line {records[row].line}: a text among the prices and no close, as of a dividend"))
    return tuple(reasons)


def doubtful_values(fields: Fields, close: int, numbers: NumberFormat) -> tuple[str, ...]:
    """Return a warning where closes look as if they meant "no close"."""
    closes = fields.texts[close] if close < len(fields.texts) else []
    texts = sentinels(closes, numbers)
    if not texts:
        return ()
    row = next(row for row, text in enumerate(closes) if text.strip() == texts[0])
    records = [record for record in fields.body.records if len(record.fields) == fields.body.fields]
    return (sentinel_warning(texts, f"line {records[row].line}" if records else f"row {row + 1}"),)
