"""Which column tells the time, and whether the rows run forwards or backwards in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from streamsig.ingest.cells import Kind, kinds, month_of
from streamsig.ingest.names import Role, is_clock, roles, words

if TYPE_CHECKING:
    from collections.abc import Sequence

OLDEST_FIRST, NEWEST_FIRST, UNKNOWN = "oldest first", "newest first", "unknown"

RUNS_BACKWARDS = (
    "rows run from newest to oldest: windows look at later rows;"
    " use --order newest-first to count each row's window over the rows before it in time"
)
"""What to say of a file that is newest first."""

_JUDGED = 100
_LONGEST = 80
_FEW = 3
_NEARLY_ALWAYS = 0.9
_PARTS = re.compile(r"\d+|[^\W\d_]+")
_NUMBER = re.compile(r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
_EPOCH = re.compile(r"\d{9,19}(?:\.\d*)?|\d\.\d+[eE]\+?1\d|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
"""Seconds, milli-, micro- or nanoseconds since 1970, also as a spreadsheet shows them, and dates without marks."""
_UNMARKED = re.compile(r"\d{8}(?!\d)|\d{1,2}:\d{2}")
"""20190101 170200, or a time of day alone: its numbers sort as they stand."""

_MONTHS, _DAYS, _HALF_DAY, _TWO_DIGITS, _PIVOT = 12, 31, 12, 2, 70
_TIME_WORDS = frozenset({"date", "time", "timestamp", "datetime", "fecha", "datum", "data"})
_ORDERS = ("ymd", "dmy", "mdy")

Key = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """The field that tells the time (`None` where none does), and which way the rows run.

    `clock` is a second field with the time of day of a date.
    """

    index: int | None = None
    clock: int | None = None
    direction: str = UNKNOWN


def find_time(names: Sequence[str] | None, columns: Sequence[Sequence[str]]) -> TimeColumn:
    """Return the first column that tells the time and moves, else the first that tells it.

    `columns` holds the texts of each field, in file order. Rows that step backwards nearly always run from newest to
    oldest; series one after another, each forwards, do not.
    """
    first = TimeColumn()
    for index in _candidates(names, columns):
        clock = _clock(index, names, columns)
        texts = columns[index]
        if clock is not None:
            texts = [f"{date.strip()} {time.strip()}" for date, time in zip(texts, columns[clock], strict=True)]
        direction = _direction(texts)
        if direction is None:
            continue
        if direction != UNKNOWN:
            return TimeColumn(index, clock, direction)
        if first.index is None:
            first = TimeColumn(index, clock, direction)
    return first


def _candidates(names: Sequence[str] | None, columns: Sequence[Sequence[str]]) -> list[int]:
    named: list[int] = []
    if names is not None and len(names) == len(columns):
        named = [index for index, role in enumerate(roles(names)) if role is Role.TIME]
        named += [i for i, each in enumerate(names) if i not in named and _TIME_WORDS.intersection(words(each))]
        # a date comes before the time of day
        named.sort(key=lambda index: is_clock(names[index]))
    seen = [index for index, texts in enumerate(columns) if index not in named and _looks_like_time(texts)]
    if not named and not seen and names is None and columns and _climbs(columns[0]):
        return [0]
    return named + seen


def _looks_like_time(texts: Sequence[str]) -> bool:
    few = texts[:_JUDGED]
    told = [(text, kind) for text, kind in zip(few, kinds(few), strict=True) if kind is not Kind.MISSING]
    times = sum(kind is Kind.TIME or _EPOCH.fullmatch(text.strip()) is not None for text, kind in told)
    return bool(told) and times >= _NEARLY_ALWAYS * len(told)


def _climbs(texts: Sequence[str]) -> bool:
    """Tell whether whole numbers rise from row to row, or fall, as milliseconds of a day do."""
    if len(texts) < _FEW or not all(text.strip().isdecimal() and len(text) <= _LONGEST for text in texts):
        return False
    rises = [b > a for a, b in pairwise(map(int, texts))]
    falls = [b < a for a, b in pairwise(map(int, texts))]
    return all(rises) or all(falls)


def _clock(index: int, names: Sequence[str] | None, columns: Sequence[Sequence[str]]) -> int | None:
    """Return the column beside a date that holds the time of day."""
    if names is not None and len(names) == len(columns):
        if is_clock(names[index]):
            return None
        return next((i for i in (index + 1, index - 1) if 0 <= i < len(names) and is_clock(names[i])), None)
    following = columns[index + 1] if index + 1 < len(columns) else []
    if following and all(":" in text for text in following) and not any(":" in text for text in columns[index]):
        return index + 1
    return None


def _direction(texts: Sequence[str]) -> str | None:
    """Return which way times run, under the reading that is steadiest; `None` where they are no times."""
    told = [text.strip() for text in texts if text.strip()]
    best: tuple[float, str] | None = None
    # a year in front leaves nothing to try
    for order in _ORDERS[:1] if all(text[:4].isdecimal() for text in told) else _ORDERS:
        keys = [_key(text, order) for text in told]
        known = [key for key in keys if key is not None]
        if len(known) < _NEARLY_ALWAYS * len(told) or not known:
            continue
        forward = sum(a < b for a, b in pairwise(known))
        backward = sum(a > b for a, b in pairwise(known))
        steady = max(forward, backward) / (forward + backward) if forward + backward else 0.0
        direction = UNKNOWN
        if steady >= _NEARLY_ALWAYS:
            direction = OLDEST_FIRST if forward > backward else NEWEST_FIRST
        if best is None or steady > best[0]:
            best = steady, direction
        elif steady == best[0] and direction != best[1]:
            best = steady, UNKNOWN
    return best[1] if best else None


def _key(text: str, order: str) -> Key | None:
    """Return something that sorts as the times do, or `None` where the text is no time in this order."""
    if len(text) > _LONGEST:
        return None
    if _NUMBER.fullmatch(text):
        return (float(text),)
    parts: list[str] = _PARTS.findall(text)
    numbers: list[str] = []
    spelled = None
    half = ""
    for part in parts:
        if part[0].isdecimal():
            numbers.append(part)
        elif spelled is None and month_of(part):
            spelled = len(numbers)
            numbers.append(str(month_of(part)))
        elif part.casefold() in {"pm", "am"}:
            half = part.casefold()
    if not numbers:
        return None
    if _UNMARKED.match(text):
        return tuple(map(float, numbers))
    return _dated(numbers, order, spelled, half) if len(numbers) >= len(order) else None


def _dated(numbers: list[str], order: str, spelled: int | None, half: str) -> Key | None:
    """Return the key of a date whose numbers stand in `order`; `spelled` is the place of a month in letters."""
    a, b, c = numbers[:3]
    if len(a) > _TWO_DIGITS or (order == "ymd" and len(c) <= _TWO_DIGITS and spelled != 0):
        year, month, day = a, b, c
    elif order == "dmy" and spelled != 0:
        year, month, day = c, b, a
    elif order == "mdy" and spelled in {0, None}:
        year, month, day = c, a, b
    else:
        return None
    if not (1 <= int(month) <= _MONTHS and 1 <= int(day) <= _DAYS):
        return None
    clock = [float(each) for each in numbers[3:6]]
    if half and clock:
        clock[0] = clock[0] % _HALF_DAY + (_HALF_DAY if half == "pm" else 0)
    fraction = [float(f"0.{each}") for each in numbers[6:7]]
    century = 0 if len(year) > _TWO_DIGITS else 2000 if int(year) < _PIVOT else 1900
    return (float(century + int(year)), float(month), float(day), *clock, *fraction)
