"""The ways of reading a segment agree wherever more than one of them can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsig.ingest.arrowcsv import ArrowReader
from streamsig.ingest.dialect import Dialect
from streamsig.ingest.reader import BadRecordError, SegmentReader
from streamsig.ingest.scan import Scanner
from streamsig.ingest.segments import Segment

if TYPE_CHECKING:
    from streamsig.core.ticks import Ticks

NUMBERS = [
    "1", "1.5", "12.25", "123456.78", "-3.5", "+4.5", " 7.25 ", ".5", "5.", "0.10",
    "007.50", "1234567890123.45",
    "0.123456789", "99999999999999999", "9999999999999999.99", "1e2", "1.5E-3", "", "NaN", "-", "  ",
    '"8.75"', '""', '" 9.5"',
]  # fmt: skip
ODD = [
    "word",
    "inf",
    "1.2.3",
    "--1",
    "1 2",
    "\uff11",
    "1\r2",
    "\0",
    '5"',
    '"1"x',
    '"1""2"',
    "3" * 40,
    "1e99",
    "0." + "1" * 20,
]
NOTES = ["", "a", "a note of more than sixteen bytes", "ä€", '"q"', '"a,b"', '"two\nlines"', '"say ""hi"""', " x "]


def ways(
    text: bytes, fields: int, close: int, also: tuple[int, ...]
) -> list[tuple[list[int | None], int | None, list[object]]]:
    """Return what each way that takes the text makes of it: closes at one scale, lines, texts."""
    dialect = Dialect(",", fields, close)
    segment = Segment(bytearray(text), len(text), 0, b'"' in text)
    reader = SegmentReader(dialect, also=also)
    found = []
    if scanned := Scanner(dialect).read(text, 2, also):
        found.append((scanned.ticks, scanned.lines, scanned.texts))
    if read := ArrowReader(dialect).read(text, quoted=segment.quoted, scale=2, also=also):
        found.append((read[0], None, read[1]))
    try:
        reading = reader._by_records(segment)  # noqa: SLF001 (the way that defines the others)
    except BadRecordError:
        assert not found
        return []
    found.append((reading.ticks, reading.lines, reading.texts))
    scale = max(ticks.scale for ticks, _, _ in found)
    return [(_closes(ticks, scale), lines, [column.to_bytes() for column in texts]) for ticks, lines, texts in found]


def _closes(ticks: Ticks, scale: int) -> list[int | None]:
    missing = [False] * len(ticks) if ticks.missing is None else ticks.missing.tolist()
    whole = ticks.rescale(scale).integers()
    return [None if gap else tick for tick, gap in zip(whole, missing, strict=True)]


@st.composite
def rows(draw: st.DrawFn) -> tuple[bytes, int, int]:
    """Draw a text, its number of fields, and which of them is the close."""
    fields = draw(st.integers(1, 4))
    close = draw(st.integers(0, fields - 1))
    numbers = st.sampled_from(NUMBERS) if draw(st.booleans()) else st.sampled_from(NUMBERS[:4])
    if draw(st.integers(0, 4)) == 0:
        numbers |= st.sampled_from(ODD)
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    lines = []
    for _ in range(draw(st.integers(0, 20))):
        record = [draw(numbers) if index == close else draw(st.sampled_from(NOTES)) for index in range(fields)]
        lines.append(",".join(record))
    if lines and draw(st.integers(0, 9)) == 0:
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(["", " ", "a,b", "1,2,3,4,5"])))
    return (end.join(lines) + (end if lines else "")).encode(), fields, close


@given(rows(), st.data())
def test_all_ways_agree(drawn: tuple[bytes, int, int], data: st.DataObject) -> None:
    """Whoever takes a text reads what reading it field by field gives; nobody takes one that has a bad record."""
    text, fields, close = drawn
    also = tuple(data.draw(st.lists(st.integers(0, fields - 1), max_size=2)))
    found = ways(text, fields, close, also)
    if found:
        closes, lines, texts = found[-1]
        assert all((other[0], other[2]) == (closes, texts) for other in found)
        assert all(other[1] in {None, lines} or not text.endswith(b"\n") for other in found)


@pytest.mark.parametrize("rows_before", [0, 1, 9, 1000])
@pytest.mark.parametrize("close", [0, 1, 2])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_regular_text_is_scanned(rows_before: int, close: int, end: str) -> None:
    """Plain rows of any number never need another way, wherever the close is and however the lines end."""
    record = ["x", "y", "z"]
    record[close] = "12.50"
    text = (",".join(record) + end) * rows_before
    record[close] = "-0.125"
    text += ",".join(record) + end
    scanned = Scanner(Dialect(",", 3, close)).read(text.encode(), 2, (0, 2))
    assert scanned is not None
    assert scanned.ticks.scale == 3
    assert scanned.ticks.integers() == [12500] * rows_before + [-125]
    assert scanned.lines == rows_before + 1
    assert scanned.texts[0].to_bytes()[-1] == record[0].encode()


@pytest.mark.parametrize("cell", [*ODD, '"12"3"'])
def test_what_is_no_plain_number_is_left_to_others(cell: str) -> None:
    """The scanner refuses a text with a close that it cannot read, wherever it is."""
    text = f"a,1.25,b\na,{cell},b\na,1.50,b\n".encode()
    assert Scanner(Dialect(",", 3, 1)).read(text, 2) is None
