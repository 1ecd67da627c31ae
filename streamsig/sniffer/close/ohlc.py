"""Which field is the close, where no header says so: four columns that behave as open, high, low, close.

Each sampled row either agrees with a reading or refutes it. A reading is taken only if nothing
refutes it, the rows refute every exchange of its high or low, and no other reading is left.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, NamedTuple

from numpy import median

if TYPE_CHECKING:
    from collections.abc import Sequence

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

Column = list[float]


class Verdict(NamedTuple):
    """The field that is the close, or `None`; `why` says what speaks for it, or what is in doubt."""

    close: int | None
    why: str


def close_by_shape(columns: Sequence[Column | None]) -> Verdict:
    """Return the last of the only four neighbouring columns that are open, high, low and close.

    `columns` holds the numbers of each field, the oldest row first, NaN where a row has none, and
    `None` for a field that is not numeric or tells the time.
    """
    found = [first for first in range(len(columns) - 3) if _are_bars(columns[first : first + 4])]
    if len(found) > 1:
        fields = ", ".join(str(first + 4) for first in found)
        return Verdict(None, f"more than one field could be it: {fields}")
    if not found:
        return Verdict(None, "no four columns in a row behave as open, high, low and close")
    first = found[0]
    bars = [column for column in columns[first : first + 4] if column is not None]
    if not _opens_follow_closes(bars[0], bars[3]):
        return Verdict(None, f"fields {first + 1} to {first + 4} are bars, but which is open and which is close?")
    rival = columns[first + 4] if first + 4 < len(columns) else None
    if rival is not None and not _beats(bars, rival):
        return Verdict(None, f"it could be field {first + 4} or {first + 5}")
    return Verdict(
        first + 3, f"fields {first + 1} to {first + 4} behave as open, high, low and close in all sampled rows"
    )


def _are_bars(four: Sequence[Column | None]) -> bool:
    opens, highs, lows, closes = four
    if opens is None or highs is None or lows is None or closes is None:
        return False
    rows = agreeing = moving = 0
    above_open = above_close = below_open = below_close = 0
    ratios = []
    for o, h, low, c in zip(opens, highs, lows, closes, strict=True):
        if isnan(o + h + low + c):
            continue
        rows += 1
        if not (low <= o <= h and low <= c <= h):
            continue
        agreeing += 1
        if h > low:
            moving += 1
            above_open += h > o
            above_close += h > c
            below_open += low < o
            below_close += low < c
            if low > 0:
                ratios.append(h / low)
    if rows - agreeing > _FAULTY * rows or moving < _MOVING:
        return False
    if ratios and median(ratios) > _WIDEST:
        return False
    return min(above_open, above_close, below_open, below_close) >= _REFUTING


def _opens_follow_closes(opens: Column, closes: Column) -> bool:
    """Tell whether rows open near the close before more often than they close near the open before.

    Columns in the order close, high, low, open exist as well, and pass every test within a row.
    """
    follows = against = 0
    for row in range(1, len(opens)):
        one, other = abs(opens[row] - closes[row - 1]), abs(closes[row] - opens[row - 1])
        follows += one < other
        against += other < one
    return follows >= _CLEARLY * against


def _beats(bars: Sequence[Column], rival: Column) -> bool:
    """Tell whether the column behind the bars is no second close (a last trade, a mean price)."""
    opens, highs, lows, closes = bars
    inside = differs = near = far = 0
    rows = 0
    for row, x in enumerate(rival):
        if isnan(x + highs[row] + lows[row] + closes[row]):
            continue
        rows += 1
        inside += lows[row] <= x <= highs[row]
        if x != closes[row]:
            differs += 1
            if row + 1 < len(opens):
                to_close, to_rival = abs(opens[row + 1] - closes[row]), abs(opens[row + 1] - x)
                near += to_close < to_rival
                far += to_rival < to_close
    return inside < 0.9 * rows or not differs or near > 4 * far
