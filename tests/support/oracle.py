"""The slow reference recomputes every window from the text, with `csv` and `Fraction`, and shares no code."""

from __future__ import annotations

import csv
import io
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MISSING = {"", "nan", "null", "na", "n/a", "none", "-", "#n/a"}


class Answer(NamedTuple):
    """The expected counts of a run."""

    rows: int
    missing: int
    signals: int


def closes_of(text: bytes, column: int, *, header: bool = True) -> list[Fraction | None]:
    """Return the closes of a well-formed comma-separated text; `column` counts from 0."""
    lines = io.StringIO(text.decode("utf-8-sig"), newline="")
    records = [record for record in csv.reader(lines) if record]
    return [number(record[column]) for record in records[header:]]


def number(text: str) -> Fraction | None:
    """Return the exact decimal number in a field."""
    return None if text.strip().lower() in MISSING else Fraction(text.strip())


def flags(closes: Sequence[Fraction | int | None], fast: int, slow: int, compare: str = "above") -> list[bool]:
    """Return whether each row has a signal, with all means recomputed."""
    sides = [_side(closes[: row + 1], fast, slow) for row in range(len(closes))]
    wanted = 1 if compare.endswith("above") else -1
    if not compare.startswith("cross_"):
        return [side == wanted for side in sides]
    return [now == wanted and before not in {None, wanted} for before, now in zip([None, *sides], sides, strict=False)]


def _side(past: Sequence[Fraction | int | None], fast: int, slow: int) -> int | None:
    """Return 1 if the fast mean is above the slow one, -1 if below, 0 for a tie, `None` if one is unknown."""
    window = past[-max(fast, slow) :]
    if len(window) < max(fast, slow) or None in window:
        return None
    known = [close for close in window if close is not None]
    difference = Fraction(sum(known[-fast:]), fast) - Fraction(sum(known[-slow:]), slow)
    return (difference > 0) - (difference < 0)


def answer(closes: list[Fraction | None], window: int) -> Answer:
    """Count "close above its mean over `window` rows"."""
    return Answer(len(closes), closes.count(None), sum(flags(closes, 1, window)))
