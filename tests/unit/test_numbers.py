"""The shape of a field and the number that it contains."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsig.core.ticks import Ticks
from streamsig.fields.cells import shape, shapes
from streamsig.fields.numbers import MAX_DIGITS, NumberError, NumberFormat

PLAIN = NumberFormat()
ENGLISH = NumberFormat(".", ",")
GERMAN = NumberFormat(",", ".")
FRENCH = NumberFormat(",", " ")
SWISS = NumberFormat(".", "'")

READ = [
    (PLAIN, "1.50", "1.5"),
    (PLAIN, " +7 ", "7"),
    (PLAIN, "-0.5", "-0.5"),
    (PLAIN, ".5", "0.5"),
    (PLAIN, "5.", "5"),
    (PLAIN, "1.2e-05", "0.000012"),
    (PLAIN, "1E2", "100"),
    (PLAIN, "0000001", "1"),
    (PLAIN, "0" * 60 + "1.5" + "0" * 60, "1.5"),
    (PLAIN, "$-1.5", "-1.5"),
    (PLAIN, "-$1.5", "-1.5"),
    (PLAIN, "1.5 €", "1.5"),
    (ENGLISH, "28,420.3", "28420.3"),
    (ENGLISH, "1,23,456.7", "123456.7"),
    (ENGLISH, "28420.3", "28420.3"),
    (GERMAN, "1.234.567,8", "1234567.8"),
    (FRENCH, "1\u00a0234,5", "1234.5"),
    (FRENCH, "1\u202f234,5", "1234.5"),
    (SWISS, "1'234.5", "1234.5"),
    (SWISS, "1\u2019234.5", "1234.5"),
    (FRENCH, "1\u2007234,5", "1234.5"),
    (ENGLISH, ".75", "0.75"),
    (PLAIN, "1e0000018", "1000000000000000000"),
    (ENGLISH, "USD 1,234.50", "1234.5"),
    (ENGLISH, "1,234.50 USD", "1234.5"),
    (ENGLISH, '="1,234.50"', "1234.5"),
    (PLAIN, "\u221237.63", "-37.63"),
    (PLAIN, "(37.63)", "-37.63"),
    (ENGLISH, "$(1,234.50)", "-1234.5"),
    (ENGLISH, "(1,234.50) USD", "-1234.5"),
    (ENGLISH, "\uffe51,234", "1234"),
    (ENGLISH, "1,234\u5186", "1234"),
    (GERMAN, "kr. 1.234,5", "1234.5"),
    (FRENCH, "1 234,50 z\u0142", "1234.5"),
]

REFUSED = [
    (PLAIN, "abc"),
    (PLAIN, "inf"),
    (PLAIN, "1,5"),
    (PLAIN, "1.5.5"),
    (PLAIN, "1 5"),
    (PLAIN, "0x10"),
    (PLAIN, "1_000"),
    (PLAIN, "\u0661"),
    (PLAIN, "1e"),
    (PLAIN, "1e-100"),
    (PLAIN, "1e99999999999"),
    (PLAIN, "9" * (MAX_DIGITS + 1)),
    (PLAIN, "1" * 10_000),
    (ENGLISH, "1,5"),
    (ENGLISH, "1,2345"),
    (ENGLISH, "0,123"),
    (ENGLISH, ",123"),
    (GERMAN, "1.5"),
    (ENGLISH, "012,345"),
    (FRENCH, "00 123"),
    (PLAIN, "3e+-5"),
    (PLAIN, "(1)"),
    (PLAIN, "(-1.5)"),
    (PLAIN, "x(1.5)"),
    (PLAIN, "-(1.5)"),
    (PLAIN, "ABC 1.5"),
]


@pytest.mark.parametrize(("form", "text", "value"), READ)
def test_numbers_are_read_exactly(form: NumberFormat, text: str, value: str) -> None:
    """A field is read as exactly its decimal number."""
    assert form.parse(text) == Decimal(value)


@pytest.mark.parametrize(("form", "text"), REFUSED)
def test_what_is_no_number_is_refused(form: NumberFormat, text: str) -> None:
    """A field that is not a number in this format is an error."""
    with pytest.raises(NumberError):
        form.parse(text)


@pytest.mark.parametrize("text", ["", " ", "NaN", "null", "N/A", "-", "<NA>", "none"])
def test_missing_is_not_an_error(text: str) -> None:
    """The usual words for a missing close are read as `None`."""
    assert PLAIN.parse(text) is None


def test_further_words_for_missing() -> None:
    """Words that the user adds mean a missing close, regardless of case."""
    form = NumberFormat(missing=frozenset({"Closed"}))
    assert form.is_missing(" closed ")
    assert not PLAIN.is_missing("closed")


def test_a_mark_has_one_meaning() -> None:
    """Decimal mark and thousands separator cannot be the same."""
    with pytest.raises(ValueError, match="both"):
        NumberFormat(",", ",")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**12), max_value=10**12))
def test_what_is_written_is_read(value: Decimal) -> None:
    """A number in any spelling is read back."""
    text = f"{value:,f}"
    assert PLAIN.parse(f"{value:f}") == value
    assert PLAIN.parse(f"{value:E}") == value
    assert ENGLISH.parse(text) == value
    assert GERMAN.parse(text.translate(str.maketrans(",.", ".,"))) == value
    assert SWISS.parse(text.replace(",", "'")) == value


MARKED = [
    ("0.00", ".", "", ["0", "-0.0", "0e5", ".000"], ["0.01", "1"]),
    ("-1", ".", "", ["-1", "-1.00", "\u22121"], ["1", "-1.01"]),
    ("999999", ".", ",", ["999,999", "999999.0"], ["999,998"]),
    ("0.00", ",", ".", ["0,0", "0"], ["0,01"]),
    ("1.5", ",", "", ["1,5", "1,50"], ["15"]),
    ("9223372036854775807", ".", "", ["9223372036854775807"], ["9223372036854775806"]),
]


@pytest.mark.parametrize(("marker", "decimal", "thousands", "missing", "closes"), MARKED)
def test_a_marker_that_is_a_number(
    marker: str, decimal: str, thousands: str, missing: list[str], closes: list[str]
) -> None:
    """A numeric marker matches every close of its value, in texts and in ticks of any width."""
    form = NumberFormat(decimal, thousands, frozenset({marker}))
    assert [form.parse(text) for text in missing] == [None] * len(missing)
    assert None not in [form.parse(text) for text in closes]
    python = str.maketrans({thousands: "", decimal: ".", "\u2212": "-"} if thousands else {decimal: ".", "\u2212": "-"})
    values = [Decimal(text.translate(python)) for text in [*closes, *missing]]
    for more in ([], [Decimal("1e-30")], [Decimal(10**37)]):
        ticks = form.mark_missing(Ticks.from_decimals([*values, *more]))
        gaps = [False] * len(closes) + [True] * len(missing) + [False] * len(more)
        assert np.array_equal(ticks.missing, gaps)
        assert [bool(tick) for tick, gap in zip(ticks.integers(), gaps, strict=True) if gap] == [False] * len(missing)


@pytest.mark.parametrize(
    "text",
    [
        *("9223372036854775807", "9223372036854775807.0", "9223372036.854775807", "9.223372036854776e+18"),
        *("-9223372036854775808", "-9.223372036854776e+18", "18446744073709551615", "1.8446744073709552e+19"),
    ],
)
def test_an_undefined_price_is_refused(text: str) -> None:
    """A limit of 64-bit integers is refused as a price, and the message names the flag that makes it missing."""
    with pytest.raises(NumberError, match="undefined price") as caught:
        PLAIN.parse(text)
    assert caught.value.advice.endswith(f"`missing=[{text!r}]`")
    assert NumberFormat(missing=frozenset({text})).parse(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [(" 1.234 ", "9.999"), ("0.234", "0.999"), ("-0.05", "-0.99"), ("$1,000", "$9,999"), ("", ""), ("x0", "x0")],
)
def test_a_shape_keeps_a_leading_zero_alone(text: str, expected: str) -> None:
    """In a shape digits become nines, except a leading 0, which no thousands begin with."""
    assert shape(text) == expected


@given(st.lists(st.text("0123.,-$ \n\0x\u0660", max_size=8), max_size=60))
def test_a_column_has_the_shapes_of_its_texts(texts: list[str]) -> None:
    """A column has the same shapes as its texts one by one."""
    assert shapes(texts) == [shape(text) for text in texts]
