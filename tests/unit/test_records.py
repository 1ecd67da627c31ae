"""Records agree with pyarrow's reader and know the line on which they start."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv

from streamsig.csv.records import skip_lines, split_records, unwrapped, unwrapped_lines


def fields_of(text: bytes, delimiter: str = ",", *, line_quoted: bool = False) -> list[tuple[str, ...]]:
    """Return the fields of all records."""
    return [record.fields for record in split_records(text, delimiter, line_quoted=line_quoted)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a,b\n1,2\n", [("a", "b"), ("1", "2")]),
        (b"a,b\r\n1,2", [("a", "b"), ("1", "2")]),
        (b"a,b\r1,2\r", [("a", "b"), ("1", "2")]),
        (b"\n \n\t\r\na,\n", [("a", "")]),
        (b",\n , \n,\t", []),
        (b'"",\n"",""\n" ", ,"\t"', []),
        (b'"",""""\n', [("", '"')]),
        (b'"a,b",c\n', [("a,b", "c")]),
        (b'"a""b",c\n', [('a"b', "c")]),
        (b'"a\nb",c\n', [("a\nb", "c")]),
        (b'"a"b"c,d\n', [('ab"c', "d")]),
        (b'a"b,c\n', [('a"b', "c")]),
        (b'a, "b,c"\n', [("a", ' "b', 'c"')]),
        (b'""\n', [("",)]),
        (b'"open,\n1,2\n', [("open,\n1,2\n",)]),
        (b"", []),
    ],
)
def test_records_follow_the_grammar_of_quotes(text: bytes, expected: list[tuple[str, ...]]) -> None:
    """Quotes open only at the start of a field, are doubled inside it, and may enclose delimiters and line ends."""
    assert fields_of(text) == expected


def test_lines_quoted_as_a_whole() -> None:
    """A line that is one quoted text is unwrapped before it is split; any other is split as it is."""
    text = b'a,b,c\n"1,""x,y"",2"\r\n"3,4,5"\n'
    assert fields_of(text, line_quoted=True) == [("a", "b", "c"), ("1", "x,y", "2"), ("3", "4", "5")]


@pytest.mark.parametrize(
    ("line", "inner"),
    [(b'"a,b"\r\n', b"a,b"), (b'"a,""b"""', b'a,"b"'), (b'"a","b"', None), (b"a", None), (b'"', None), (b'""', b"")],
)
def test_only_whole_quoted_lines_are_unwrapped(line: bytes, inner: bytes | None) -> None:
    """Only a line that is a single quoted text is unwrapped."""
    assert unwrapped(line) == inner


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [b"", b'"8,9"'])
def test_unwrapping_many_lines(end: bytes, last: bytes) -> None:
    """A long text is unwrapped piece by piece, and every line end becomes LF."""
    lines = [b'"1,2"', b"3,4", b'"5,""6"""', b"", b'"7"'] * 8000
    text = end.join([*lines, last])
    expected = b"\n".join([b"1,2", b"3,4", b'5,"6"', b"", b"7"] * 8000 + [last.strip(b'"')])
    assert unwrapped_lines(memoryview(text)) == expected


def test_a_record_knows_its_bytes_and_line() -> None:
    """A record knows its bytes and its first physical line, blank lines and quoted line ends included."""
    text = b'\na,"b\r\nc\n"\r\n\nd,e\n\rf,g'
    records = list(split_records(text, ","))
    assert [record.line for record in records] == [2, 6, 8]
    assert [record.next_line for record in records] == [5, 7, 9]
    assert [text[r.start : r.stop] for r in records] == [b'a,"b\r\nc\n"\r\n', b"d,e\n", b"f,g"]


@pytest.mark.parametrize(("count", "offset"), [(0, 0), (1, 2), (2, 4), (3, 5), (9, 6)])
def test_physical_lines_are_skipped(count: int, offset: int) -> None:
    """Physical lines are skipped, whatever ends them."""
    assert skip_lines(b"a\nb\r\rc", count) == offset


def arrow_fields(text: bytes) -> list[tuple[str, ...]] | None:
    """Read the records with pyarrow; return `None` if it refuses."""
    width = max((len(each) for each in fields_of(text)), default=0)
    names = [str(i) for i in range(width)]
    try:
        table = csv.read_csv(
            io.BytesIO(text),
            read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=1 << 20),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    return [tuple(row[name] for name in names) for row in table.to_pylist()]


@settings(max_examples=500)
@given(st.lists(st.sampled_from([b"a", b"1", b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"x,y\n"]), max_size=24))
def test_pyarrow_sees_the_same(parts: list[bytes]) -> None:
    """The records and fields of every text that pyarrow reads agree with it."""
    text = b"".join(parts)
    if text.count(b'"') % 2 or not fields_of(text):
        return
    theirs = arrow_fields(text)
    if theirs is not None:
        # a line of only delimiters is not a record here
        assert [each for each in fields_of(text) if any(each)] == [each for each in theirs if any(each)]
