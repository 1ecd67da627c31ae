"""Which field is the close, where no header says so: four columns that behave as open, high, low, close.

Each sampled row either agrees with a reading or refutes it. A reading is taken only if nothing
refutes it, the rows refute every exchange of its high or low, and no other reading is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Column = NDArray[np.float64]

_MOVING = 8
"""Rows with high above low that are needed to judge."""

_REFUTING = 4
"""Rows that have to speak against each other column being the high, or the low."""

_FAULTY = 0.002
"""Share of rows that may contradict a reading: real files hold wrong ticks."""

_WIDEST = 2.0
"""Highest usual ratio of high to low: prices of one row are near to each other, volumes are not."""

_CLEARLY = 1.25
"""How much more often a row has to open near the last close than the other way round."""

_INSIDE, _NEAR = 0.9, 4
"""Share of rows in which a second close lies within the bar; how much nearer the next row has to open to the first."""


@np.errstate(invalid="ignore")
def close_by_shape(columns: Sequence[Column | None]) -> tuple[int | None, str]:
    """Return the last of the only four neighbouring columns that are open, high, low and close, and what speaks for it.

    `columns` holds the numbers of each field, the oldest row first, NaN where a row has none, and `None` for a field
    that is not numeric or holds the time. Returns `None`, and what is in doubt, where no column is certain.
    """
    starts = [first for first in range(len(columns) - 3) if _are_bars(columns[first : first + 4])]
    if len(starts) > 1:
        fields = ", ".join(str(first + 4) for first in starts)
        return None, f"more than one field could be it: {fields}"
    if not starts:
        return None, "no four columns in a row behave as open, high, low and close"
    first = starts[0]
    bars = [column for column in columns[first : first + 4] if column is not None]
    if not _opens_follow_closes(bars[0], bars[3]):
        return None, f"fields {first + 1} to {first + 4} are bars, but which is open and which is close?"
    rival = columns[first + 4] if first + 4 < len(columns) else None
    if rival is not None and not _beats(bars, rival):
        return None, f"it could be field {first + 4} or {first + 5}"
    return first + 3, f"fields {first + 1} to {first + 4} behave as open, high, low and close in all sampled rows"


def _are_bars(four: Sequence[Column | None]) -> bool:
    bars = [column for column in four if column is not None]
    if len(bars) < len(four):
        return False
    known = ~np.isnan(sum(bars))
    opens, highs, lows, closes = (column[known] for column in bars)
    agrees = (np.maximum(opens, closes) <= highs) & (np.minimum(opens, closes) >= lows)
    moving = agrees & (highs > lows)
    if np.count_nonzero(~agrees) > _FAULTY * len(agrees) or np.count_nonzero(moving) < _MOVING:
        return False
    opens, highs, lows, closes = (column[moving] for column in (opens, highs, lows, closes))
    # np.median would import numpy.ma, which takes a tenth of the start of the program
    ratios = np.sort(highs[lows > 0] / lows[lows > 0])
    if len(ratios) and ratios[len(ratios) // 2] > _WIDEST:
        return False
    refuting = (highs > opens, highs > closes, lows < opens, lows < closes)
    return bool(min(map(np.count_nonzero, refuting)) >= _REFUTING)


def _opens_follow_closes(opens: Column, closes: Column) -> bool:
    """Return whether rows open near the close before more often than they close near the open before.

    Columns in the order close, high, low, open exist as well, and pass every test within a row.
    """
    one, other = np.abs(opens[1:] - closes[:-1]), np.abs(closes[1:] - opens[:-1])
    return bool(np.count_nonzero(one < other) >= _CLEARLY * np.count_nonzero(other < one))


def _beats(bars: Sequence[Column], rival: Column) -> bool:
    """Return whether the column after the bars is not a second close (a last trade, a mean price)."""
    opens, highs, lows, closes = bars
    known = ~np.isnan(rival + closes + highs + lows)
    inside = np.count_nonzero(known & (lows <= rival) & (rival <= highs))
    differs = known & (rival != closes)
    to_close, to_rival = np.abs(opens[1:] - closes[:-1]), np.abs(opens[1:] - rival[:-1])
    near = np.count_nonzero(differs[:-1] & (to_close < to_rival))
    far = np.count_nonzero(differs[:-1] & (to_rival < to_close))
    return bool(inside < _INSIDE * np.count_nonzero(known) or not differs.any() or near > _NEAR * far)
