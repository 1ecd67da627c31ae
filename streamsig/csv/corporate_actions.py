"""Rows of a dividend or a split: no close, and a text in another column of prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.csv.closes import read_closes
from streamsig.fields.cells import Kind, kind, kinds
from streamsig.fields.column_names import Role, roles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamsig.fields.numbers import NumberFormat
    from streamsig.native.text_kernels import Cells

REASON = "not a row of prices: it has a text here and no close"
_BARS = frozenset({Role.OPEN, Role.HIGH, Role.LOW})


class Actions(NamedTuple):
    """Rows that are not prices, ascending, and the index of the column with the text."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


NO_ACTIONS = Actions(np.empty(0, np.intp), np.empty(0, np.intp))


def is_action(text: str, numbers: NumberFormat) -> bool:
    """Return whether a text among prices is neither a number nor missing."""
    return not numbers.fits(text) and kind(text) not in {Kind.NUMBER, Kind.MISSING} and not numbers.is_missing(text)


def price_columns(names: Sequence[str] | None, texts: Sequence[Sequence[str]], close: int) -> tuple[int, ...]:
    """Return the columns named open, high and low with numbers in all sampled rows that have a close."""
    if close >= len(texts):
        return ()
    known = roles(names or ())[: len(texts)]
    rows = [row for row, look in enumerate(kinds(texts[close])) if look is not Kind.MISSING]
    bars = [i for i, role in enumerate(known) if role in _BARS and i != close]
    return tuple(i for i in bars if _are_numbers([texts[i][row] for row in rows]))


def find_actions(columns: Sequence[Cells], rows: NDArray[np.intp], numbers: NumberFormat, scale: int) -> Actions:
    """Return which of the rows, all without a close, have a text in a column; `scale` is only a hint."""
    where = np.full(len(rows), -1, np.intp)
    for place, column in enumerate(columns):
        bad = read_closes(column.take(rows), numbers, scale).bad
        texts = np.array([is_action(text, numbers) for text in bad.texts], np.bool_)
        with_text = bad.rows[texts[bad.which]]
        where[with_text[where[with_text] < 0]] = place
    places = np.flatnonzero(where >= 0)
    return Actions(rows[places], where[places])


def _are_numbers(texts: Sequence[str]) -> bool:
    looks = set(kinds(texts))
    return Kind.NUMBER in looks and looks <= {Kind.NUMBER, Kind.MISSING}
