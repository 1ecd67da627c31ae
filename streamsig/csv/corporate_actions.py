"""Rows of a dividend or a split: no close, and a text in another column of prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamsig.fields.cells import Kind, kind, kinds
from streamsig.fields.closes import Bad, read_closes
from streamsig.fields.column_names import Role, roles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamsig.fields.numbers import NumberFormat
    from streamsig.native.text_kernels import Cells

REASON = "not a row of prices: it has a text here and no close"
_BARS = frozenset({Role.OPEN, Role.HIGH, Role.LOW})


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


def find_actions(column: Cells, rows: NDArray[np.intp], numbers: NumberFormat, scale: int) -> Bad:
    """Return the cells of the rows, all without a close, that are texts among prices; `scale` is only a hint."""
    bad = read_closes(column.take(rows), numbers, scale).bad
    found = np.array([is_action(text, numbers) for text in bad.texts], np.bool_)[bad.which]
    return bad._replace(rows=rows[bad.rows[found]], which=bad.which[found])


def _are_numbers(texts: Sequence[str]) -> bool:
    looks = set(kinds(texts))
    return Kind.NUMBER in looks and looks <= {Kind.NUMBER, Kind.MISSING}
