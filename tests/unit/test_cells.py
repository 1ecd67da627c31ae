"""What a field looks like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsig.fields.cells import shape, shapes


@pytest.mark.parametrize(
    ("text", "expected"),
    [(" 1.234 ", "9.999"), ("0.234", "0.999"), ("-0.05", "-0.99"), ("$1,000", "$9,999"), ("", ""), ("x0", "x0")],
)
def test_a_shape_keeps_a_leading_zero_alone(text: str, expected: str) -> None:
    """Digits become nines, but for a 0 in front, which no thousands begin with."""
    assert shape(text) == expected


@given(st.lists(st.text("0123.,-$ \n\0x\u0660", max_size=8), max_size=60))
def test_a_column_has_the_shapes_of_its_texts(texts: list[str]) -> None:
    """A column at a time or one by one is the same."""
    assert shapes(texts) == [shape(text) for text in texts]
