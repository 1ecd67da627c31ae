"""The law of known layouts: a text that is recognised has the layout that detection gives it."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from streamsig.engine import detection
from streamsig.engine.detection import LayoutDetector
from streamsig.errors import LayoutError
from streamsig.settings.settings import make_settings
from streamsig.sniffer.detect import detect
from streamsig.sniffer.known_layout import KnownLayout
from streamsig.sniffer.layout import Layout, LayoutOptions
from streamsig.sources.raw_input import RawInput
from streamsig.sources.text_source import TextSource

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

USUAL = [
    ("time,open,high,low,close,volume", "%Y-%m-%d %H:%M:%S", ""),
    ("date,time,open,high,low,close,volume", "%Y/%m/%d", "%H:%M"),
    ("timestamp,close", "%s", ""),
    ("Venue;Date;Close", "%Y%m%d", ""),
]
UNUSUAL = [
    ("date,time,open,high,low,close,level", "%Y.%m.%d", "%H:%M:%S"),
    ("Symbol,Date,Open,High,Low,Close,Adj Close", "%Y-%m-%d", ""),
    ("Date,Time,Price,Last,Side", "%d.%m.%Y", "%H:%M"),
    ("id,timestamp,h,l,c,Close.1", "%Y/%m/%dT%H:%M", ""),
    ("date,time,close", "%Y", "%m"),
    ("time,open,high,low,close", "%H:%M", ""),
    ("time,date,close", "%s", "%Y-%m-%d"),
]
CELLS = [
    *("", "NaN", "-", "0", "0.00", "-1", "1", "99999", "99.99", "1.234", "12.345", "1234.5", "0.5", "7", "00.5", " 5"),
    *("1e5", "1,5", '"1.5"', "a", "AAPL", "bid", "b", "118'310", "2024-02-30", "2024-12-31", "24:00", "12:30", "1.5%"),
    *("20240102", "1704067200", "2147483647", "9223372036854775807", "1234567890123", "$5", "5-2", "\u20ac5", "1|2"),
]
OPTIONS = [
    *[LayoutOptions()] * 6,
    LayoutOptions(column="close"),
    LayoutOptions(column=2),
    LayoutOptions(newest_first=True),
    LayoutOptions(decimal="."),
    LayoutOptions(group_by=(1,), column="close"),
    LayoutOptions(missing=("0.00",)),
]


class Kind(NamedTuple):
    """What two files have in common: names, forms of times, decimals of prices, the order of rows."""

    header: str
    forms: tuple[str, ...]
    decimals: list[int]
    sign: int


@st.composite
def kinds(draw: DrawFn) -> Kind:
    """Draw a kind of files, half of which are of layouts that are recognised."""
    if draw(st.booleans()):
        header, *forms = draw(st.sampled_from(USUAL))
        return Kind(header, tuple(forms), draw(st.sampled_from([[2], [2, 1], [5, 3, 4], [1, 0]])), 1)
    header, *forms = draw(st.sampled_from([*USUAL, *UNUSUAL]))
    decimals = draw(st.sampled_from([[2], [0], [3], [0, 2], [3, 2], [3, 3, 3, 2]]))
    return Kind(header, tuple(forms), decimals, draw(st.sampled_from([1, -1])))


@st.composite
def days(draw: DrawFn, kind: Kind) -> list[list[str]]:
    """Draw the cells of a small file."""
    rows = draw(st.sampled_from([9, 8, 7, 5, 4, 1]))
    start = datetime(2001, 1, 1) + draw(st.integers(0, 12_000)) * timedelta(days=1, seconds=3)  # noqa: DTZ001
    is_daily = "".join(kind.forms).count("%") < MINUTES or draw(st.integers(0, 4)) == 0
    times = [start + kind.sign * i * (timedelta(days=1) if is_daily else timedelta(seconds=61)) for i in range(rows)]
    level = draw(st.sampled_from([101, 987, 0.3, 12, 45_000]))
    moves = draw(st.lists(st.integers(-9, 9), min_size=rows, max_size=rows))
    forms, columns = iter(kind.forms), []
    for name in kind.header.replace(";", ",").lower().split(","):
        if name in {"date", "time", "timestamp"}:
            form = next(forms)
            columns.append([str(int(t.timestamp())) if form == "%s" else t.strftime(form) for t in times])
        elif name in {"symbol", "side", "venue"}:
            columns.append(["AAPL"] * rows)
        elif name in {"volume", "id", "level"}:
            columns.append([str(100 * abs(move)) for move in moves])
        else:
            spread = {"high": 0.01, "h": 0.01, "low": -0.01, "l": -0.01}.get(name, 0)
            digits = [kind.decimals[i % len(kind.decimals)] for i in range(rows)]
            prices = (level * (1 + move / 1000 + spread) for move in moves)
            columns.append([f"{price:.{places}f}" for price, places in zip(prices, digits, strict=True)])
    return [*map(list, zip(*columns, strict=True))]


@st.composite
def pairs(draw: DrawFn) -> tuple[bytes, bytes]:
    """Draw a file, and another of the same kind, which may be changed in a few places."""
    kind, line_end = draw(kinds()), draw(st.sampled_from(["\n", "\n", "\r\n"]))
    mark, texts = ";" if ";" in kind.header else ",", []
    for changes in (draw(st.sampled_from([0, 0, 0, 1])), draw(st.sampled_from([0, 0, 1, 2]))):
        rows = draw(days(kind))
        for _ in range(changes):
            row, column = draw(st.integers(0, len(rows) - 1)), draw(st.integers(0, len(rows[0]) - 1))
            rows[row][column] = draw(st.sampled_from(CELLS))
        lines = [kind.header, *(mark.join(row) for row in rows)]
        if changes and draw(st.integers(0, 2)) == 0:
            lines = draw(st.sampled_from(LINE_CHANGES))(lines)
        end = line_end if draw(st.integers(0, 9)) else "\n"
        texts.append((end.join(lines) + end * draw(st.integers(0, 1))).encode())
    return texts[0], texts[1]


MINUTES = 5
LINE_CHANGES = [
    lambda lines: [lines[0], *lines[:0:-1]],
    lambda lines: [*lines, lines[0]],
    lambda lines: [*lines, lines[-1]],
    lambda lines: [*lines, "Total,5"],
    lambda lines: [*lines, ""],
    lambda lines: [*lines[:2], "", *lines[2:]],
    lambda lines: ["# note", *lines],
    lambda lines: [line + "," for line in lines],
    lambda lines: [lines[0], *(line + ",1" for line in lines[1:])],
]


def detected(sample: bytes, options: LayoutOptions) -> Layout | None:
    """Detect a layout, `None` for a refusal."""
    try:
        return detect(sample, is_complete=True, options=options)
    except LayoutError:
        return None


@given(pairs(), st.sampled_from(OPTIONS))
@settings(deadline=None)
def test_known_layouts_are_those_detected(texts: tuple[bytes, bytes], options: LayoutOptions) -> None:
    """A text that is recognised by an earlier one has exactly the layout that detection gives it."""
    first, second = texts
    layout = detected(first, options)
    known = layout and KnownLayout.of(first, layout, options)
    if known is None:
        event("not described")
        return
    assert known.layout_of(first) == layout
    found = known.layout_of(second)
    event("recognised" if found else "detected")
    if found is not None:
        assert found == detected(second, options)


DAY = "time,open,high,low,close,volume\n" + "".join(f"2024-01-02 10:0{i},1.5,2.{i}0,1,1.5,{9 * i}\n" for i in range(9))


@pytest.mark.parametrize(
    "text",
    [
        DAY,
        DAY.replace("2024-01-02", "2025-12-31").replace("1.5", "98.25").replace("2.", "99.").replace(",1,", ",97,"),
        DAY[:-1],
    ],
)
def test_days_are_recognised(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A further file of the same kind is not examined again; without this, the law would hold of nothing."""
    detector = LayoutDetector(make_settings({}))
    detector.detect(_source(DAY))
    monkeypatch.setattr(detection, "detect", None)
    assert detector.detect(_source(text)).rows_sampled == 9


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("time", "Time"),
        ("2024-01-02 10:05", "2024-01-02 10:04"),
        ("2024-01-02 10:05", "2024-02-30 10:05"),
        (",18\n", ",\n"),
        (",18\n", ",18,\n"),
        ("2.40,1,", "2.40,3,"),
        ("1.5,18", "0.0,18"),
        ("1.5,18", "-1,18"),
        ("1.5,18", '"1.5",18'),
    ],
)
def test_other_texts_are_detected(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that differs from the one before in a header, or in what a value shows, is examined."""
    assert old in DAY
    detector = LayoutDetector(make_settings({}))
    detector.detect(_source(DAY))
    monkeypatch.setattr(detection, "detect", lambda *_, **__: "detected")
    monkeypatch.setattr(KnownLayout, "of", lambda *_: None)
    assert detector.detect(_source(DAY.replace(old, new))) == "detected"


def test_stray_bytes_are_no_error() -> None:
    """A text with bytes that are not in its encoding is detected each time."""
    detector, text = LayoutDetector(make_settings({"encoding": "utf-8"})), DAY.replace("volume", "vol\xfcmen")
    assert {detector.detect(_source(text, "latin-1")).rows_sampled for _ in range(3)} == {9}


def _source(text: str, encoding: str = "utf-8") -> TextSource:
    raw = text.encode(encoding)
    return TextSource(RawInput(io.BytesIO(raw), "a.csv", len(raw)))
