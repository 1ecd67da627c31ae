"""Hypothesis strategies: series of difficult closes, and cuts through them."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from streamsig.fields.numbers import NumberFormat

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

Closes = list[Decimal | None]

WIDE = Context(prec=1000)
"""The default context would round drawn decimals to 28 digits."""


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
    # more decimals than cents, so that the scale rises
    decimals(18, 10**6),
    # around the end of int64, and beyond
    st.integers(2**63 - 3, 2**63 + 3).map(Decimal),
    st.builds(lambda sign, digits: Decimal(sign * digits), st.sampled_from([1, -1]), st.integers(0, 10**38 - 1)),
    decimals(38, 10**38 - 1),
)


@st.composite
def closes(draw: DrawFn, max_size: int = 40) -> Closes:
    """Draw a series of one kind or a mixture, with missing closes."""
    kinds = draw(st.lists(st.sampled_from(_KINDS), min_size=1, max_size=3))
    value: SearchStrategy[Decimal | None] = st.one_of(*kinds)
    if draw(st.booleans()):
        value = st.one_of(value, value, value, st.none())
    return draw(st.lists(value, max_size=max_size))


_DIFFICULT_NUMBERS = [
    "3e+-5", "3e+-2000000000", "3,e-2000000000", "1e99999999999", "1e-99999999999", "0e99999999999", "1e0000018",
    "1e", "e5", "9" * 38, "9" * 39, "0." + "9" * 38, "0." + "0" * 38 + "1", "1" + "0" * 37, "1" + "0" * 38,
    "18446744073709551616", "9" * 19, "9" * 20, "0" * 600, "0" * 40 + "1.5" + "0" * 40, " " * 600, "1" * 600,
    "00 123", "0,123", "012,345", "1,2345", "1,23,456", "1,2,345", "1,234,56", "1 234 567", "1'234", "1.234.567,8",
    ".75", ",75", "75.", "75,", ".", ",", "+", "-", "--1", "+-1", "1-", "1 2", "1.2.3", "1,003", "1.003", "12.003",
    "0.003", "999", "99", "1000", "1.5e3", "1.003e0", "9223372036854775807", "-9223372036854775807",
    "9223372036.854775807", "9223372036854775808", "9.223372036854776E18", "9223372036.8547760",
    "922337203685477580700e-2", "(1.50)", "(1)", "(-1.5)", "(1,5)", "(1.5", "=1.5", '="1.50"', '="1,234.5"', '=""',
    '="', '="a"b"', "\u22121.5", "-\u22121", "\u2013", "\u20131", "1\u2019234.5", "\uffe51,234", "1,234\u5186",
    "1\u00a0234,5", "1\u202f234", "1\u2007234", "\u00a01.5", "\u00a0", "USD 1,234.50", "1.5USD", "1.5 EUR", "USD",
    "USD-5", "-USD5", "$-1.5", "-$1.5", "$$1", "$+$1", "kr. 5", "kr.5", "Rs.75", "Rs..75", "1.5 kr.", "1.5E",
    "1.5EUR", "1E5EUR", "ABC 1.5", "NaN", "nan", "-NaN", "N/A", "n.a.", "#N/A N/A", "null", "none", "word", "inf",
    "-inf", "0x10", "\uff11", "\u0661", "1_000", "\ufffd", "1\x00", "\x00", "1\x0b", "\x1f1",
]  # fmt: skip
_CURRENCY = st.sampled_from(["", "", "", "", "$", "\u20ac", "USD ", "kr ", "R$", "\u5186"])


@st.composite
def numbers(draw: DrawFn) -> str:
    """Draw a number in some format, or a text close to one."""
    if draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(_DIFFICULT_NUMBERS))
    digits = (
        st.text("0123456789", max_size=4) | st.text("0123456789", max_size=25) | st.sampled_from(["0", "00", "123"])
    )
    mark, separator = (
        draw(st.sampled_from(".,")),
        draw(st.sampled_from(["", "", ",", ".", "'", " ", "\u2019", "\u202f"])),
    )
    whole = separator.join(draw(st.lists(digits, min_size=1, max_size=3 if separator else 1)))
    fraction = draw(st.sampled_from(["", mark])) and mark + draw(digits)
    exponent = draw(st.sampled_from(["", "", "", "e", "E"]))
    if exponent:
        exponent += draw(st.sampled_from(["", "+", "-"])) + draw(
            st.sampled_from(["0", "1", "5", "007", "18", "37", "400", "9" * 30])
        )
    sign = draw(st.sampled_from(["", "", "", "-", "+", "\u2212"]))
    number = f"{draw(_CURRENCY)}{sign}{draw(_CURRENCY)}{whole}{fraction}{exponent}{draw(_CURRENCY)}"
    return draw(st.sampled_from(["{}", "{}", "{}", " {}", "{} ", "\t{} ", '="{}"', "({})"])).format(number)


@st.composite
def formats(draw: DrawFn) -> NumberFormat:
    """Draw a number format with its missing markers."""
    decimal = draw(st.sampled_from(".,"))
    thousands = draw(st.sampled_from(["", "", ".", ",", "'", " "]).filter(lambda it: it != decimal))
    markers = st.sampled_from(
        ["0.00", "-1", "999999", "0", "1,5", "1.5", "halted", "\u2013x", "9223372036854775807", "1e2"]
    )
    missing = frozenset(draw(st.lists(markers | numbers(), max_size=2)))
    doubt = draw(st.sampled_from(["", "", "ambiguous_mark", "mark_by_convention"]))
    return NumberFormat(
        decimal,
        thousands,
        missing,
        ambiguous_mark=doubt == "ambiguous_mark",
        mark_by_convention=doubt == "mark_by_convention",
    )


@st.composite
def cuts(draw: DrawFn, size: int) -> list[int]:
    """Draw sorted places to cut a series of `size` rows, often equal, so that many runs are empty."""
    return sorted(draw(st.lists(st.integers(0, size), max_size=8)))
