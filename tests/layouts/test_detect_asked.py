"""Settings take precedence over what the sample shows."""

from __future__ import annotations

import pytest

from streamsig.cli.advice import with_flags
from streamsig.errors import LayoutError
from streamsig.sniffer.detect import detect
from streamsig.sniffer.layout import LayoutOptions as Options
from tests.layouts.test_detect import LAYOUTS
from tests.support.effort import some
from tests.support.layouts import bars, table

BARS = bars()
DAYS = [bar.time.strftime("%Y-%m-%d") for bar in BARS]
CLOSES = [[day, bar.open, bar.close] for day, bar in zip(DAYS, BARS, strict=True)]
NAMED = table([["Date", "Open", "Close"], *CLOSES])
UNNAMED = table(CLOSES)
YEN = table([["Date", "Close"], *([day, f"91,{500 + i}"] for i, day in enumerate(DAYS))], delimiter=";")


@pytest.mark.parametrize(
    ("text", "options", "close"),
    [
        (NAMED, Options(column="Open"), 1),
        (NAMED, Options(column=" open"), 1),
        (NAMED, Options(column="<OPEN>"), 1),
        (NAMED, Options(column=2), 1),
        (NAMED, Options(column="2"), 1),
        (UNNAMED, Options(column=3), 2),
        (UNNAMED, Options(column="3", header=False), 2),
        (table([["close", "Close"], ["1", "2"]]), Options(column="Close"), 1),
        (table([["Open", "Close"], ["a", "1", "2"], ["b", "3", "4"]]), Options(column=3), 2),
        (table([["7.5", "2"], ["3", "4"]]), Options(column="2"), 1),
    ],
)
def test_the_named_column_is_the_close(text: bytes, options: Options, close: int) -> None:
    """A column is named by its number, its exact name, or its name without case and punctuation."""
    assert detect(text, is_complete=True, options=options).dialect.close == close


@pytest.mark.parametrize(
    ("options", "decimal", "thousands"),
    [
        (Options(decimal=","), ",", ""),
        (Options(thousands=","), ".", ","),
        (Options(decimal="."), ".", ","),
        (Options(decimal=",", thousands="."), ",", "."),
        (Options(thousands=""), ",", ""),
    ],
)
def test_one_mark_settles_the_other(options: Options, decimal: str, thousands: str) -> None:
    """One given mark settles what the values leave open."""
    numbers = detect(YEN, is_complete=True, options=options).dialect.numbers
    assert (numbers.decimal, numbers.thousands) == (decimal, thousands)


def test_a_header_where_none_is_seen() -> None:
    """With --header the first record is the header, whatever it contains."""
    dialect = detect(table([["7", "2"], ["3", "4"]]), is_complete=True, options=Options(header=True, column=2)).dialect
    assert (dialect.header, dialect.body_line) == (("7", "2"), 2)


def test_no_header_where_one_is_seen() -> None:
    """With --no-header every record is a row."""
    dialect = detect(NAMED, is_complete=True, options=Options(header=False, column=3)).dialect
    assert (dialect.header, dialect.body_line, dialect.body_offset) == (None, 1, 0)


@pytest.mark.parametrize("sample", [b"", b"\n\r\n"])
def test_no_header_and_no_rows(sample: bytes) -> None:
    """With --no-header a file may be empty."""
    dialect = detect(sample, is_complete=True, options=Options(header=False, column=5)).dialect
    assert (dialect.close, dialect.fields, dialect.body_offset) == (4, 5, len(sample))


def test_lines_to_skip_are_not_looked_at() -> None:
    """Skipped physical lines may contain anything, even open quotes and other names."""
    text = b'"Date,Close\n' + NAMED
    assert detect(text, is_complete=True, options=Options(skip_lines=1)).dialect.body_line == 3


def test_after_the_skipped_lines_the_table_begins() -> None:
    """The first record after the skipped lines is a header or data, never preamble."""
    text = b"# a comment\n" + UNNAMED
    assert detect(text, is_complete=True, options=Options(skip_lines=1, column=3)).dialect.body_line == 2
    assert detect(text, is_complete=True, options=Options(skip_lines=0, column=3)).dialect.body_line == 1


def test_a_delimiter_that_is_not_tried() -> None:
    """The delimiter may be any single ASCII mark."""
    text = table([["Date", "Close"], *([day, bar.close] for day, bar in zip(DAYS, BARS, strict=True))], delimiter="!")
    with pytest.raises(LayoutError):
        detect(text, is_complete=True)
    assert detect(text, is_complete=True, options=Options(delimiter="!")).dialect.close == 1


def test_further_missing_markers() -> None:
    """Further missing markers are not bad closes."""
    text = b"Date,Close\n2020-01-01,shut\n2020-01-02,Shut\n2020-01-03,1.5\n"
    detection = detect(text, is_complete=True, options=Options(missing=("shut",)))
    assert detection.missing == ("Shut", "shut")


def test_a_number_that_is_missing_says_nothing_about_marks() -> None:
    """A missing marker such as `0.00` does not make the point in `1.000` a decimal mark."""
    text = b"Schluss\n998\n0.00\n1.000\n"
    assert detect(text, is_complete=True, options=Options(missing=("0.00",))).dialect.numbers.thousands == "."


def test_the_layout_is_described() -> None:
    """The layout has first rows, times, decimals and reasons for a person to read."""
    detection = detect(b"\nDate, Close\n2020-01-01,1.50\n2020-01-02, 1.2e-3\n", is_complete=True)
    assert [(row.line, row.fields) for row in detection.rows] == [
        (3, ("2020-01-01", "1.50")),
        (4, ("2020-01-02", "1.2e-3")),
    ]
    assert (detection.times[0], detection.times[-1]) == ("2020-01-01", "2020-01-02")
    assert detection.decimals == 4
    assert dict(detection.reasons)["close"] == 'its name is "Close"'


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        (table([["Date", "Open", "Close"], *CLOSES[::-1]]), "--order newest-first"),
        (NAMED + NAMED, "line 62 repeats the header"),
        (b"Date,Close\n,USD\n2020-01-01,1.5\n", "line 2"),
        (b"Date,Close\n2020-01-01,\n2020-01-02,NaN\n", "every sampled close is missing"),
    ],
)
def test_a_doubtful_layout_has_a_warning(text: bytes, fragment: str) -> None:
    """A layout that may not be what the user meant has a warning."""
    warnings = detect(text, is_complete=True).warnings
    assert any(fragment in with_flags(warning) for warning in warnings)


def test_nothing_to_warn_of() -> None:
    """A plain file has no warning."""
    assert detect(NAMED, is_complete=True).warnings == ()


@pytest.mark.parametrize("text", [each[1] for each in LAYOUTS], ids=[each[0] for each in LAYOUTS])
def test_a_sample_shows_the_layout_of_the_file(text: bytes) -> None:
    """A sample of any length gives the layout of the whole file or is refused."""
    whole = detect(text, is_complete=True).dialect
    for size in some(range(1 + len(text) % 41, len(text), 41), 12):
        try:
            dialect = detect(text[:size], is_complete=False).dialect
        except LayoutError:
            continue
        assert (dialect.delimiter, dialect.close, dialect.header) == (whole.delimiter, whole.close, whole.header)
        assert (dialect.body_offset, dialect.line_quoted) == (whole.body_offset, whole.line_quoted)
        assert dialect.numbers.decimal == whole.numbers.decimal
        assert dialect.numbers.thousands in {"", whole.numbers.thousands}


def test_a_cut_record_is_not_looked_at() -> None:
    """The last record of a partial sample is ignored, since it may be cut off."""
    text = b"Date,Close\n2020-01-01,1\n2020-01-02,1,234"
    assert detect(text, is_complete=False).dialect.fields == 2
    with pytest.raises(LayoutError, match="open quote"):
        detect(b'Date,"Close\n2020-01-01,1\n', is_complete=False)
