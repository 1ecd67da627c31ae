"""Ticks represent the decimals they were made from, at any size and scale."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsig import Signal, Ticks
from streamsig.core.counting import count_within
from streamsig.core.ticks import carry, concat, widen
from tests.support.strategies import Closes, closes

_WIDE = Context(prec=100)
integers = st.one_of(st.integers(-(2**63) - 2, -(2**63) + 2), st.integers(-(10**40), 10**40), st.integers(-9, 9))


@given(closes())
def test_decimals_come_back(series: Closes) -> None:
    """Ticks times their scale are the original decimals, and a missing close is a flagged zero."""
    ticks = Ticks.from_decimals(series)
    assert [Fraction(tick, 10**ticks.scale) for tick in ticks.integers()] == [Fraction(close or 0) for close in series]
    assert ticks.missing_count == series.count(None)


@given(
    st.lists(st.one_of(st.none(), st.integers(-(10**38) + 1, 10**38 - 1)), max_size=20), st.integers(0, 38), st.data()
)
def test_arrow_decimals_come_back(values: list[int | None], scale: int, data: st.DataObject) -> None:
    """An Arrow decimal array of any width is read exactly, with nulls and sliced anywhere."""
    decimals = [None if value is None else Decimal(value).scaleb(-scale, _WIDE) for value in values]
    array = pa.array(decimals, pa.decimal128(38, scale))
    start = data.draw(st.integers(0, len(values)))
    ticks = Ticks.from_arrow(array.slice(start))
    assert ticks.integers() == [value or 0 for value in values[start:]]
    assert ticks.missing_count == values[start:].count(None)


@given(st.lists(integers, max_size=10), st.integers(0, 3), st.integers(0, 60))
def test_rescaling_is_exact(values: list[int], scale: int, more: int) -> None:
    """Rescaling to more decimals is exact, without a limit on digits."""
    ticks = Ticks.from_integers(values, scale).rescale(scale + more)
    assert ticks.integers() == [value * 10**more for value in values]
    assert ticks.scale == scale + more


@given(st.lists(st.tuples(st.lists(integers, max_size=5), st.integers(0, 30)), max_size=5))
def test_joining_aligns_scales(runs: list[tuple[list[int], int]]) -> None:
    """Runs of different scales and widths join to the same decimals in order."""
    whole = concat([Ticks.from_integers(values, scale) for values, scale in runs])
    assert [Fraction(tick, 10**whole.scale) for tick in whole.integers()] == [
        Fraction(value, 10**scale) for values, scale in runs for value in values
    ]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=10), st.integers(1, 6))
def test_limbs_are_in_range_after_a_carry(values: list[int], width: int) -> None:
    """Widening and carrying preserve the integers, and every limb is in its documented range."""
    limbs = carry(widen(np.array([values], np.int64), width + 1))
    assert Ticks(limbs, 0).integers() == values
    assert limbs[:-1].min() >= 0
    assert limbs[:-1].max() < 2**32
    assert -(2**31) <= limbs[-1].min() <= limbs[-1].max() < 2**31


@pytest.mark.parametrize(("fast", "slow"), [(1, 3), (3, 1), (2, 3), (1, 2**15), (2**14, 2**15)])
@pytest.mark.parametrize("size", [1, 2**30, 2**61, 2**62, 10**37])
def test_products_beyond_int64_are_compared_exactly(fast: int, slow: int, size: int) -> None:
    """A difference of one tick is detected, however large closes and windows are."""
    rows = max(fast, slow) + 2
    values = [size] * rows
    values[-2] += 1
    ticks = Ticks.from_integers(values, 0)
    reach = max(fast, slow)
    expected = []
    for row in range(reach - 1, rows):
        window = values[: row + 1]
        expected.append(slow * sum(window[-fast:]) > fast * sum(window[-slow:]))
    flags = np.zeros((1, rows), np.uint8)
    assert count_within((Signal(fast, slow),), ticks, flags) == (sum(expected),)
    assert flags[0, reach - 1 :].tolist() == expected


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=40), st.integers(0, 20), st.integers(0, 18))
def test_words_that_end_in_zeros_are_the_same_closes_in_64_bits(integers: list[int], zeros: int, scale: int) -> None:
    """128-bit integers are the same closes at a smaller scale, in 64 bits where the zeros allow it."""
    written = [integer * 10**zeros for integer in integers]
    words = np.frombuffer(b"".join(each.to_bytes(16, "little", signed=True) for each in written), np.int64)
    ticks = Ticks.from_words(words.reshape(-1, 2), scale)
    assert ticks == Ticks.from_integers(written, scale)
    assert 0 <= ticks.scale <= scale
    if zeros <= min(scale, 18):
        assert len(ticks.limbs) == 1
