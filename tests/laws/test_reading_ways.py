"""For any text and settings, every reader of a chunk gives what the definition gives."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamsig.csv.bad_records import BadRecordError
from streamsig.csv.chunks import Chunk, Chunks
from streamsig.csv.dialect import Dialect
from streamsig.csv.reader import ChunkReader
from streamsig.fields.closes import grammar_of, read_cells
from streamsig.fields.numbers import NumberError, NumberFormat
from streamsig.native import text_kernels
from streamsig.sources.raw_input import RawInput
from streamsig.sources.text_source import TextSource
from tests.support.definition import define, joined, values
from tests.support.strategies import formats, numbers

if TYPE_CHECKING:
    from typing import BinaryIO

    from tests.support.definition import Read

GROUPED = NumberFormat(".", ",")
NOTES = [
    "",
    "a",
    "a note of more than sixteen bytes",
    "ä€",
    '"q"',
    '"a{}b"',
    '"two\nlines"',
    '"say ""hi"""',
    " x ",
    '""',
    "\t",
]
ACTIONS = ["0.24 Dividend", '"4:1 Stock Splits"', "2:1", "57.32K", "1.07%", "NaN", "7", "", "n/q", '"a ""b"""']
HEADERS = [
    "date{0}close",
    "close{0}date{0}open",
    "t{0}n{0}c{0}v",
    "Volume{0}Close{0}x{0}Date",
    "Close{0}Close",
    "c{0}t",
]
LINES = [
    *HEADERS,
    "",
    " ",
    "\t",
    "{0}",
    "{0} {0}",
    "a{0}b",
    "1{0}2{0}3{0}4{0}5",
    '"',
    '"open{0}1',
    'a"b{0}1',
    '"a"b{0}1',
    "\0{0}1",
    '"1"2{0}"3"4',
    "{0} {0}{0}",
    '""',
    '"{0}"',
    '""{0}" "',
    '""{0}"\t"{0} {0}""',
    '{0}""{0}{0}',
    '""""{0}""',
    '"\n"{0}""',
]


@st.composite
def dialects(draw: st.DrawFn) -> Dialect:
    """Draw a dialect."""
    fields = draw(st.integers(1, 4))
    close = draw(st.integers(0, fields - 1))
    return Dialect(
        draw(st.sampled_from(",;\t |")),
        fields,
        close,
        header=draw(st.sampled_from([None, ("t", "n", "c", "v")[:fields]])),
        line_quoted=draw(st.integers(0, 4)) == 0,
        numbers=draw(formats()),
    )


@st.composite
def texts(draw: st.DrawFn, dialect: Dialect) -> bytes:
    """Draw records, nearly all of them well formed, and the lines between them."""
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    plain = st.sampled_from(["1.25", "12.50", "7", "-0.5", "1,25"])
    closes = draw(st.sampled_from([plain, plain | numbers(), numbers()]))
    lines = []
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.integers(0, 9)) == 0:
            lines.append(draw(st.sampled_from(LINES)).format(dialect.delimiter))
            continue
        record = [draw(st.sampled_from(NOTES)).format(dialect.delimiter) for _ in range(dialect.fields)]
        close = draw(closes)
        quoted = draw(st.integers(0, 5)) == 0 or dialect.delimiter in close
        if draw(st.integers(0, 7)) == 0:
            # a dividend, a split, or a look-alike
            close, record[draw(st.integers(0, dialect.fields - 1))] = "", draw(st.sampled_from(ACTIONS))
            quoted = False
        record[dialect.close] = '"' + close.replace('"', '""') + '"' if quoted else close
        lines.append(dialect.delimiter.join(record))
    if dialect.line_quoted:
        lines = ['"' + line.replace('"', '""') + '"' if draw(st.integers(0, 9)) else line for line in lines]
    last = draw(st.sampled_from([end, end, ""]))
    return (end.join(lines) + (last if lines else "")).encode()


def chunks(text: bytes, dialect: Dialect, chunk_bytes: int) -> list[Chunk]:
    """Cut a text at ends of records."""
    if dialect.line_quoted or not chunk_bytes:
        return [Chunk(bytearray(text), len(text), 0, b'"' in text)]
    source = TextSource(RawInput(cast("BinaryIO", io.BytesIO(text)), "drawn", None))
    return list(Chunks(source, dialect.delimiter, chunk_bytes=chunk_bytes))


def outcome(reader: ChunkReader, parts: list[Chunk]) -> Read | tuple[object, ...]:
    """Return what the chunks of a text contain, or the error of the first bad record."""
    readings, lines = [], 0
    for part in parts:
        try:
            readings.append(reader.read(part))
        except BadRecordError as bad:
            return bad.line + lines, bad.column, bad.text, bad.reason, bad.advice
        lines += readings[-1].lines
    return joined(readings)._replace(texts=joined(readings).texts or [[] for _ in reader.also])


@given(st.data())
def test_all_ways_agree(data: st.DataObject) -> None:
    """All readers give the same answer or refusal, rejected rows, lines and texts, for any settings and cuts."""
    dialect = data.draw(dialects())
    text = data.draw(texts(dialect))
    also, prices = (tuple(data.draw(st.lists(st.integers(0, dialect.fields - 1), max_size=2))) for _ in range(2))
    skip_bad = data.draw(st.booleans())
    expected: Read | tuple[object, ...]
    try:
        expected = define(text, dialect, also, prices, skip_bad=skip_bad)
    except BadRecordError as bad:
        expected = (bad.line, bad.column, bad.text, bad.reason, bad.advice)
    parts = chunks(text, dialect, data.draw(st.sampled_from([0, 1, 37, 111])))
    reader = ChunkReader(dialect, skip_bad=skip_bad, also=also, prices=prices, scale=data.draw(st.integers(0, 18)))
    assert outcome(reader, parts) == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ChunkReader, "_read_regular", lambda *_: None)
        assert outcome(reader, parts) == expected


@example(["35e37", "9e37", "-1e38"], NumberFormat(), 0)
@example(
    [16 * "9", *["1,234.50", "12,345,678.90", "1,23,456.00", "0,123.00", "1234,567.00", "12345.67", "1,234.5"]],
    GROUPED,
    2,
)
@example(
    [16 * "9", *["3.254257e+04", "1.5E3", "-2.5e-1", "7e2", "1e+100", "12.5e1", "1.25e-9", "0.0e0", "9.999e+17"]],
    NumberFormat(),
    2,
)
@given(st.lists(numbers(), max_size=20), formats(), st.integers(0, 18))
def test_the_kernels_read_what_parse_reads(cells: list[str], form: NumberFormat, scale: int) -> None:
    """The kernels read a cell as `parse` does, whatever its neighbours contain."""
    content = [cell.encode() for cell in cells]
    places = np.cumsum([0, *map(len, content)], dtype=np.int32)
    text = np.frombuffer(b"".join(content), np.uint8)
    result = read_cells(text_kernels.Cells(text, places, len(cells), 1, quoted=False), form, scale)
    closes = values(result.ticks)
    errors = [(text, str(error)) for text, error in zip(result.bad.texts, result.bad.errors, strict=True)]
    bad = {row: errors[which] for row, which in zip(result.bad.rows.tolist(), result.bad.which.tolist(), strict=True)}
    for row, cell in enumerate(cells):
        expected: object
        try:
            expected = form.parse(cell)
        except NumberError as error:
            expected = cell, str(error)
        assert bad.get(row, closes[row]) == expected


@pytest.mark.parametrize(
    "form", [NumberFormat(), NumberFormat(".", ","), NumberFormat(",", " "), NumberFormat(".", "'")]
)
def test_the_kernels_read_nearly_all(form: NumberFormat) -> None:
    """The usual ways to write numbers never need the Python parser."""
    separators = form.separators[:1] + form.separators[-1:] if form.thousands else [""]
    written = [
        f"{before}{sign}1{it}234{it}567{form.decimal}50{after}"
        for it in separators
        for sign in ["", "-", "+", "\u2212"]
        for before, after in [("", ""), ("$", ""), ("USD ", ""), ("", " kr."), ("", "\u5186"), ('="', '"')]
    ]
    written += [
        "1e-5",
        f"1{form.decimal}5E+03",
        f"{form.decimal}75",
        f"75{form.decimal}",
        "NaN",
        "N/A",
        "-",
        "",
        " ",
        "9" * 38,
    ]
    content = [cell.encode() for cell in written]
    places = np.cumsum([0, *map(len, content)], dtype=np.int32)
    cells = text_kernels.Cells(np.frombuffer(b"".join(content), np.uint8), places, len(written), 1, quoted=False)
    assert text_kernels.read_wide_numbers(cells, grammar_of(form)).fallback.tolist() == []
    assert text_kernels.read_numbers(cells, grammar_of(form), 2).fallback.tolist() == []


@pytest.mark.parametrize("rows_before", [0, 1, 9, 1000])
@pytest.mark.parametrize("close", [0, 1, 2])
@pytest.mark.parametrize(("end", "mark"), [("\n", ","), ("\r\n", ","), ("\n", " "), ("\n", "\t")])
def test_regular_text_is_read_at_once(
    rows_before: int, close: int, end: str, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regular rows are never split record by record, wherever the close is and however numbers are written."""
    record = ["x", "y", "z"]
    record[close] = "12.50"
    text = (mark.join(record) + end) * rows_before
    record[close] = "-0.125"
    text += mark.join(record) + end
    monkeypatch.setattr(ChunkReader, "_read_records", None)
    reading = ChunkReader(Dialect(mark, 3, close), also=(0, 2)).read(
        Chunk(bytearray(text.encode()), len(text), 0, quoted=False)
    )
    assert reading.ticks.scale == 3
    assert reading.ticks.integers() == [12500] * rows_before + [-125]
    assert reading.lines == rows_before + 1
    assert reading.texts[0].to_bytes()[-1] == record[0].encode()
