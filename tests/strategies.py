"""What Hypothesis draws: series of closes that look for trouble, and cuts through them."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

Closes = list[Decimal | None]

WIDE = Context(prec=1000)
"""Decimal's own context would round what is drawn to 28 digits."""


def decimals(places: int, largest: int) -> SearchStrategy[Decimal]:
    """Draw decimals with up to `places` decimals and integers up to `largest` in size."""
    return st.builds(
        lambda integer, scale: Decimal(integer).scaleb(-scale, WIDE),
        st.integers(-largest, largest),
        st.integers(0, places),
    )


_KINDS: tuple[SearchStrategy[Decimal], ...] = (
    # few values: ties everywhere
    st.sampled_from([Decimal("1.00"), Decimal("1.01"), Decimal("1.02"), Decimal(-1)]),
    # cents
    decimals(2, 10_000),
    # more decimals than cents, so that the scale rises on the way
    decimals(18, 10**6),
    # around the end of int64, and beyond
    st.integers(2**63 - 3, 2**63 + 3).map(Decimal),
    st.builds(lambda sign, digits: Decimal(sign * digits), st.sampled_from([1, -1]), st.integers(0, 10**38 - 1)),
    decimals(38, 10**38 - 1),
)


@st.composite
def closes(draw: DrawFn, max_size: int = 40) -> Closes:
    """Draw a series: one kind or a mixture, closes missing here and there."""
    kinds = draw(st.lists(st.sampled_from(_KINDS), min_size=1, max_size=3))
    value: SearchStrategy[Decimal | None] = st.one_of(*kinds)
    if draw(st.booleans()):
        value = st.one_of(value, value, value, st.none())
    return draw(st.lists(value, max_size=max_size))


@st.composite
def cuts(draw: DrawFn, size: int) -> list[int]:
    """Draw places to cut a series of `size` rows at: sorted, often equal, so that many runs are empty."""
    return sorted(draw(st.lists(st.integers(0, size), max_size=8)))
