"""How vendors write times, and the part of a time that each form preserves."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (files name no zone)


class Form(NamedTuple):
    """`write` returns the text of a time, `part` the instant that the text represents."""

    write: Callable[[datetime], str]
    part: Callable[[datetime], datetime]


def seconds(time: datetime) -> int:
    """Return the whole seconds since 1970."""
    return (time - EPOCH) // timedelta(seconds=1)


def _write(template: str, time: datetime) -> str:
    """Fill in a template; the names of places stand for local time there, with summer time from April to September."""
    is_summer = 4 <= time.month <= 9
    return template.format(
        t=time,
        seconds=seconds(time),
        month=f"{time:%b}".upper(),
        quarter=(time.month + 2) // 3,
        half=1 + time.month // 7,
        cairo=time + timedelta(hours=3 if is_summer else 2),
        cairo_hours=3 if is_summer else 2,
        new_york=time - timedelta(hours=4 if is_summer else 5),
        new_york_zone="EDT" if is_summer else "EST",
        newfoundland=time - timedelta(hours=3, minutes=30),
        paris=time + timedelta(hours=2),
    )


def _hour_or_minute(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %I-%p" if time.minute == 0 else "%Y-%m-%d %I:%M %p")


def _minute(time: datetime) -> datetime:
    return time.replace(second=0)


def _day(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0)


def _week(time: datetime) -> datetime:
    return _day(time) - timedelta(days=time.weekday())


def _months(number: int, time: datetime) -> datetime:
    """Return the start of the period of so many months, counted from January."""
    return _day(time).replace(month=(time.month - 1) // number * number + 1, day=1)


def _forms(part: Callable[[datetime], datetime], templates: Mapping[str, str]) -> dict[str, Form]:
    return {name: Form(partial(_write, template), part) for name, template in templates.items()}


_SECONDS = {
    "ISO": "{t:%Y-%m-%d %H:%M:%S}",
    "T and zone": "{t:%Y-%m-%dT%H:%M:%S}.000Z",
    "offset": "{paris:%Y-%m-%d %H:%M:%S}+02:00",
    "offsets of summer and winter": "{cairo:%Y-%m-%d %H:%M:%S}+0{cairo_hours}:00",
    "names of summer and winter": "{new_york:%Y-%m-%d %H:%M:%S} {new_york_zone}",
    "offset without a colon": "{newfoundland:%d/%b/%Y:%H:%M:%S} -0330",
    "offset and zone": "{t:%Y-%m-%dT%H:%M:%S}+00:00[Europe/London]",
    "zone by name": "{t:%Y-%m-%d %H:%M:%S} America/New_York",
    "day first": "{t:%d.%m.%Y %H:%M:%S}",
    "month first": "{t:%m/%d/%Y %I:%M:%S %p}",
    "month by name": "{t:%d-%b-%Y %H:%M:%S}",
    "English": "{t:%a %b %d %Y %H:%M:%S} GMT+0000 (Coordinated Universal Time)",
    "unix": "{t:%a %b %d %H:%M:%S %Y}",
    "packed": "{t:%Y%m%d %H%M%S}",
    "packed whole": "{t:%Y%m%d%H%M%S}",
    "seconds": "{seconds}",
    "milliseconds": "{seconds}000",
    "microseconds": "{seconds}000000",
    "nanoseconds": "{seconds}000000000",
    "fractions": "{seconds}.0",
}
_MINUTES = {
    "minutes": "{t:%Y.%m.%d %H:%M}",
    "slashes": "{t.year}/{t.month}/{t.day} {t.hour}:{t:%M}",
    "short year": "{t:%m/%d/%y %H:%M}",
    "Korean": "{t:%Y년 %m월 %d일 %H:%M}",
}
_DAYS = {
    "ISO day": "{t:%Y-%m-%d}",
    "packed day": "{t:%Y%m%d}",
    "American day": "{t:%m/%d/%Y}",
    "German day": "{t.day}. {t.month}. {t.year}",
    "British day": "{t:%d/%m/%y}",
    "English day": "{t:%b %d, %Y}",
    "SAS day": "{t:%d}{month}{t.year}",
    "underscored day": "{t:%Y_%m_%d}",
    "spaced day": "{t:%Y %m %d}",
    "day of the year": "{t:%Y-%j}",
    "digits of a day of the year": "{t:%Y%j}",
    "day of a week": "{t:%G-W%V-%u}",
}
_WEEKS = {"week": "{t:%G-W%V}", "packed week": "{t:%GW%V}", "German week": "KW {t:%V/%G}"}
_MONTHS = {
    "month": "{t:%Y-%m}",
    "month without a zero": "{t.year}-{t.month}",
    "digits of a month": "{t:%Y%m}",
    "month first": "{t:%m/%Y}",
    "month with M": "{t:%YM%m}",
    "month with a dash and M": "{t:%Y-M%m}",
    "Chinese month": "{t.year}年{t.month}月",
    "month by name": "{t:%b %Y}",
    "month by its whole name": "{t:%B %Y}",
    "month by name, short year": "{t:%b %y}",
    "month by name, dash and short year": "{t:%b-%y}",
    "short year and month by name": "{t:%y-%b}",
    "year and month by name": "{t.year} {month}",
}
_QUARTERS = {
    "quarter": "{t.year}Q{quarter}",
    "quarter with a dash": "{t.year}-Q{quarter}",
    "quarter first": "Q{quarter} {t.year}",
    "French quarter": "T{quarter} {t.year}",
    "short quarter": "{quarter}Q{t:%y}",
    "fiscal quarter": "Q{quarter} FY{t.year}",
    "short fiscal quarter": "FY{t:%y}Q{quarter}",
    "quarter by its name": "Quarter {quarter} {t.year}",
    "German quarter": "{quarter}. Quartal {t.year}",
}

INSTANTS: dict[str, Form] = {
    **_forms(lambda it: it, _SECONDS),
    **_forms(_minute, _MINUTES),
    "hour and half": Form(_hour_or_minute, _minute),
}
DAYS = _forms(_day, _DAYS)
PERIODS = {
    **_forms(_week, _WEEKS),
    **_forms(partial(_months, 1), _MONTHS),
    **_forms(partial(_months, 3), _QUARTERS),
    **_forms(partial(_months, 6), {"half a year": "{t.year}H{half}"}),
    **_forms(partial(_months, 12), {"year": "{t.year}"}),
}
ALL = {**INSTANTS, **DAYS, **{f"period: {name}": form for name, form in PERIODS.items()}}
"""Each form by its name."""
