"""Where the parts of a time stand in its text: year, month, hour and so on, or the digits of a number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import numpy as np

from streamsig.ingest.cells import month_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NUMBER = "number"
"""Seconds, milli-, micro- or nanoseconds since 1970: the coarsest of them that is before 2262."""

READINGS = (NUMBER, "ymd", "dmy", "mdy")
"""How the times of a column may be read: as numbers, or as dates of this order, with a time of day or without."""

SECOND = 10**9
_LARGEST = 2**63 - 1
_LONGEST = 80

_PARTS = re.compile(r"\d+|[^\W\d_]+")
_NUMBER = re.compile(r"(?P<sign>-?)(?P<whole>\d{1,19})(?:\.(?P<fraction>\d*))?")
_EXPONENT = re.compile(r"\d+(?:\.\d*)?[eE]\+?\d{1,2}")
_REMARK = re.compile(r"\s*\([^()]*\)$")
_ZONE = re.compile(r":\d\d(?:[.,]\d+)?\s*(?:UTC|GMT)?\s*(?P<zone>(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)?)$")
_CLOCK = re.compile(r"\d{1,2}:\d{2}")
_PACKED_DATE = {8: (), 10: (2,), 12: (2, 2), 14: (2, 2, 2), 17: (2, 2, 2, 3)}
_PACKED_CLOCK = {4: (2, 2), 5: (1, 2, 2), 6: (2, 2, 2), 9: (2, 2, 2, 3)}
_TWO_DIGITS, _PIVOT = 2, 70
_HALF_DAY, _DAY, _HOUR, _MONTHS = 12, 24, 60, 12
_YEARS = (1678, 2261)
"""What fits into nanoseconds of 64 bits, to whole years."""

Span = tuple[int, int]
Part = Span | int
Times = tuple["NDArray[np.int64]", "NDArray[np.bool_]"]


@dataclass(frozen=True, slots=True)
class _NumberShape:
    negative: bool
    whole: Span
    fraction: Span | None

    def read(self, matrix: NDArray[np.uint8]) -> Times:
        # 19 digits overflow int64, never uint64
        whole = np.zeros(len(matrix), np.uint64)
        for place in range(*self.whole):
            whole = whole * np.uint64(10) + (matrix[:, place] - ord("0")).astype(np.uint64)
        fraction = _fraction(matrix, self.fraction)
        readable = whole <= np.uint64(_LARGEST)
        signed = whole.astype(np.int64)
        times = np.zeros(len(matrix), np.int64)
        open_ = readable.copy()
        for unit in (SECOND, 10**6, 10**3, 1):
            fits = open_ & (signed < _LARGEST // unit)
            times[fits] = signed[fits] * unit + fraction[fits] // (SECOND // unit)
            open_ &= ~fits
        return (-times if self.negative else times), readable & ~open_


@dataclass(frozen=True, slots=True)
class _ExponentShape:
    def read(self, matrix: NDArray[np.uint8]) -> Times:
        # as a spreadsheet shows them: few digits, and seldom
        values = [int(Decimal(bytes(row).decode())) for row in matrix]
        readable = np.array([value < _LARGEST for value in values], np.bool_)
        numbers = np.array([value if value < _LARGEST else 0 for value in values], np.int64)
        digits = np.array([list(f"{number:019}".encode()) for number in numbers], np.uint8)
        times, fits = _NumberShape(negative=False, whole=(0, 19), fraction=None).read(digits)
        return times, fits & readable


@dataclass(frozen=True, slots=True)
class _DateShape:
    """Where the parts of a date and a time of day stand, or what they are."""

    year: Part
    month: Part
    day: Part
    hour: Part = 0
    minute: Part = 0
    second: Part = 0
    fraction: Span | None = None
    half: str = ""
    shift_seconds: int = 0

    def read(self, matrix: NDArray[np.uint8]) -> Times:
        year, month, day = (_value(matrix, part) for part in (self.year, self.month, self.day))
        hour, minute, second = (_value(matrix, part) for part in (self.hour, self.minute, self.second))
        if isinstance(self.year, tuple) and self.year[1] - self.year[0] <= _TWO_DIGITS:
            year = year + np.where(year < _PIVOT, 2000, 1900)
        if self.half:
            readable = (hour >= 1) & (hour <= _HALF_DAY)
            hour = hour % _HALF_DAY + (_HALF_DAY if self.half == "pm" else 0)
        else:
            readable = (hour < _DAY) | ((hour == _DAY) & (minute == 0) & (second == 0))
        readable &= (year >= _YEARS[0]) & (year <= _YEARS[1]) & (month >= 1) & (month <= _MONTHS)
        readable &= (minute < _HOUR) & (second <= _HOUR)
        months = np.where(readable, (year - 1970) * 12 + month - 1, 0)
        first, following = _day_of(months), _day_of(months + 1)
        readable &= (day >= 1) & (day <= following - first)
        seconds = (first + day - 1) * 86400 + hour * 3600 + minute * 60 + second - self.shift_seconds
        return np.where(readable, seconds * SECOND + _fraction(matrix, self.fraction), 0), readable


Shape = _NumberShape | _ExponentShape | _DateShape


def shape_of(text: str, reading: str) -> Shape | None:
    """Return where the parts of a time stand, as places of its bytes, or `None` where it is none in this reading."""
    if len(text) > _LONGEST:
        return None
    if reading != NUMBER:
        return _date_shape(text, reading)
    found = _NUMBER.fullmatch(text)
    if found:
        return _NumberShape(
            bool(found["sign"]), found.span("whole"), found.span("fraction") if found["fraction"] else None
        )
    return _ExponentShape() if _EXPONENT.fullmatch(text) else None


def _date_shape(text: str, order: str) -> _DateShape | None:
    body = _REMARK.sub("", text)
    zone, shift = _ZONE.search(body), 0
    if zone:
        shift = (int(zone["hours"]) * 60 + int(zone["minutes"] or 0)) * (-60 if zone["sign"] == "-" else 60)
        body = body[: zone.start("zone")]
    parts: list[Part] = []
    spelled: int | None = None
    half = ""
    for found in _PARTS.finditer(body):
        word = found[0]
        if word[0].isdecimal():
            if not word.isascii():
                return None
            parts.append(_octets(text, found.span()))
        elif spelled is None and not half and month_of(word):
            spelled = len(parts)
            parts.append(cast("int", month_of(word)))
        elif word.casefold() in {"am", "pm"}:
            half = word.casefold()
    date = _date_of(parts, order, spelled, body)
    if date is None:
        return None
    (year, month, day), count, packed = date
    clock = _clock_of(parts[count:], packed)
    if clock is None:
        return None
    hour, minute, second, fraction = clock
    return _DateShape(year, month, day, hour, minute, second, fraction, half, shift)


def _date_of(
    parts: list[Part], order: str, spelled: int | None, body: str
) -> tuple[tuple[Part, Part, Part], int, tuple[Span, ...]] | None:
    """Return year, month and day, how many parts they are, and the time of day that stands in one with them."""
    if not parts:
        return None
    if _CLOCK.match(body):
        return (1970, 1, 1), 0, ()
    first = parts[0]
    if isinstance(first, tuple) and spelled is None and first[1] - first[0] in _PACKED_DATE:
        start = first[0]
        packed = _split(start + 8, _PACKED_DATE[first[1] - start])
        return ((start, start + 4), (start + 4, start + 6), (start + 6, start + 8)), 1, packed
    if len(parts) < len("ymd"):
        return None
    stands = _order_of(parts, order, spelled, body)
    if stands is None:
        return None
    a, b, c = parts[:3]
    return {"ymd": (a, b, c), "dmy": (c, b, a), "mdy": (c, a, b)}[stands], 3, ()


def _order_of(parts: list[Part], order: str, spelled: int | None, body: str) -> str | None:
    """Return the order in which a date of three parts stands, if `order` allows for one."""
    a, _, c = parts[:3]
    if isinstance(c, tuple) and body.encode()[c[1] : c[1] + 1] == b":":
        # Mon Jan 04 09:30:00 2021: the year is elsewhere
        return None
    if _width(a) > _TWO_DIGITS or (order == "ymd" and _width(c) <= _TWO_DIGITS and spelled != 0):
        return "ymd"
    if (order == "dmy" and spelled != 0) or (order == "mdy" and spelled in {0, None}):
        return order
    return None


def _clock_of(parts: Sequence[Part], packed: tuple[Span, ...]) -> tuple[Part, Part, Part, Span | None] | None:
    """Return hour, minute, second and fraction, or `None` where it is no time of day."""
    spans = [*packed, *(part for part in parts if isinstance(part, tuple))]
    if spans and not packed:
        start, width = spans[0][0], spans[0][1] - spans[0][0]
        if width in _PACKED_CLOCK:
            spans[:1] = _split(start, _PACKED_CLOCK[width])
        elif width > _TWO_DIGITS:
            return None
    if any(stop - start > _TWO_DIGITS for start, stop in spans[:3]) or len(spans) > len("hmsf"):
        return None
    clock: list[Part] = [*spans[:3], 0, 0, 0]
    hour, minute, second = clock[:3]
    return hour, minute, second, spans[3] if len(spans) > len("hms") else None


def _split(start: int, widths: Sequence[int]) -> tuple[Span, ...]:
    spans = []
    for width in widths:
        spans.append((start, start + width))
        start += width
    return tuple(spans)


def _width(part: Part) -> int:
    return part[1] - part[0] if isinstance(part, tuple) else 1


def _octets(text: str, span: Span) -> Span:
    start = len(text[: span[0]].encode())
    return start, start + span[1] - span[0]


def _value(matrix: NDArray[np.uint8], part: Part) -> NDArray[np.int64]:
    if isinstance(part, int):
        return np.full(len(matrix), part, np.int64)
    value = np.zeros(len(matrix), np.int64)
    for place in range(*part):
        value = value * 10 + (matrix[:, place] - ord("0")).astype(np.int64)
    return value


def _fraction(matrix: NDArray[np.uint8], span: Span | None) -> NDArray[np.int64]:
    """Return nanoseconds; what is finer is cut off."""
    if span is None:
        return np.zeros(len(matrix), np.int64)
    start, stop = span[0], min(span[1], span[0] + 9)
    nanoseconds: NDArray[np.int64] = _value(matrix, (start, stop)) * 10 ** (9 - (stop - start))
    return nanoseconds


def _day_of(months: NDArray[np.int64]) -> NDArray[np.int64]:
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
