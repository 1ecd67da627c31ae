"""Which column holds the time, whether the rows run forwards or backwards in it, and which numbers are times."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from streamsig.csv.footers import has_time
from streamsig.fields.cells import Kind, kinds
from streamsig.fields.column_names import Role, compact, is_clock, roles, words
from streamsig.fields.numbers import MISSING
from streamsig.timestamps.grammar import are_times
from streamsig.timestamps.instants import Column, different_readings, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

FORWARDS, BACKWARDS, UNKNOWN = "oldest first", "newest first", "unknown"

_JUDGED = 100
_LONGEST = 80
_FEW = 3
_MOSTLY, _NEARLY_ALWAYS = 0.6, 0.9

_TIME_WORDS = frozenset({"date", "time", "timestamp", "datetime", "fecha", "datum", "data"})
_PERIODS = frozenset(
    {"year", "yr", "quarter", "month", "yearmonth", "yyyymm", "week", "period", "jahr", "quartal", "monat", "woche"}
    | {"annee", "mois", "ano", "anio", "mes", "anno", "rok", "god", "год", "年", "年份", "年月", "年度"}
)
"""Names of a column of years or months, which may be digits alone."""

_WHOLE = r"(\d{8}|\d{12}|\d{14}|\d{17})(?:\.0+)?"
"""As many digits as a date without marks has, or one with the time of day, down to milliseconds."""

_NUMBER = r"\d{9,19}(?:\.\d*)?|\d\.\d+[eE]\+?(?:9|1\d)"
_UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
_FIRST, _LAST = 315_532_800, 4_102_444_800
"""Seconds since 1970 from 1980 to 2100: numbers of one unit are never those of another."""

_FEWEST_DATES, _FEWEST_EPOCHS = 2, 3
_MANY = 30
"""Rows over which prices never only rise."""

_FEWEST_TIMED, _LONGER, _CHECKED, _MOSTLY_TIMED = 2, 4, 300, 0.75
"""Rows that a footer is below at least, its most records for each of them, and the texts that are checked."""

_AGAINST = 0.05
_USUAL = 0.5


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """The field that holds the time (`None` where none does), and which way the rows run.

    `clock` is a second field with the time of day of a date.
    """

    index: int | None = None
    clock: int | None = None
    direction: str = UNKNOWN


def find_time(names: Sequence[str] | None, columns: Sequence[Sequence[str]]) -> TimeColumn:
    """Return the first column of times that change, else the first column of times.

    `columns` holds the texts of each field, in file order. Rows that step backwards nearly always run from newest to
    oldest; series one after another, each forwards, do not.
    """
    first = TimeColumn()
    for index in _candidates(names, columns):
        clock = _clock(index, names, columns)
        texts = without_footer(columns[index])
        direction = None
        if clock is not None:
            pairs = zip(texts, columns[clock], strict=False)
            direction = _direction([f"{date.strip()} {time.strip()}" for date, time in pairs])
        if direction is None:
            clock, direction = None, _direction(texts)
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
    if named or seen or not columns:
        return named + seen
    if names is None:
        return [0] if _climbs(without_footer(columns[0])) else []
    # with a year and a month in separate columns, neither is a time
    periods = [index for index, name in enumerate(names[: len(columns)]) if compact(name) in _PERIODS]
    return periods if len(periods) == 1 else []


def _looks_like_time(texts: Sequence[str]) -> bool:
    rows = without_footer(texts)
    # a column of times has more rows than footer
    few = (rows if 2 * len(rows) >= len(texts) else texts)[:_JUDGED]
    return are_times([text for text, kind in zip(few, kinds(few), strict=True) if kind is not Kind.MISSING])


def _climbs(texts: Sequence[str]) -> bool:
    """Return whether whole numbers rise in every row, or fall in every row, as milliseconds of a day do."""
    if len(texts) < _FEW or not all(text.strip().isdecimal() and len(text) <= _LONGEST for text in texts):
        return False
    rises = [b > a for a, b in pairwise(map(int, texts))]
    falls = [b < a for a, b in pairwise(map(int, texts))]
    return all(rises) or all(falls)


def _clock(index: int, names: Sequence[str] | None, columns: Sequence[Sequence[str]]) -> int | None:
    """Return the column next to a date that holds the time of day."""
    if names is not None and len(names) == len(columns):
        if is_clock(names[index]):
            return None
        return next((i for i in (index + 1, index - 1) if 0 <= i < len(names) and is_clock(names[i])), None)
    following = columns[index + 1] if index + 1 < len(columns) else []
    if following and all(":" in text for text in following) and not any(":" in text for text in columns[index]):
        return index + 1
    return None


def _direction(texts: Sequence[str]) -> str | None:
    """Return which way times run under the steadiest reading; `None` where they are not times."""
    texts = [text for text in texts if text.strip()]
    column = Column.of(texts)
    best: tuple[float, str] | None = None
    for reading in different_readings(texts):
        times, readable = read(column, reading)
        known = times[readable]
        if not len(known) or len(known) < _NEARLY_ALWAYS * len(texts):
            continue
        steady, direction = _way(known)
        if best is None or steady > best[0]:
            best = steady, direction
        elif steady == best[0] and direction != best[1]:
            best = steady, UNKNOWN
    return best[1] if best else None


def _way(times: NDArray[np.int64]) -> tuple[float, str]:
    """Return how steadily times run one way, from 0 to 1, and which way; equal times are no steps.

    Where some neighbours are out of order, times half a column apart decide, if they agree.
    """
    forward, backward = _steps(times, 1)
    if not forward + backward:
        return 0.0, UNKNOWN
    steady = max(forward, backward) / (forward + backward)
    far = _steps(times, len(times) // 2)
    against, along = far if forward < backward else far[::-1]
    if steady < _NEARLY_ALWAYS and (steady < _MOSTLY or against or not along):
        return steady, UNKNOWN
    return steady, FORWARDS if forward > backward else BACKWARDS


def _steps(times: NDArray[np.int64], apart: int) -> tuple[int, int]:
    """Count the steps forward and backward between times that are `apart` rows from each other."""
    before, after = times[:-apart], times[apart:]
    return int((after > before).sum()), int((after < before).sum())


def dates_in(texts: Sequence[str], *, alone: bool) -> str | None:
    """Return which dates or times numbers are, `dates such as 20240102`; `None` where they may be prices.

    `alone` says that no other column holds the time. Epochs have to run one way, and in equal steps, over many rows, or
    alone: a fixed-point price may look like a single one.
    """
    first = next((text for text in map(str.strip, texts) if text.casefold() not in MISSING), "")
    if not re.fullmatch(f"{_WHOLE}|{_NUMBER}", first):
        return None
    given = [text for text in map(str.strip, texts) if text.casefold() not in MISSING]
    if len(given) >= _FEWEST_DATES and len(set(given)) > 1 and _are_dates(given):
        return f"dates such as {given[0]}"
    if len(given) < _FEWEST_EPOCHS or not all(re.fullmatch(_NUMBER, text) for text in given):
        return None
    values = [float(text) for text in given]
    unit = next((unit for unit, per in _UNITS.items() if all(_FIRST * per <= it < _LAST * per for it in values)), None)
    if unit is None or not _runs_one_way(values):
        return None
    steps = Counter(b - a for a, b in pairwise(values))
    regular = steps.most_common(1)[0][1] >= _USUAL * (len(values) - 1)
    return f"{unit} since 1970 such as {given[0]}" if alone or regular or len(values) >= _MANY else None


def _are_dates(texts: Sequence[str]) -> bool:
    if not all(re.fullmatch(_WHOLE, text) for text in texts):
        return False
    return bool(read(Column.of([text.partition(".")[0] for text in texts]), "ymd").readable.all())


def _runs_one_way(values: Sequence[float]) -> bool:
    rises = sum(b > a for a, b in pairwise(values))
    falls = sum(b < a for a, b in pairwise(values))
    return rises + falls > 0 and min(rises, falls) <= _AGAINST * (rises + falls)


def untimed_tail(texts: Sequence[str]) -> int:
    """Return the number of texts at the end that are not times."""
    return next((count for count, text in enumerate(reversed(texts)) if has_time(text)), len(texts))


def without_footer(texts: Sequence[str]) -> Sequence[str]:
    """Return a column that begins with a time without the texts at its end that are not; others come back unchanged.

    A footer has at least two rows above it, and at most four times as many records.
    """
    if not texts or has_time(texts[-1]) or not has_time(texts[0]):
        return texts
    tail = untimed_tail(texts)
    rows = len(texts) - tail
    return texts if rows < _FEWEST_TIMED or _LONGER * rows < tail else texts[:rows]


def are_timed(texts: Sequence[str]) -> bool:
    """Return whether most texts of a column are times, without those at its end that are not."""
    rows = texts[: len(texts) - untimed_tail(texts)]
    some = rows[:: len(rows) // _CHECKED + 1]
    return bool(some) and sum(map(has_time, some)) >= _MOSTLY_TIMED * len(some)
