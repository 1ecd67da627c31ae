"""One grammar of times serves detection, the direction of rows and `--check-order`."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsig.fields.cells import Kind, kind
from streamsig.sniffer.time_column import BACKWARDS, FORWARDS, UNKNOWN, find_time
from streamsig.timestamps.grammar import READINGS, are_times, is_epoch, is_time
from streamsig.timestamps.instants import Column, read, readings
from tests.support.written_times import ALL, DAYS, INSTANTS, PERIODS, seconds

SECOND = 10**9
# with two digits the year is from 1970 to 2069, and an epoch of 9 digits or more begins in 1973
TIMES = st.datetimes(datetime(1974, 1, 1), datetime(2069, 12, 31)).map(lambda it: it.replace(microsecond=0))  # noqa: DTZ001


def texts_of(name: str, times: list[datetime]) -> list[str]:
    """Write times in a form."""
    write = ALL[name][0]
    return [write(time) for time in times]


def instants_of(name: str, times: list[datetime]) -> list[int]:
    """Return the instants, or the first instants of the periods, that a form represents."""
    return [seconds(ALL[name][1](time)) * SECOND for time in times]


@given(st.sampled_from(sorted(ALL)), st.lists(TIMES, min_size=1, max_size=12))
def test_a_time_reads_back_as_the_same_instant(name: str, times: list[datetime]) -> None:
    """A time in any form is read back in one of the readings that its texts allow."""
    texts = texts_of(name, times)
    result = [read(Column.of([f" {text}" for text in texts]), reading) for reading in readings(texts)]
    assert instants_of(name, times) in [it.times.tolist() for it in result if it.readable.all()]


@given(st.sampled_from(sorted(ALL)), TIMES)
def test_a_time_for_one_is_a_time_for_all(name: str, time: datetime) -> None:
    """Detection recognises every instant as a time; digits alone are numbers, and a period may be a name."""
    (text,) = texts_of(name, [time])
    if text.replace(".", "").isdecimal():
        assert not is_time(text)
        assert is_epoch(text) == (len(text) > len("2024061"))
        assert kind(text) is Kind.NUMBER
    else:
        assert is_time(text)
        assert kind(text) is (Kind.TEXT if name.startswith("period") else Kind.TIME)


@given(st.sampled_from(sorted(ALL)), st.data())
def test_the_direction_is_that_of_the_instants(name: str, data: st.DataObject) -> None:
    """The direction of a monotonic series is never wrong, and unknown only where it is ambiguous."""
    times = sorted(data.draw(st.lists(TIMES, min_size=2, max_size=12)))
    times = [time for time in times for _ in range(data.draw(st.integers(1, 3)))]
    instants = instants_of(name, times)
    # a single step may have the opposite direction in another reading
    sure = len({*instants}) > 1 and len(readings(texts_of(name, times))) == 1
    for ordered, expected in ((times, FORWARDS), (times[::-1], BACKWARDS)):
        texts = texts_of(name, ordered)
        time = find_time(["Date", "Close"], [texts, ["1.5"] * len(texts)])
        assert time.index == 0
        assert time.direction in ({expected} if sure else {expected, UNKNOWN})


STEPS: dict[str, timedelta] = {
    **dict.fromkeys(INSTANTS, timedelta(minutes=61)),
    **dict.fromkeys(DAYS, timedelta(days=1)),
    **{f"period: {name}": timedelta(days=32) for name in PERIODS},
    "period: year": timedelta(days=366),
}


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("ties", [1, 3])
def test_newest_first_is_detected_in_every_form(name: str, ties: int) -> None:
    """Newest-first rows are detected across a year end and changes of summer time."""
    start = datetime(2019, 9, 28, 12, 30)  # noqa: DTZ001 (files name no zone)
    times = [start + STEPS[name] * row for row in range(40) for _ in range(ties)]
    for newest, expected in ((False, FORWARDS), (True, BACKWARDS)):
        texts = texts_of(name, times[::-1] if newest else times)
        assert find_time(["Date", "Close"], [texts, ["1.5"] * len(texts)]).direction == expected


def direction(texts: list[str], name: str = "Date") -> str | None:
    """Return the direction of a column, `None` if it is not a column of times."""
    time = find_time([name, "Close"], [texts, ["1.5"] * len(texts)])
    return None if time.index is None else time.direction


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([9, 7, 8, 6, 5, 3, 4, 2], BACKWARDS),
        ([2, 4, 3, 5, 6, 8, 7, 9], FORWARDS),
        ([5, 5, 4, 4, 4, 3], BACKWARDS),
        ([5, 1, 4, 2, 3], UNKNOWN),
        ([6, 5, 1, 4, 3, 2], UNKNOWN),
        ([1, 3, 2, 5, 4, 7, 6, 8], UNKNOWN),
        ([3, 1, 2, 6, 4, 5, 9, 7, 8], FORWARDS),
        ([3, 1, 2, 3, 1, 2], UNKNOWN),
        ([1, 2, 3, 1, 2, 3], UNKNOWN),
        ([4, 4, 4], UNKNOWN),
    ],
)
def test_the_direction_of_rows_that_are_not_in_strict_order(days: list[int], expected: str) -> None:
    """Locally unordered rows have a direction; consecutive series have none."""
    assert direction([f"2024-01-{day:02}" for day in days]) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["Feb 24", "Jan 24", "Dec 23", "Nov 23"], BACKWARDS),
        (["Jan 2", "Jan 1", *(f"Dec {day}" for day in range(31, 20, -1))], BACKWARDS),
        (["01/24", "12/23", "11/23", "10/23"], BACKWARDS),
        (["1/3", "1/2", "1/1"], BACKWARDS),
        (["Dec 23", "Jan 24"], UNKNOWN),
        (["2 January", "1 January", "31 December", *(f"{day} December" for day in range(30, 20, -1))], BACKWARDS),
        (["2. Januar", "1. Januar"], BACKWARDS),
        (["2024-10", "2024-9", "2024-8"], BACKWARDS),
        (["Dec 1", "Mid December", "Late December"], None),
    ],
)
def test_parts_that_may_be_years_or_days(texts: list[str], expected: str | None) -> None:
    """The steadiest reading wins; if two disagree, the direction is unknown."""
    assert direction(texts) == expected


@pytest.mark.parametrize(
    ("names", "expected"), [("Year,Close", 0), ("Close,Jahr", 1), ("Year,Month", None), ("Strike,Close", None)]
)
def test_digits_alone_are_times_by_their_name(names: str, expected: int | None) -> None:
    """A column named like a year is a time, unless there is a month column."""
    columns = [["2023", "2022", "2021"], ["12", "11", "10"]]
    result = find_time(names.split(","), columns if expected != 1 else columns[::-1])
    assert result.index == expected
    assert result.direction == (UNKNOWN if expected is None else BACKWARDS)


@pytest.mark.parametrize(
    "texts",
    [
        ["02-01", "01-31", "01-30", "01-29"],
        ["01.02.", "31.01.", "30.01."],
        ["1. 2.", "31. 1.", "30. 1."],
        ["001/2025", "366/2024", "365/2024"],
        ["FY2024", "FY2023", "FY2022"],
        ["FY 24", "FY 23", "FY 22"],
        ["2024-2025", "2023-2024", "2022-2023"],
        ["2024/2025", "2023/2024", "2022/2023"],
        ["S01 2025", "S52 2024", "S51 2024"],
    ],
)
def test_texts_that_are_times_by_their_name(texts: list[str]) -> None:
    """Texts that may be prices or keys are times only in a column named like a time."""
    assert direction(texts) == BACKWARDS
    assert direction(texts[::-1]) == FORWARDS
    assert direction(texts, "Symbol") is None
    assert all(is_no_time(text) for text in texts)


def test_a_time_of_day_that_is_none_leaves_the_date() -> None:
    """A column named like a time of day is used with the date only if it holds times."""
    days = ["2024-01-03", "2024-01-02", "2024-01-01"]
    assert find_time(["Date", "Time"], [days, ["close"] * 3]).clock is None
    result = find_time(["Date", "Time"], [days[:1] * 3, ["93000", "92900", "92800"]])
    assert (result.index, result.clock, result.direction) == (0, 1, BACKWARDS)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-01-31", "Aug 17, 2023", "17-Aug-2023", "2023Q4", "12/2023"], ("ymd",)),
        (["20240131"], ("ymd",)),
        (["1700000000"], ("number",)),
        (["01/02/2024"], ("dmy", "mdy")),
        (["31/01/2024"], ("dmy",)),
        (["01/02/03"], ("ymd", "dmy", "mdy")),
        (["01-Feb-03"], ("ymd", "dmy")),
        (["Dec 23"], ("my", "dmy")),
        (["Dec 3"], ("dmy",)),
        (["12/23"], ("my", "mdy")),
        (["12/23", "2/3"], ("mdy",)),
        (["Close"], ()),
        (["", " "], ()),
    ],
)
def test_readings_that_a_sample_leaves_open(texts: list[str], expected: tuple[str, ...]) -> None:
    """Readings that mean the same appear once, and each reads most of the sample."""
    assert readings(texts) == expected


@pytest.mark.parametrize(
    ("text", "month_day"),
    [("Jan 5", (1, 5)), ("5 Jan", (1, 5)), ("Feb 29th", (2, 29)), ("December 31", (12, 31)), ("Jan. 05", (1, 5))],
)
def test_a_day_may_come_without_its_year(text: str, month_day: tuple[int, int]) -> None:
    """A day without a year is one of 1972, which has a 29 February."""
    result = [read(Column.of([text]), reading) for reading in READINGS]
    expected = seconds(datetime(1972, *month_day)) * SECOND  # noqa: DTZ001
    assert expected in [int(times[0]) for times, readable in result if readable.all()]


def is_no_time(text: str) -> bool:
    """Return whether no reader takes a text for a time."""
    return not is_time(text) and kind(text) is not Kind.TIME


@pytest.mark.parametrize(
    "text",
    ["", "Close", "1.5", "-37.25", "1,234.50", "1.234,5", "1 234", "12%", "118-310", "2023.12", "Market 50", "Max 20",
     "SMA 20", "Q423", "10.10.10.10", "2024-01-31 105.5", "2024-01-31 10.55", "2024-01-31 10", "2024-01-31 2034",
     f"2024-01-31{'':70}09:30", "52 Week High", "Dec 23 10:30", "BRK.B", "ES 12-23 x",
     "99-16", "99.16.", "1_000", "2024 013", "2024 01 31 10.5", "50 Marketing", "Quarter 4"],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    """Numbers, column names, and a date followed by a price are not times."""
    assert is_no_time(text)


@pytest.mark.parametrize(
    "text",
    ["2023Q5", "2023Q0", "2023H3", "2024-W53", "2024-W00", "2024-W05-8", "2023-366", "2024-000", "2023-13", "13/2023",
     "2023-00", "2023-02-29", "Feb 0", "1023", "9999"],
)  # fmt: skip
def test_a_period_that_there_is_not_is_unreadable(text: str) -> None:
    """Impossible quarters, weeks and days do not carry over into the next year."""
    assert not any(read(Column.of([text]), reading).readable.any() for reading in READINGS[1:])


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-01-31"] * 9 + ["none"], True),
        (["2024-01-31"] * 8 + ["none"] * 2, False),
        (["20240131", "20240229093000"], True),
        (["1700000000", "1700000060.5", "1.76723E+15"], True),
        (["12345678", "23456789"], False),
        (["2023", "2022", "2021"], False),
        (["1.5", "2.5"], False),
        ([], False),
    ],
)
def test_a_column_of_times_is_one_by_its_look(texts: list[str], expected: bool) -> None:  # noqa: FBT001
    """In a time column nine of ten texts are times, and digits alone are plausible dates or epochs."""
    assert are_times(texts) == expected
