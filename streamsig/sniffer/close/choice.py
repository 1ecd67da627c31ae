"""Which field is the close, by the names of the fields and, where no name is that of a close, by what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamsig.errors import LayoutError
from streamsig.fields.cells import Kind, kind
from streamsig.fields.column_names import almost_closes, lasts
from streamsig.sniffer.checks.values import check_no_book
from streamsig.sniffer.close.by_name import check_alignment, close_by_name, column_title, no_close, numbered
from streamsig.sniffer.close.candidate import ONLY_CANDIDATE, no_prices, only_candidate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamsig.sniffer.header import Body
    from streamsig.sniffer.time_column import TimeColumn

_FEWEST = 20
"""Records of a longer text that show that it has no other column of numbers."""


class Fields(NamedTuple):
    """What is known about the fields before the close is chosen.

    `texts` holds the sampled texts of each field, `numeric` says which are numbers, `groups` are those to group by;
    `whole` says that the sample is the whole table.
    """

    body: Body
    texts: Sequence[Sequence[str]]
    numeric: Sequence[bool]
    time: TimeColumn
    groups: Sequence[int]
    whole: bool
    name: str

    def column_name(self, index: int) -> str:
        """Name a field for a message: `column 5 "close"`."""
        return column_title(self.body.names, index)


def named_close(fields: Fields, values: Callable[[int], Sequence[float]]) -> tuple[int, str]:
    """Return the close of a table with a header, and why it is that one; `values` returns the numbers of a field.

    Raises `LayoutError` where no column is certain to be it.
    """
    body, name = fields.body, fields.name
    names = body.names or ()
    close = close_by_name(body, fields.numeric, name)
    if close is None and not almost_closes(names) and not lasts(names):
        close = _only_candidate(fields, values)
    if close is None:
        raise no_close(body, name)
    check_no_book(body, fields.texts, close[0], fields.groups, name)
    return close


def unnamed_close(fields: Fields, values: Callable[[int], Sequence[float]]) -> tuple[int, str] | None:
    """Return the close of a table whose header, if it has one, names nothing; `None` where none is certain."""
    body, time = fields.body, fields.time.index
    if body.names is None and (body.preamble or any(map(_may_be_halves, fields.texts, fields.texts[1:]))):
        return None
    first = body.records[0]
    timeless = time is not None and kind(fields.texts[time][0]) is Kind.MISSING
    close = _only_candidate(fields, values)
    if close is not None and body.names is None and (timeless or fields.texts[close[0]][:2].count("0") == 1):
        # pandas writes `,0` above the values of a series
        raise LayoutError(
            f"{fields.name}, line {first.line}: this may be a row, or the names of the columns:"
            f" {numbered(first.fields)}; say which with `header=True`, or with `header=False, column={close[0] + 1}`"
        )
    return close


def _may_be_halves(left: Sequence[str], right: Sequence[str]) -> bool:
    """Return whether two fields may be one number, split at its mark."""
    # `check_not_split` refuses only likely halves; without a header, possible halves are reason enough to ask
    return all(text.isdecimal() and len(text) < len("20240102") for text in left) and all(map(str.isdecimal, right))


def _only_candidate(fields: Fields, values: Callable[[int], Sequence[float]]) -> tuple[int, str] | None:
    """Return the only column that may be the close, if there is one; raises `LayoutError` where it holds no prices."""
    time, body = fields.time, fields.body
    close = only_candidate(body.names, fields.texts, fields.numeric, {time.index, time.clock, *fields.groups})
    if close is None or not (fields.whole or len(fields.texts[close]) >= _FEWEST):
        return None
    if body.names is not None:
        check_alignment(body, fields.name)
    check_prices(fields, close, values(close))
    return close, ONLY_CANDIDATE


def check_prices(fields: Fields, close: int, values: Sequence[float]) -> None:
    """Raise `LayoutError` where the numbers of the only candidate cannot be prices."""
    against = no_prices(values, named=fields.body.names is not None)
    if against is not None:
        raise LayoutError(
            f"{fields.name}: no column is named like a close, and {fields.column_name(close)}, the only candidate, may"
            f" not be it: {against}; if it is the close, use `column={close + 1}`"
        )
