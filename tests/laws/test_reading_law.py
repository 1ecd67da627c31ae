"""However a table is written and cut, its counts are those of the oracle."""

from __future__ import annotations

import csv
import io
import os
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import streamsig
from streamsig.csv import reader
from streamsig.csv.chunks import Chunks
from streamsig.csv.dialect import Dialect
from streamsig.fields.numbers import UNDEFINED
from streamsig.sources.raw_input import RawInput
from streamsig.sources.text_source import TextSource
from tests.support import counting, oracle
from tests.support.strategies import WIDE, closes

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal
    from pathlib import Path

    from hypothesis.strategies import DataObject, DrawFn

NOTES = ["", "x", "Dogecoin", "1E5", "a b", "ä", '"q"', '"a,b"', '"say ""hi"""', '"two\nlines"', '"two\r\nlines"']


@st.composite
def tables(draw: DrawFn) -> bytes:
    """Draw a table of time, note, close and volume, with any line ends, quotes, blanks and missing closes."""
    ends = draw(st.sampled_from([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"], ["\n", "\n\n", "\n   \n"]]))
    lines = ["time,note,close,volume"]
    for row, close in enumerate(draw(closes().filter(lambda drawn: not set(UNDEFINED) & set(drawn)))):
        text = draw(st.sampled_from(["", "NaN", "null", "-"])) if close is None else _written(draw, close)
        padded = draw(st.sampled_from(["{}", "{}", " {}", "{} ", '"{}"'])).format(text)
        lines.append(f"2024-01-01 00:{row:02d},{draw(st.sampled_from(NOTES))},{padded},{row}")
    body = "".join(line + draw(st.sampled_from(ends)) for line in lines)
    if draw(st.booleans()):
        body = body.rstrip("\r\n ")
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + body.encode()


def _written(draw: DrawFn, close: Decimal) -> str:
    text = format(close, "f")
    if draw(st.integers(0, 9)) == 0:
        text = format(close.normalize(WIDE), "E")
    if draw(st.integers(0, 9)) == 0 and "." in text and "E" not in text and len(text) < 30:
        text += "0"
    return text


@pytest.fixture(scope="module")
def count(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., streamsig.Result]:
    """Return a function that counts a text as a file."""
    path: Path = tmp_path_factory.mktemp("tables") / "table.csv"

    def run(text: bytes, **settings: Any) -> streamsig.Result:
        path.write_bytes(text)
        return counting.count(path, column=3, **settings)

    return run


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=tables(), data=st.data())
def test_cuts_threads_and_blocks_are_invisible(
    text: bytes, data: DataObject, count: Callable[..., streamsig.Result]
) -> None:
    """Any chunk size, 1 to 4 threads and any memory limit give the oracle's answer."""
    exact = oracle.closes_of(_without_blank_lines(text), 2)
    window = data.draw(st.integers(1, len(exact) + 1))
    expected = oracle.answer(exact, window)
    result = count(
        text,
        window=window,
        threads=data.draw(st.integers(1, 4)),
        memory_limit=data.draw(st.sampled_from([None, "110MiB", "1GiB"])),
        chunk_bytes=data.draw(st.sampled_from([1, 11, 13, 37, 111, 4096])),
    )
    assert (result.rows_processed, result.rows_missing, result.signal_count) == expected


@pytest.mark.parametrize(
    ("rows", "skipped"),
    [
        ("0.24 Dividend,,,,", 1),
        ("4:1 Stock Splits,,,,", 1),
        ("Date,Open,High,Low,Close", 1),
        ("Date,Close,Open,High,Low", None),
        ("Date,Open,High,Low,Close,Volume", None),
        ("date,CLOSE", None),
        ("a,b,c", 1),
        ("1,3,1,", 0),
        (",-,NaN,", 0),
    ],
)
@pytest.mark.parametrize("regular", [True, False])
def test_rows_that_are_no_prices(rows: str, skipped: int | None, regular: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Dividends and repeated headers are bad rows; a header with the columns elsewhere stops the run."""
    path = tmp_path / "prices.csv"
    row = rows if rows.startswith(("D", "d", "a")) else f"2024-01-02,{rows}"
    before, after = 5000, 3
    lines = ["Date,Open,High,Low,Close", *["2024-01-01,1,3,1,2"] * before, row, *["2024-01-03,1,3,1,2"] * after]
    path.write_text("\n".join(lines) + ("\n" if regular else "\n\n2024-01-04,1,3,1,2"))
    if skipped is None:
        with pytest.raises(streamsig.BadRowError, match="another header") as caught:
            streamsig.run(path, on_bad_row="skip")
        assert caught.value.line == before + 2
        return
    result = streamsig.run(path, on_bad_row="skip")
    assert (result.rows_rejected, result.rows_missing) == (skipped, 1 - skipped)
    assert result.rows_processed == before + after + (1 - skipped) + (not regular)


FOOTERS = [
    "Average,,{}",
    "Total,,{}",
    ",,{}",
    "Max,x,{}",
    '"Std",,NaN',
    '"Total, all",,"{}"',
    "Mean,,",
    "n/a,,{}",
    ",,",
    "",
]


@given(data=st.data())
def test_rows_below_the_data_are_no_rows(data: DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Last rows without a time are bad rows wherever the text is cut; rows above a row with a time are valid."""
    path = tmp_path_factory.mktemp("footers") / "table.csv"
    closes = data.draw(st.lists(st.integers(100, 199), min_size=3, max_size=15))
    gap = data.draw(st.sampled_from([(), (), ("x,,150",), (",,151", "Total,,152")])) if len(closes) > 12 else ()
    rows = [f"2024-01-{day:02d},,{close}" for day, close in enumerate(closes, 1)]
    rows[-1:-1] = gap
    exact = [*closes[:-1], *(int(row[-3:]) for row in gap), closes[-1]]
    below = [each.format(7) for each in data.draw(st.lists(st.sampled_from(FOOTERS), max_size=5))]
    bad = [row for row in below if row.strip(",")]
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = end.join(["Date,note,Close", *rows, *below]) + data.draw(st.sampled_from([end, ""]))
    path.write_bytes(text.encode())
    flags: dict[str, Any] = {"window": 2, "threads": data.draw(st.integers(1, 3)), "column": "Close"}
    flags["chunk_bytes"] = data.draw(st.sampled_from([1, 11, 37, 111, 4096]))
    with pytest.MonkeyPatch.context() as patch:
        if data.draw(st.booleans()):
            patch.setattr(reader.ChunkReader, "_read_regular", lambda *_: None)
        if bad:
            with pytest.raises(streamsig.BadRowError) as caught:
                _counts(path, **flags)
            assert (caught.value.line, caught.value.column) == (
                2 + len(rows) + below.index(_first(below)),
                'column 1 "Date"',
            )
        if data.draw(st.booleans()):
            checkpoint = str(path.with_suffix(".ckpt"))
            grown = _counts(path, on_bad_row="skip", checkpoint=checkpoint, **flags)
            # rows without a time wait for the last line, which has no line end
            waits = 0 if below or text.endswith(end) else 1 + len(gap)
            assert grown[0] == len(exact) - waits
            flags |= {"checkpoint": checkpoint, "finished": True}
        actual = _counts(path, on_bad_row="skip", **flags)
    assert actual == (*oracle.answer([Fraction(each) for each in exact], 2), len(bad))


def _first(below: list[str]) -> str:
    return next(row for row in below if row.strip(","))


def _counts(path: Path, **settings: Any) -> tuple[int, int, int, int]:
    result = counting.count(path, **settings)
    return result.rows_processed, result.rows_missing, result.signal_count, result.rows_rejected


def _without_blank_lines(text: bytes) -> bytes:
    """Remove the blank lines, which `csv` would return as records."""
    return text.replace(b"\n   \n", b"\n")


class _Pieces(io.RawIOBase):
    """A source that returns its bytes in pieces of given sizes."""

    def __init__(self, text: bytes, sizes: list[int]) -> None:
        self._text, self._sizes = io.BytesIO(text), sizes

    def readinto(self, view: Any) -> int:
        size = self._sizes.pop() if self._sizes else len(view)
        piece = self._text.read(min(size, len(view)))
        view[: len(piece)] = piece
        return len(piece)


def _chunks(text: bytes, sizes: list[int], chunk_bytes: int) -> Chunks:
    source = TextSource(RawInput(_Pieces(text, sizes), "pieces", None))  # type: ignore[arg-type]
    return Chunks(source, ",", chunk_bytes=chunk_bytes)


@given(
    text=tables(),
    bad=st.lists(st.sampled_from([b"", b"a,b\n", b"t,n,word,1\n", b't,"n\nn",1e,1\n', b"a,b,1.5,d,e\n"]), max_size=3),
    malformed=st.sampled_from([b"", b'NaN,,"7",""\n', b"t,n,1E-30,1\n"]),
    also=st.permutations([0, 1, 3]).flatmap(lambda order: st.integers(0, 3).map(lambda count: tuple(order[:count]))),
    chunk_bytes=st.sampled_from([1, 37, 111, 4096]),
)
def test_other_fields_as_text(
    text: bytes, bad: list[bytes], malformed: bytes, also: tuple[int, ...], chunk_bytes: int
) -> None:
    """Other fields are returned as written, one text for each close, by every reader."""
    text = text.removeprefix(b"\xef\xbb\xbf")
    text += b"" if text.endswith((b"\n", b"\r")) else b"\n"
    text = b"".join([text, *bad, malformed])
    records = csv.reader(io.StringIO(_without_blank_lines(text).decode("utf-8", "backslashreplace"), newline=""))
    good = [each for each in records if len(each) == 4 and each[2] not in {"close", "word", "1e"}]
    dialect = Dialect(",", fields=4, close=2, header=("time", "note", "close", "volume"))
    read = reader.ChunkReader(dialect, skip_bad=True, also=also).read
    readings = [read(chunk) for chunk in _chunks(text, [], chunk_bytes)]
    assert sum(len(reading.ticks) for reading in readings) == len(good)
    for reading in readings:
        assert [len(column) for column in reading.texts] == [len(reading.ticks)] * len(also)
    actual = [[each for reading in readings for each in reading.texts[place].to_bytes()] for place in range(len(also))]
    assert actual == [[each[index].encode() for each in good] for index in also]


@given(tables(), st.lists(st.integers(1, 50), max_size=30), st.sampled_from([1, 7, 37, 4096]))
def test_chunks_joined_are_the_text(text: bytes, sizes: list[int], chunk_bytes: int) -> None:
    """Chunks lose, repeat and move no byte, and they end where records end."""
    from streamsig.csv.records import split_records  # noqa: PLC0415

    result = [bytes(part.view) for part in _chunks(text, sizes, chunk_bytes)]
    assert b"".join(result) == text
    ends = {record.stop for record in split_records(text, ",")}
    position = 0
    for part in result[:-1]:
        position += len(part)
        assert (
            any(text[position:].startswith(b"\n" * skip) and position + skip in ends for skip in (0, 1))
            or not text[max((end for end in ends if end <= position), default=0) : position].strip()
        )


@pytest.mark.parametrize("text", [b'a"b,1\n"x\ny",2\nc,3\n', b'5",x\n"b\nc",1\nd,2\n', b'"a"b,1\n"c\nd"e,2\n'])
def test_stray_quotes_do_not_mislead_the_cutter(text: bytes) -> None:
    """Quotes inside a field are text, and chunks still end where records end."""
    from streamsig.csv.records import split_records  # noqa: PLC0415

    result = [bytes(part.view) for part in _chunks(text, [], 4)]
    whole = [record.fields for record in split_records(text, ",")]
    assert [record.fields for part in result for record in split_records(part, ",")] == whole


@pytest.mark.parametrize("close", ["69", "6.9E+1", "9" * 38, "123456789012345678901", "9" * 18 + ".25", "1E+37"])
@pytest.mark.parametrize("first", ["1.5", "1E-37", "1.000000000000000001"])
def test_large_numbers_do_not_overflow_unseen(first: str, close: str, tmp_path: Path) -> None:
    """A close with many digits next to one with many decimals is read exactly."""
    path = tmp_path / "large.csv"
    path.write_text(f"time,close\n1,{first}\n2,{close}\n3,{first}\n4,{close}\n")
    assert streamsig.run(path, window=2).signal_count == 2


def test_more_decimals_in_the_sample_than_64_bits_hold(tmp_path: Path) -> None:
    """A close with 27 decimals is read exactly among ordinary ones, each in its own chunk."""
    path = tmp_path / "prices.csv"
    path.write_text("time,close\n1,1E+0\n2,1.000\n3,1E-27\n4,1.001\n")
    assert counting.count(path, window=2, chunk_bytes=1).signal_count == 1


def test_nothing_is_left_open(tmp_path: Path) -> None:
    """A run closes what it opened, even when it fails."""
    path = tmp_path / "bad.csv"
    path.write_text("time,close\n1,1.5\n2,word\n")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH208, PTH112
    with pytest.raises(streamsig.BadRowError):
        streamsig.run(path)
    after = len(os.listdir("/proc/self/fd")) if before else 0  # noqa: PTH208
    assert after <= before + 1


@pytest.mark.parametrize("between", [",,", "", "a,b", "x,,word", "\r\nMean,,", "a,b\r\nMean,,"])
def test_blank_lines_and_bad_rows_in_a_footer(between: str, tmp_path: Path) -> None:
    """Bad rows in a footer are counted, and blank lines are not, even in chunks without rows."""
    path = tmp_path / "prices.csv"
    rows = [f"2024-01-0{day},,{close}" for day, close in enumerate([166, 199, 100, 198], 1)]
    path.write_text("\r\n".join(["Date,note,Close", *rows, ",,7", between, "n/a,,7", "Total,,7", ""]))
    actual = _counts(path, window=2, column="Close", on_bad_row="skip", chunk_bytes=11)
    assert actual == (4, 0, 2, 3 + sum(bool(line.strip(",")) for line in between.split()))
