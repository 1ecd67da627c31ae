"""Rows of a dividend or a split: no close, and a text in another column of prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamsig.fields.cells import Kind, kind
from streamsig.fields.closes import BadCells, read_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamsig.fields.numbers import NumberFormat
    from streamsig.native.text_kernels import Cells

REASON = "not a row of prices: it has a text here and no close"


def is_action(text: str, numbers: NumberFormat) -> bool:
    """Return whether a text among prices is neither a number nor missing."""
    return not numbers.fits(text) and kind(text) not in {Kind.NUMBER, Kind.MISSING} and not numbers.is_missing(text)


def find_actions(column: Cells, rows: NDArray[np.intp], numbers: NumberFormat, scale: int) -> BadCells:
    """Return the cells of the rows, all without a close, that are texts among prices; `scale` is only a hint."""
    bad = read_cells(column.take(rows), numbers, scale).bad
    found = np.array([is_action(text, numbers) for text in bad.texts], np.bool_)[bad.which]
    return bad._replace(rows=rows[bad.rows[found]], which=bad.which[found])
