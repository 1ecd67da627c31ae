"""Vendors' formats for instants, and the part of an instant that each preserves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (files name no zone)


def seconds(time: datetime) -> int:
    """Return the whole seconds since 1970."""
    return (time - EPOCH) // timedelta(seconds=1)


def with_offset(time: datetime) -> str:
    """Write local time and the UTC offset of a zone with summer time from April to September."""
    hours = 3 if 4 <= time.month <= 9 else 2
    return (time + timedelta(hours=hours)).isoformat(" ") + f"+0{hours}:00"


def with_name(time: datetime) -> str:
    """Write local time and the name of its zone, which changes in summer."""
    hours, name = (-4, "EDT") if 4 <= time.month <= 9 else (-5, "EST")
    return f"{time + timedelta(hours=hours):%Y-%m-%d %H:%M:%S} {name}"


def west_of_utc(time: datetime) -> str:
    """Write local time and a UTC offset without a colon."""
    return (time - timedelta(hours=3, minutes=30)).strftime("%d/%b/%Y:%H:%M:%S") + " -0330"


def _minute(time: datetime) -> datetime:
    return time.replace(second=0)


def _day(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0)


def _month(time: datetime) -> datetime:
    return _day(time).replace(day=1)


def _quarter(time: datetime) -> datetime:
    return _month(time).replace(month=(time.month + 2) // 3 * 3 - 2)


def _half_year(time: datetime) -> datetime:
    return _month(time).replace(month=1 if time.month < 7 else 7)


def _year(time: datetime) -> datetime:
    return _month(time).replace(month=1)


def _week(time: datetime) -> datetime:
    return _day(time) - timedelta(days=time.weekday())


def _second(time: datetime) -> datetime:
    return time


def _of_quarter(time: datetime) -> int:
    return (time.month + 2) // 3


Form = tuple["Callable[[datetime], str]", "Callable[[datetime], datetime]"]

INSTANTS: dict[str, Form] = {
    "ISO": (lambda it: it.isoformat(" "), _second),
    "T and zone": (lambda it: it.isoformat() + ".000Z", _second),
    "offset": (lambda it: (it + timedelta(hours=2)).isoformat(" ") + "+02:00", _second),
    "offsets of summer and winter": (with_offset, _second),
    "names of summer and winter": (with_name, _second),
    "offset without a colon": (west_of_utc, _second),
    "offset and zone": (lambda it: it.isoformat() + "+00:00[Europe/London]", _second),
    "zone by name": (lambda it: it.isoformat(" ") + " America/New_York", _second),
    "minutes": (lambda it: it.strftime("%Y.%m.%d %H:%M"), _minute),
    "slashes": (lambda it: f"{it.year}/{it.month}/{it.day} {it.hour}:{it.minute:02}", _minute),
    "day first": (lambda it: it.strftime("%d.%m.%Y %H:%M:%S"), _second),
    "month first": (lambda it: it.strftime("%m/%d/%Y %I:%M:%S %p"), _second),
    "short year": (lambda it: it.strftime("%m/%d/%y %H:%M"), _minute),
    "month by name": (lambda it: it.strftime("%d-%b-%Y %H:%M:%S"), _second),
    "English": (lambda it: it.strftime("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)"), _second),
    "unix": (lambda it: it.strftime("%a %b %d %H:%M:%S %Y"), _second),
    "hour and half": (
        lambda it: it.strftime("%Y-%m-%d %I-%p") if it.minute == 0 else it.strftime("%Y-%m-%d %I:%M %p"),
        _minute,
    ),
    "packed": (lambda it: it.strftime("%Y%m%d %H%M%S"), _second),
    "packed whole": (lambda it: it.strftime("%Y%m%d%H%M%S"), _second),
    "Korean": (lambda it: it.strftime("%Y년 %m월 %d일 %H:%M"), _minute),
    "seconds": (lambda it: str(seconds(it)), _second),
    "milliseconds": (lambda it: str(seconds(it) * 1000), _second),
    "microseconds": (lambda it: str(seconds(it) * 10**6), _second),
    "nanoseconds": (lambda it: str(seconds(it) * 10**9), _second),
    "fractions": (lambda it: f"{seconds(it)}.0", _second),
}
"""Formats with a time of day: how an instant is written, and the part that is preserved."""

DAYS: dict[str, Form] = {
    "ISO day": (lambda it: it.strftime("%Y-%m-%d"), _day),
    "packed day": (lambda it: it.strftime("%Y%m%d"), _day),
    "American day": (lambda it: it.strftime("%m/%d/%Y"), _day),
    "German day": (lambda it: f"{it.day}. {it.month}. {it.year}", _day),
    "British day": (lambda it: it.strftime("%d/%m/%y"), _day),
    "English day": (lambda it: it.strftime("%b %d, %Y"), _day),
    "SAS day": (lambda it: it.strftime("%d%b%Y").upper(), _day),
    "underscored day": (lambda it: it.strftime("%Y_%m_%d"), _day),
    "spaced day": (lambda it: it.strftime("%Y %m %d"), _day),
    "day of the year": (lambda it: it.strftime("%Y-%j"), _day),
    "digits of a day of the year": (lambda it: it.strftime("%Y%j"), _day),
    "day of a week": (lambda it: it.strftime("%G-W%V-%u"), _day),
}

PERIODS: dict[str, Form] = {
    "week": (lambda it: it.strftime("%G-W%V"), _week),
    "packed week": (lambda it: it.strftime("%GW%V"), _week),
    "German week": (lambda it: it.strftime("KW %V/%G"), _week),
    "month": (lambda it: it.strftime("%Y-%m"), _month),
    "month without a zero": (lambda it: f"{it.year}-{it.month}", _month),
    "digits of a month": (lambda it: it.strftime("%Y%m"), _month),
    "month first": (lambda it: it.strftime("%m/%Y"), _month),
    "month with M": (lambda it: it.strftime("%YM%m"), _month),
    "month with a dash and M": (lambda it: it.strftime("%Y-M%m"), _month),
    "Chinese month": (lambda it: f"{it.year}年{it.month}月", _month),
    "month by name": (lambda it: it.strftime("%b %Y"), _month),
    "month by its whole name": (lambda it: it.strftime("%B %Y"), _month),
    "month by name, short year": (lambda it: it.strftime("%b %y"), _month),
    "month by name, dash and short year": (lambda it: it.strftime("%b-%y"), _month),
    "short year and month by name": (lambda it: it.strftime("%y-%b"), _month),
    "year and month by name": (lambda it: it.strftime("%Y %b").upper(), _month),
    "quarter": (lambda it: f"{it.year}Q{_of_quarter(it)}", _quarter),
    "quarter with a dash": (lambda it: f"{it.year}-Q{_of_quarter(it)}", _quarter),
    "quarter first": (lambda it: f"Q{_of_quarter(it)} {it.year}", _quarter),
    "French quarter": (lambda it: f"T{_of_quarter(it)} {it.year}", _quarter),
    "short quarter": (lambda it: f"{_of_quarter(it)}Q{it:%y}", _quarter),
    "fiscal quarter": (lambda it: f"Q{_of_quarter(it)} FY{it.year}", _quarter),
    "short fiscal quarter": (lambda it: f"FY{it:%y}Q{_of_quarter(it)}", _quarter),
    "quarter by its name": (lambda it: f"Quarter {_of_quarter(it)} {it.year}", _quarter),
    "German quarter": (lambda it: f"{_of_quarter(it)}. Quartal {it.year}", _quarter),
    "half a year": (lambda it: f"{it.year}H{1 + it.month // 7}", _half_year),
    "year": (lambda it: str(it.year), _year),
}

ALL = {**INSTANTS, **DAYS, **{f"period: {name}": form for name, form in PERIODS.items()}}
