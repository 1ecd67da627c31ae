"""Columns of one width are read exactly, or not at all."""

from __future__ import annotations

from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsig.ingest.digits import read_uniform

octets = st.text("0123456789.,-+eE ", min_size=1, max_size=18)


@given(st.integers(1, 17), st.integers(-1, 17), st.data(), st.integers(0, 3))
def test_numbers_of_one_width_come_back(width: int, mark: int, data: st.DataObject, skipped: int) -> None:
    """Every column of one width and one mark's place is read, and reads as the decimals it shows."""
    digits = st.text("0123456789", min_size=width, max_size=width)
    texts = data.draw(st.lists(digits, min_size=1, max_size=20))
    if 0 <= mark < width and width > 1:
        texts = [text[:mark] + "." + text[mark + 1 :] for text in texts]
    column = pa.array(["9"] * skipped + texts).slice(skipped)
    ticks = read_uniform(column, ".")
    if width > 16 and not 0 <= mark < width:
        assert ticks is None
    else:
        assert ticks is not None
        assert [Fraction(tick, 10**ticks.scale) for tick in ticks.integers()] == [
            Fraction(f"0{text}0" if "." in text else text) for text in texts
        ]


@given(st.lists(octets, min_size=1, max_size=6))
def test_anything_else_is_left_alone(texts: list[str]) -> None:
    """What is read is always what the texts say; signs, exponents, other widths and words are not read."""
    ticks = read_uniform(pa.array(texts), ".")
    if ticks is not None:
        assert [Fraction(tick, 10**ticks.scale) for tick in ticks.integers()] == [
            Fraction(f"0{text}0" if "." in text else text) for text in texts
        ]


@pytest.mark.parametrize("text", ["1.2.3", "-1.23", "1,234", "1e100", ".", "12345678901234567", "\uff11\uff12\uff13"])
def test_no_plain_number_is_refused(text: str) -> None:
    """A text that is not digits around one mark at most is not read."""
    assert read_uniform(pa.array([text, text]), ".") is None
