"""The slow reference: recomputes every window from the text, with `csv` and `Fraction`, sharing no code."""

from __future__ import annotations

import csv
import io
from fractions import Fraction
from typing import NamedTuple

MISSING = {"", "nan", "null", "na", "n/a", "none", "-", "#n/a"}


class Answer(NamedTuple):
    """What a run must find."""

    rows: int
    missing: int
    signals: int


def closes_of(text: bytes, column: int, *, header: bool = True) -> list[Fraction | None]:
    """Return the closes of a well-formed comma-separated text; `column` counts from 0."""
    lines = io.StringIO(text.decode("utf-8-sig"), newline="")
    records = [record for record in csv.reader(lines) if record]
    return [number(record[column]) for record in records[header:]]


def number(text: str) -> Fraction | None:
    """Return the decimal number that a field is, exactly."""
    return None if text.strip().lower() in MISSING else Fraction(text.strip())


def flags(closes: list[Fraction | None], fast: int, slow: int) -> list[bool]:
    """Tell for each row whether `sma(fast) > sma(slow)`, recomputing both from nothing."""
    return [_signal(closes[: row + 1], fast, slow) for row in range(len(closes))]


def _signal(past: list[Fraction | None], fast: int, slow: int) -> bool:
    window = past[-max(fast, slow) :]
    if len(window) < max(fast, slow) or None in window:
        return False
    known = [close for close in window if close is not None]
    return sum(known[-fast:]) / fast > sum(known[-slow:]) / slow


def answer(closes: list[Fraction | None], window: int) -> Answer:
    """Count "close above its mean over `window` rows"."""
    return Answer(len(closes), closes.count(None), sum(flags(closes, 1, window)))
