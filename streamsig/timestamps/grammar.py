"""Recognises texts that are dates and times, and locates year, month, hour and so on in them.

The grammar matches the shape of a text, in which every digit is a 9, so thousands of times of one column cost one
match. `instants` reads the digits, and checks that a month is at most 12.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import cache, lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.timestamps.months import month_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ORDERS = ("ymd", "my", "dmy", "mdy")
"""The orders in which a date may be read. `Dec 23` and `12/23` are a month and a year in `my`; in the others they are a
day without its year."""

NUMBER = "number"
READINGS = (NUMBER, *ORDERS)
"""How the times of a column may be read: as seconds, milli-, micro- or nanoseconds since 1970, or as dates."""

LONGEST = 80
"""The most characters of a time."""

Match = re.Match[str] | None
Span = tuple[int, int]
Part = Span | int
"""The bytes of the digits, or a number that is not written in digits."""


class Sort(Enum):
    """What kind of text holds a time."""

    MARKED = "a date or time of day, by the marks between its numbers"
    PERIOD = "a month, a quarter, a week, or a day without its year"
    BARE = "digits alone: 20240131"
    NAMED = "a time only in a column with the name of one: 01-31, FY2024"
    JOINED = "a date and a time of day of digits alone, from two columns"


class Number(NamedTuple):
    """Where the digits of a number of time units since 1970 are; all `None` for a number with an exponent."""

    whole: Span | None = None
    fraction: Span | None = None
    negative: bool = False


class Form(NamedTuple):
    """Where the parts of a time are.

    `month` counts units of `months` months from the start of the year, or ISO weeks if `months` is 0. `day` counts
    days from the start of that unit, or of the year if `by_ordinal`. `half` is "a" or "p". `offset` is the offset from
    UTC: a sign, hours and minutes; `zone` is that of a named zone, in minutes.
    """

    year: Part
    month: Part = 1
    day: Part = 1
    months: int = 1
    by_ordinal: bool = False
    hour: Part = 0
    minute: Part = 0
    second: Part = 0
    fraction: Span | None = None
    half: str = ""
    offset: tuple[int, Part, Part] | None = None
    zone: int = 0
    has_year: bool = True


class Meaning(NamedTuple):
    """What a text may mean: a form for each of `ORDERS` in which it is a time."""

    sort: Sort
    forms: Mapping[str, Form]


_TWO_DIGITS = 2
_NO_YEAR, _NO_DATE = 1972, 1970
"""The year of a day without one, which has a 29 February, and of a time of day, on its first day."""

_ZONES = {
    "WEST": 60, "BST": 60, "CET": 60, "MEZ": 60, "CEST": 120, "MESZ": 120, "EET": 120, "EEST": 180,
    "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
    "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780,
}  # fmt: skip
"""Minutes ahead of UTC of zones with summer time. Where several zones share a name, summer and winter differ by the
same hour in all of them, so the order of times is right in each."""

# Patterns match shapes: 9 is any digit. A digit at the end of a group's name makes it unique.
_YEAR, _SHORT_YEAR = "(?P<year>9999)", "(?:9999|99)(?!9)"
_TH = "(?:st|nd|rd|th)?"
_DAY = f"(?P<day>99?){_TH}"
_NAME = r"(?P<name>[^\W\d_]{3,12})\.?"
_SHORT_NAME = (
    r"(?P<name>January?|February?|March|April|June|July|August|September|O[ck]tober|November|De[cz]ember"
    r"|[^\W\d_]{3,4})\.?"
)
_WEEKDAY = r"(?:(?:[^\W\d_]{2,3}[,.]?|[^\W\d_]{3,6}day,?)\s+)?"
_WORD = r"(?:[^\W\d_]{2,10}[,.]?\s+)?"
_UNITS = {"Q": 3, "T": 3, "H": 6, "S": 6}
"""Months of a quarter (`T` in French and Spanish) and of half a year."""
_FISCAL = "(?:FY[-'\u2019 ]?)?"
_WEEK = "(?:W|KW|CW|WK|week)[- ]?(?P<week>99?)"
_REMARK = r"(?:\s*\([^()]{1,60}\)|,?\s+(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*)?"
_ZONE = (
    r"(?:\s?(?:Z|(?P<sign>[+-])(?P<ahead>99)(?::?(?P<past>99))?"
    "|(?P<zone>[A-Z]{2,5})(?:(?P<sign2>[+-])(?:(?P<ahead2>99?):?(?P<past2>99)|(?P<ahead3>99?)))?"
    r"|[A-Z]+/[A-Z9_/+-]+))?(?:\[[^\[\]]{1,40}\])?"
)
_AM_PM = r"[ap]\.?m\.?(?![^\W\d_])"
_CLOCK = (
    r"(?P<hour>99?)(?:[:h](?P<minute>99)(?::(?P<second>99)(?:[.,:](?P<fraction>9{1,12}))?)?"
    rf"(?:\s?(?P<half>{_AM_PM}))?|[\s-]?(?P<half2>{_AM_PM})"
    rf"|(?P<mark>[.-])(?P<minute2>99)(?P=mark)(?P<second2>99)){_ZONE}"
)

_HAS_MARKS = r"9\s?[-/:\s_]|9\.\s?9+\.|[^\W\d_]"
_DATES = (
    rf"{_WEEKDAY}{_YEAR}\s?[-./_年년]\s?(?P<month>99?)\s?[-./_月월]\s?(?P<day>99?)(?:\s?[日일]|\.)?(?!9)",
    rf"{_WEEKDAY}(?P<a>99?)[-./]\s?(?P<b>99?)[-./]\s?(?P<c>{_SHORT_YEAR})\.?",
    rf"{_WORD}(?P<a>99?){_TH}[-/. ]*(?:de\s)?{_NAME}[-/., ]*(?:de\s)?(?P<c>{_SHORT_YEAR})",
    rf"{_WORD}{_NAME}[-/. ]*{_DAY}(?:[,.\s-]+{_YEAR}|[-/](?P<year2>{_SHORT_YEAR}))",
    rf"{_YEAR}[-/. ]*{_NAME}[-/. ]*{_DAY}(?!9)",
    rf"{_YEAR}-?W(?P<week>99)-?(?P<day>9)(?!9)",
    rf"{_YEAR}[-/](?P<ordinal>999)(?!9)",
    rf"{_YEAR} (?P<month>99) (?P<day>99)(?!9)",
)
_PACKED_DATE = rf"{_YEAR}(?P<month>99)(?P<day>99)(?!9)"
_AFTER_DATE = rf"(?:(?:T|,?\s+|:){_CLOCK}|T(?P<hour2>99)Z?|Z|(?P<sign4>[+-])(?P<ahead4>99):(?P<past4>99))?{_REMARK}"
_AFTER_PACKED_DATE = (
    rf"[T \-_]{{1,2}}(?P<hour>99):?(?P<minute>99)(?::?(?P<second>99)(?:[.,]?(?P<fraction>9{{1,9}}))?)?{_ZONE}{_REMARK}"
)
_JOINED = rf"\s+(?P<hour>99?)(?:(?P<minute>99)(?:(?P<second>99)(?:[.,]?(?P<fraction>9{{3,9}}))?)?)?{_ZONE}"
_WHOLE = (_CLOCK + _REMARK, rf"{_WORD}{_NAME}\s+{_DAY}\s+{_CLOCK}\s+{_YEAR}{_REMARK}")
_PERIODS = (
    rf"{_YEAR}\s?[-/.:_]?\s?(?:(?P<letter>[QTHS])(?P<part>9)|(?P<part2>9)(?P<letter2>[QTHS]))",
    rf"(?P<letter>[QTHS])(?P<part>9)(?:[-/.'\u2019_ ]+{_FISCAL}(?P<year2>{_SHORT_YEAR})|{_FISCAL}{_YEAR})",
    rf"(?P<part>9)(?P<letter>[QTHS])[-/.'\u2019_ ]*{_FISCAL}(?P<year>{_SHORT_YEAR})",
    rf"FY[-'\u2019 ]?(?P<year>{_SHORT_YEAR})[-/_ ]?(?P<letter>[QTHS])(?P<part>9)",
    rf"(?:(?P<part>9)(?:\.|{_TH}) ?(?P<letter>Q)uart(?:er|al)|(?P<letter2>Q)uart(?:er|al) ?(?P<part2>9))[-/, ]+{_YEAR}",
    rf"{_YEAR}[-/_ .]?{_WEEK}",
    rf"{_WEEK}[-/,. ]+{_YEAR}",
    rf"{_YEAR}(?:\s?[-/:]\s?(?P<month>99)|[- ]?M(?P<month2>99?)|\s?[年년]\s?(?P<month3>99?)\s?[月월])",
    rf"{_YEAR}[-/](?P<month>9)",
    rf"(?:M(?P<month>99?)[-/ ]|(?P<month2>99?)[-/]){_YEAR}",
    rf"{_NAME}[-/.,'\u2019 ]*{_YEAR}",
    rf"{_YEAR}[-/. ]*{_NAME}",
    rf"{_SHORT_NAME}[-/. ]*(?:['\u2019](?P<year>99)|(?P<either>99?){_TH})",
    rf"(?P<either>99?){_TH}[-/. ]*{_SHORT_NAME}",
    "(?P<a>99?)/(?P<b>99?)",
)
_NAMED = (
    rf"(?P<a>99)-(?P<b>99)|(?P<day>99?)\. ?(?P<month>99?)\.|FY[-' ]?(?P<year>{_SHORT_YEAR})|(?P<year2>9999)[-/]9999"
    "|(?P<ordinal>999)[-/](?P<year3>9999)|S(?P<week>99)[-/,. ]+(?P<year4>9999)"
)
_BARE = (
    rf"{_YEAR}(?:(?P<month>99)(?:(?P<day>99)(?:(?P<hour>99)(?:(?P<minute>99)"
    "(?:(?P<second>99)(?P<fraction>999)?)?)?)?)?|(?P<ordinal>999))?"
)

_NUMBER = re.compile(r"-?(?P<whole>[0-9]{1,19})(?:\.(?P<fraction>[0-9]*))?")
_EXPONENT = re.compile(r"[0-9]+(?:\.[0-9]*)?[eE]\+?[0-9]{1,2}")
_EPOCH = re.compile(
    r"(?:[1-9]|[1-4][0-9])[0-9]{8}(?:[0-9]{3}){0,3}(?:\.[0-9]*)?|[0-9]\.[0-9]+[eE]\+?1[0-9]"
    r"|(?:1[789]|2[01])[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    r"(?:(?:[01][0-9]|2[0-4])(?:[0-5][0-9](?:[0-5][0-9](?:[0-9]{3})?)?)?)?"
)
_NINES = str.maketrans("0123456789", "9999999999")
_NEARLY_ALWAYS = 0.9


def shape_of(text: str) -> str:
    """Return the trimmed text with every digit replaced by 9, as the grammar matches it."""
    return text.strip().translate(_NINES)


def is_time(text: str) -> bool:
    """Return whether a text is a date, a time of day or a period; digits alone never are (see `is_epoch`)."""
    meaning = meaning_of(shape_of(text))
    return meaning is not None and meaning.sort in {Sort.MARKED, Sort.PERIOD}


def is_epoch(text: str) -> bool:
    """Return whether digits may be an instant: 20240131, or seconds, milli-, micro- or nanoseconds since 1970."""
    return _EPOCH.fullmatch(text.strip()) is not None


def are_times(texts: Sequence[str]) -> bool:
    """Return whether 90 % of the texts may be dates, times, periods or epochs; pass no blank or missing ones."""
    others = (text for text in texts if not (is_time(text) or is_epoch(text)))
    most = int(len(texts) - _NEARLY_ALWAYS * len(texts))
    return bool(texts) and next(islice(others, most, None), None) is None


def form_of(shape: str, reading: str) -> Form | Number | None:
    """Return the bytes of the parts of a time, or `None` if texts of this shape are not times in this reading."""
    if reading != NUMBER:
        meaning = meaning_of(shape)
        return meaning and meaning.forms.get(reading)
    match = _NUMBER.fullmatch(shape)
    if match:
        return Number(match.span("whole"), match.span("fraction") if match["fraction"] else None, shape[0] == "-")
    return Number() if _EXPONENT.fullmatch(shape) else None


@lru_cache(maxsize=4096)
def meaning_of(shape: str) -> Meaning | None:
    """Return what texts of a shape (`shape_of`) may mean, or `None` if they are not times."""
    if len(shape) > LONGEST:
        return None
    if _compiled(_HAS_MARKS).search(shape) is None:
        return _meaning(Sort.BARE, _compiled(_BARE).fullmatch(shape))
    return next((meaning for sort, matches in _matches(shape) if (meaning := _meaning(sort, *matches))), None)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # a file needs few of them, and compiling all takes longer than detection
    return re.compile(pattern, re.IGNORECASE)


def _matches(shape: str) -> Iterator[tuple[Sort, tuple[Match, ...]]]:
    """Yield the ways in which the patterns match, the most certain first."""

    def followed_by(match: re.Match[str], pattern: str) -> tuple[Match, Match]:
        return match, _compiled(pattern).fullmatch(shape, match.end())

    for pattern in (*_DATES, _PACKED_DATE):
        if match := _compiled(pattern).match(shape):
            yield Sort.MARKED, followed_by(match, _AFTER_DATE)
            if pattern == _PACKED_DATE:
                yield Sort.MARKED, followed_by(match, _AFTER_PACKED_DATE)
            yield Sort.JOINED, followed_by(match, _JOINED)
    for pattern in _WHOLE:
        yield Sort.MARKED, (_compiled(pattern).fullmatch(shape),)
    for pattern in _PERIODS:
        if match := _compiled(pattern).match(shape):
            yield Sort.PERIOD, followed_by(match, _REMARK)
    if shape[-1] in "9.":
        yield Sort.NAMED, (_compiled(_NAMED).fullmatch(shape),)


def _meaning(sort: Sort, *matches: Match) -> Meaning | None:
    """Return the meaning of the groups of adjacent matches, or `None` if one did not match."""
    texts: dict[str, str] = {}
    spans: dict[str, Span] = {}
    for match in matches:
        if match is None:
            return None
        for group, text in match.groupdict().items():
            if text is not None:
                name = group.rstrip("1234")
                start = len(match.string[: match.start(group)].encode())
                texts[name], spans[name] = text, (start, start + len(text.encode()))
    dates = _dates(texts, spans)
    if not dates:
        return None
    clock = _clock(texts, spans)
    return Meaning(sort, {order: Form(**date, **clock) for order, date in dates.items()})


_Parts = dict[str, Any]


def _clock(texts: Mapping[str, str], spans: Mapping[str, Span]) -> _Parts:
    parts: _Parts = {name: spans[name] for name in ("hour", "minute", "second", "fraction") if name in spans}
    if "half" in texts:
        parts["half"] = texts["half"][0].casefold()
    if "sign" in texts:
        parts["offset"] = (-1 if texts["sign"] == "-" else 1, spans["ahead"], spans.get("past", 0))
    else:
        parts["zone"] = _ZONES.get(texts.get("zone", "").upper(), 0)
    return parts


def _dates(texts: Mapping[str, str], spans: Mapping[str, Span]) -> dict[str, _Parts]:
    """Return year, month and day for each order in which the text is a date."""
    name = month_of(texts["name"]) if "name" in texts else None
    if "name" in texts and name is None:
        return {}
    if "a" in spans or "either" in spans:
        return {order: date for order, date in _in_orders(texts, spans, name).items() if date is not None}
    if "year" not in spans and "day" in spans:
        return _alike(_without_year(spans["month"], spans["day"]))
    if "year" not in spans:
        return _alike({"year": _NO_DATE, "has_year": False})
    date: _Parts = {part: spans[part] for part in ("year", "month", "day") if part in spans}
    if name is not None:
        date["month"] = name
    elif "letter" in texts:
        date |= {"month": spans["part"], "months": _UNITS[texts["letter"].upper()]}
    elif "week" in spans:
        date |= {"month": spans["week"], "months": 0}
    elif "ordinal" in spans:
        date |= {"day": spans["ordinal"], "by_ordinal": True}
    return _alike(date)


def _in_orders(texts: Mapping[str, str], spans: Mapping[str, Span], name: int | None) -> dict[str, Any]:
    """Return the date in each order, where the numbers do not show which is the year, the month and the day."""
    if "either" in spans:
        number = spans["either"]
        without = _without_year(name, number)
        return {"my": _month(texts["either"], number, name), "dmy": without, "mdy": without}
    a, b = spans["a"], spans.get("b", name)
    if "c" not in spans:
        return {"my": _month(texts["b"], b, a), "dmy": _without_year(b, a), "mdy": _without_year(a, b)}
    c = spans["c"]
    day_first = {"year": c, "month": b, "day": a}
    if len(texts["c"]) > _TWO_DIGITS:
        return _alike(day_first) if name else {"dmy": day_first, "mdy": {"year": c, "month": a, "day": b}}
    return {
        "ymd": {"year": a, "month": b, "day": c} if len(texts["a"]) == _TWO_DIGITS else None,
        "dmy": day_first,
        "mdy": None if name else {"year": c, "month": a, "day": b},
    }


def _month(digits: str, year: Part | None, month: Part | None) -> _Parts | None:
    return {"year": year, "month": month} if len(digits) == _TWO_DIGITS else None


def _without_year(month: Part | None, day: Part | None) -> _Parts:
    return {"year": _NO_YEAR, "month": month, "day": day, "has_year": False}


def _alike(date: _Parts) -> dict[str, _Parts]:
    return dict.fromkeys(ORDERS, date)
