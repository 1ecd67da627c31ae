"""Which column is the close: by its name, by the shape of bars, or as the only one that may be it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamsig.errors import LayoutError
from streamsig.fields.cells import Kind, kind
from streamsig.fields.column_names import almost_closes, lasts
from streamsig.sniffer.close.by_name import asked_column, check_alignment, close_by_name, no_close
from streamsig.sniffer.close.candidate import no_prices, only_candidate
from streamsig.sniffer.close.ohlc import close_by_shape
from streamsig.sniffer.convention import convention_of, float_of
from streamsig.sniffer.layout import ASKED, ONLY_CANDIDATE
from streamsig.sniffer.table import thinned
from streamsig.sniffer.time_column import BACKWARDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.sniffer.layout import LayoutOptions
    from streamsig.sniffer.table import Table

_NEAR = 1000
"""Rows whose values are compared one by one; as many more are taken from the rest of the sample."""

_FEWEST = 20
"""Rows of a longer text that show that it has no other column of numbers."""


def choose_close(table: Table, groups: Sequence[int], options: LayoutOptions) -> tuple[int, str]:
    """Return the close, and why it is that column; `groups` are those to group by.

    Raises LayoutError where no column is certain to be it.
    """
    if options.column is not None:
        return asked_column(table, options.column), ASKED
    if not table.is_named and table.lines:
        return _unnamed_close(table, groups, options)
    names = table.names or ()
    close = close_by_name(table)
    if close is None and not almost_closes(names) and not lasts(names):
        close = _only_candidate(table, groups, options)
    if close is None:
        raise no_close(table)
    return close


def _unnamed_close(table: Table, groups: Sequence[int], options: LayoutOptions) -> tuple[int, str]:
    numbers, _ = convention_of(table, None, options)
    time = table.time
    step = -1 if time.direction == BACKWARDS else 1
    columns = [
        np.array([float_of(text, numbers) for text in thinned(column, _NEAR)[::step]])
        if numeric and index not in {time.index, time.clock}
        else None
        for index, (column, numeric) in enumerate(zip(table.columns, table.numeric, strict=True))
    ]
    shaped, why = close_by_shape(columns)
    if shaped is not None:
        return shaped, why
    may_be_split = any(map(_may_be_halves, table.columns, table.columns[1:]))
    close = None
    if table.names is not None or not (table.has_preamble or may_be_split):
        close = _only_candidate(table, groups, options)
    if close is None:
        none = "there is no header line" if table.names is None else "the header has numbers for names"
        raise LayoutError(
            f"{table.name}, {table.at(0)}: {none}, and which field is the close is not certain:"
            f" {why}; the fields are {table.first_row}; name the close with `column=N`"
        )
    timeless = time.index is not None and kind(table.columns[time.index][0]) is Kind.MISSING
    if table.names is None and (timeless or table.columns[close[0]][:2].count("0") == 1):
        # pandas writes `,0` above the values of a series
        raise LayoutError(
            f"{table.name}, {table.at(0)}: this may be a row, or the names of the columns: {table.first_row};"
            f" say which with `header=True`, or with `header=False, column={close[0] + 1}`"
        )
    return close


def _may_be_halves(left: Sequence[str], right: Sequence[str]) -> bool:
    """Return whether two fields may be one number, split at its mark."""
    # `check_not_split` refuses only likely halves; without a header, possible halves are reason enough to ask
    return all(text.isdecimal() and len(text) < len("20240102") for text in left) and all(map(str.isdecimal, right))


def _only_candidate(table: Table, groups: Sequence[int], options: LayoutOptions) -> tuple[int, str] | None:
    """Return the only column that may be the close, if there is one; raises LayoutError where it holds no prices."""
    close = only_candidate(table, {table.time.index, table.time.clock, *groups})
    if close is None or not (table.is_complete or len(table.columns[close]) >= _FEWEST):
        return None
    if table.names is not None:
        check_alignment(table)
    numbers, _ = convention_of(table, close, options)
    values = [float_of(text, numbers) for text in table.columns[close][:_NEAR]]
    against = no_prices(values, named=table.names is not None)
    if against is not None:
        raise LayoutError(
            f"{table.name}: no column is named like a close, and {table.title(close)}, the only candidate, may not be"
            f" it: {against}; if it is the close, use `column={close + 1}`"
        )
    return close, ONLY_CANDIDATE
