"""Every library of kernels that this processor can run gives the same result."""

from __future__ import annotations

import ctypes
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsig.core.keys import KeyTable, Texts
from streamsig.fields.closes import grammar_of
from streamsig.fields.numbers import NumberFormat
from streamsig.native import column_kernels, count_kernels, library, text_kernels

if TYPE_CHECKING:
    from collections.abc import Iterable

RUNNABLE = library.LEVELS[: library.load("baseline").processor_level() + 1]


def read(level: str, text: bytes, width: int, scale: int) -> list[object]:
    """Return everything that the kernels of a level read in `text`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "library", library.load(level))
        octets = np.frombuffer(text, np.uint8)
        results: list[object] = [text_kernels.last_record_end(octets, ",")]
        cells: list[text_kernels.Cells] = []
        for close in range(width):
            columns = text_kernels.Columns(",", width, close, (0, width - 1), last=close)
            regular = text_kernels.read_regular(octets, columns, grammar_of(NumberFormat()), scale)
            results += plain(regular or ())
            cells += [] if regular is None else [text_kernels.Cells.of(octets, regular.places, it) for it in range(2)]
        for records in text_kernels.split_records(octets, ",", range(width), most=50):
            results += plain(records)
            cells += [text_kernels.Cells.of(octets, records.places, each) for each in range(width)]
        for each in cells:
            numbers = text_kernels.read_numbers(each, grammar_of(NumberFormat()), scale)
            wide = text_kernels.read_wide_numbers(each, grammar_of(NumberFormat()))
            copies = text_kernels.copy_texts(each)
            results += plain((*numbers, *wide, *copies))
    return results


def plain(values: Iterable[object]) -> list[object]:
    """Return arrays as lists, and other values as they are."""
    return [it.tolist() if isinstance(it, np.ndarray) else it for it in values]


@given(
    st.lists(
        st.lists(st.sampled_from(["", "1", "-2.50", "12345678.90", '"3.25"', " 7.1 ", "nan", "9" * 20]), min_size=3,
                 max_size=3),
        max_size=60,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(0, 3),
)  # fmt: skip
def test_all_levels_agree(rows: list[list[str]], end: str, scale: int) -> None:
    """Every kernel level reads the same."""
    text = "".join(",".join(row) + end for row in rows).encode()
    results = [read(level, text, 3, scale) for level in RUNNABLE]
    assert all(result == results[0] for result in results)


@given(st.binary(max_size=300))
def test_all_levels_agree_on_any_bytes(text: bytes) -> None:
    """Every level reads the same from any bytes, quotes and NULs included."""
    results = [read(level, text + b"\n", 1, 0) for level in RUNNABLE]
    assert all(result == results[0] for result in results)


@given(
    st.lists(st.one_of(st.none(), st.integers(-3, 3), st.integers(-(2**50), 2**50)), min_size=1, max_size=2500),
    st.integers(1, 3),
    st.integers(1, 40),
    st.sampled_from([0, 1]),
    st.sampled_from([0, 1]),
)
def test_all_levels_count_the_same(closes: list[int | None], fast: int, slow: int, above: int, turns: int) -> None:
    """Every level counts the same over several blocks, with and without gaps."""
    ticks = np.array([close or 0 for close in closes], np.int64)
    missing = np.array([close is None for close in closes]) if None in closes else None
    signals = np.array([[fast, slow, above, turns], [1, slow, above, 0]], np.int64)
    counts: list[object] = []
    for level in RUNNABLE:
        flags = np.zeros((2, len(ticks)), np.uint8)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(library, "library", library.load(level))
            counts += plain(
                count_kernels.count_signals(ticks, missing, signals, (0, len(ticks)), each) for each in (None, flags)
            )
        counts.append(flags.sum(axis=1).tolist())
    assert all(count == counts[0] for count in counts)


prices = st.builds(lambda tick, scale: tick / 10**scale, st.integers(-(10**16), 10**16), st.integers(0, 16))
short = st.builds(lambda tick, scale: tick / 10**scale, st.integers(-(10**7), 10**7), st.integers(0, 3))


@given(
    st.lists(short | st.just(float("nan")), max_size=20),
    st.lists(
        prices | st.floats() | st.sampled_from([999999999999999.0, 1e15, 0.1 + 0.2, -0.0, 0.285, 1.005]), max_size=2
    ),
    st.integers(0, column_kernels.MAX_FLOAT_SCALE),
    st.sampled_from([1, 200]),
)
def test_all_levels_scale_floats_as_their_repr(usual: list[float], rare: list[float], scale: int, times: int) -> None:
    """A float is the decimal of its `repr`, if that has at most `scale` decimals and 15 digits; otherwise all wait."""
    floats = usual * times + rare
    decimals = [None if np.isinf(each) else Fraction(repr(each).replace("nan", "0")) for each in floats]
    scaled = [each and each * 10**scale for each in decimals]
    is_exact = all(each is not None and each.denominator == 1 and abs(each) < 10**15 for each in scaled)
    for level in RUNNABLE:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(library, "library", library.load(level))
            result = column_kernels.scale_floats(np.array(floats), scale)
        assert (result is not None) == is_exact
        if result is not None:
            ticks, missing = result
            assert ticks.tolist() == scaled
            assert missing.tolist() == np.isnan(floats).tolist()


@given(
    st.lists(
        prices
        | st.floats(1e-6, 1e15)
        | st.floats(2.0**-10, 2.0**20, width=32)
        | st.builds(lambda whole, power: whole * 2.0**power, st.integers(1, 2**53), st.integers(-60, 0))
        | st.sampled_from([2.0**power for power in range(-60, 54)])
        | st.sampled_from([float("nan"), 0.0, -0.0, 1125899906842624.25, 5e-324, float("inf"), 2.0**53, 1e300]),
        max_size=12,
    ),
    st.booleans(),
    st.sampled_from([np.float64, np.float32]),
)
def test_all_levels_read_the_shortest_decimal_of_floats(
    floats: list[float],
    negative: bool,  # noqa: FBT001
    kind: type[np.float64 | np.float32],
) -> None:
    """A float is the decimal of its `repr`; usual prices of up to 17 digits always have one."""
    with np.errstate(over="ignore"):
        array = np.array([-each for each in floats] if negative else floats, kind)
    texts = [str(each).replace("nan", "0") for each in array]
    for level in RUNNABLE:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(library, "library", library.load(level))
            results = [column_kernels.shortest_floats(array[row : row + 1]) for row in range(len(array))]
            whole = column_kernels.shortest_floats(array)
        for each, text, result in zip(array.tolist(), texts, results, strict=True):
            if result is None:
                assert not 1e-2 < abs(each) < (1e12 if kind is np.float64 else 1e7)
            else:
                assert Fraction(int(result[0][0]), 10 ** result[1]) == Fraction(text)
        if whole is not None:
            ticks, scale, missing = whole
            assert [Fraction(tick, 10**scale) for tick in ticks.tolist()] == [*map(Fraction, texts)]
            assert missing.tolist() == np.isnan(array).tolist()


@given(
    st.lists(st.integers(-(2**64), 2**64) | st.integers(-5, 5), max_size=20),
    st.integers(0, column_kernels.MAX_FACTOR_SCALE),
    st.integers(0, 18),
)
def test_all_levels_narrow_words(quotients: list[int], zeros: int, written: int) -> None:
    """Integers of 128 bits become integers of 64 bits if all are multiples of a power of ten whose quotients fit."""
    integers = [each * 10**written for each in quotients]
    words = np.frombuffer(b"".join(each.to_bytes(16, "little", signed=True) for each in integers), np.int64)
    for level in RUNNABLE:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(library, "library", library.load(level))
            ticks = column_kernels.narrow_words(words.reshape(-1, 2), zeros)
        fits = all(each % 10**zeros == 0 and -(2**63) <= each // 10**zeros < 2**63 for each in integers)
        expected = [each // 10**zeros for each in integers] if fits else None
        assert (None if ticks is None else ticks.tolist()) == expected


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20), st.integers(0, column_kernels.MAX_FACTOR_SCALE))
def test_all_levels_widen_ticks(integers: list[int], scale: int) -> None:
    """Integers of 64 bits times a power of ten are integers of 128 bits."""
    for level in RUNNABLE:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(library, "library", library.load(level))
            words = column_kernels.widen_ticks(np.array(integers, np.int64), scale)
        assert words.tobytes() == b"".join((each * 10**scale).to_bytes(16, "little", signed=True) for each in integers)


def test_wrong_arrays_are_refused() -> None:
    """An array of another type is an error."""
    with pytest.raises(TypeError, match="an array of int8"):
        text_kernels.last_record_end(np.zeros(10, np.int8), ",")


def test_what_does_not_fit_is_refused() -> None:
    """Too many decimals, a wrong field or too few places is an error."""
    text, form = np.frombuffer(b"1.5,2\n", np.uint8), grammar_of(NumberFormat())
    for close, further, last, scale in (
        (0, 0, 0, text_kernels.MAX_SCALE + 1),
        (2, 0, 0, 1),
        (0, -1, 0, 1),
        (0, 0, 2, 1),
    ):
        with pytest.raises(ValueError, match="not in"):
            text_kernels.read_regular(text, text_kernels.Columns(",", 2, close, (further,), last), form, scale)
    with pytest.raises(ValueError, match="not in 3 places"):
        text_kernels.copy_texts(text_kernels.Cells(text, np.zeros(3, np.int32), 2, 2))


def test_columns_that_do_not_fit_are_refused() -> None:
    """A scale beyond 15 decimals, or integers of other than two words, are an error."""
    with pytest.raises(ValueError, match="a scale of 16"):
        column_kernels.scale_floats(np.zeros(1), 16)
    with pytest.raises(ValueError, match="a scale of 19"):
        column_kernels.widen_ticks(np.zeros(1, np.int64), 19)
    with pytest.raises(ValueError, match="of 3 words"):
        column_kernels.narrow_words(np.zeros((1, 3), np.int64))
    with pytest.raises(ValueError, match="19 zeros"):
        column_kernels.narrow_words(np.zeros((1, 2), np.int64), 19)


def test_rows_beyond_the_run_are_refused() -> None:
    """A span that is not between rows of the run is refused."""
    signals, ticks = np.array([[1, 5, 1, 0]], np.int64), np.arange(9)
    for span in ((-1, 9), (0, 10), (5, -1)):
        with pytest.raises(ValueError, match="a span"):
            count_kernels.count_signals(ticks, None, signals, span)


def test_closes_that_are_too_large_are_not_counted() -> None:
    """The kernel does not count where a product may not fit in 64 bits."""
    ticks = np.array([1 << 59, 0], np.int64)
    assert count_kernels.count_signals(ticks, None, np.array([[1, 8, 1, 0]], np.int64), (0, 2)) is None
    assert count_kernels.count_signals(-ticks, None, np.array([[8, 1, 1, 0]], np.int64), (0, 2)) is None
    assert count_kernels.count_signals(ticks, None, np.array([[1, 7, 1, 0]], np.int64), (0, 2)) is not None


def test_flags_of_other_rows_are_refused() -> None:
    """Kernels refuse an array of flags that is too short for the rows."""
    rule = np.array([[1, 5, 1, 0]], np.int64)
    with pytest.raises(ValueError, match=r"flags of \(1, 8\)"):
        count_kernels.count_signals(np.arange(9), None, rule, (0, 9), np.zeros((1, 8), np.uint8))


@pytest.mark.parametrize("rule", [[-2, 3, 1, 0], [0, 3, 1, 0], [2, 2**63 - 1, 1, 1], [2, 3, 1, -1], [2, 3, 1, 2]])
def test_means_of_no_rows_are_refused(rule: list[int]) -> None:
    """An empty range of means, or more than one turn, is an error."""
    with pytest.raises(ValueError, match="means are of"):
        count_kernels.count_signals(np.arange(9), None, np.array([rule], np.int64), (0, 9))


def test_a_library_that_was_not_built() -> None:
    """A missing library gives a message that says what to do."""
    with pytest.raises(ImportError, match="install streamsig with pip"):
        library.load("no_such_level")


def test_a_library_that_was_built_from_other_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library with other kernel arguments is refused, not called."""
    for change in (library.INTERFACE + 1, None):
        monkeypatch.setattr(library, "INTERFACE", change)
        with pytest.raises(ImportError, match="is built from other sources; install streamsig with pip again"):
            library.load("baseline")


def test_arrays_are_what_the_kernels_need() -> None:
    """Arrays of a wrong type, shape or order are refused."""
    table = KeyTable()
    starts = np.array([0, 1], np.int32)
    for content in (np.zeros(9, np.int8), np.zeros((9, 1), np.uint8), np.zeros(18, np.uint8)[::2]):
        with pytest.raises(TypeError, match="where contiguous uint8 of 1 is needed"):
            table.number(Texts(starts, content))


@pytest.mark.parametrize("level", RUNNABLE)
def test_a_signal_is_not_hidden(level: str) -> None:
    """Kernel arguments are plain C types, so no Python code runs while ctypes converts them."""
    for name in library.SIGNATURES:
        assert set(getattr(library.load(level), name).argtypes) <= {ctypes.c_void_p, ctypes.c_int64}
