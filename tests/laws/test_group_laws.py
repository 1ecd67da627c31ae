"""The laws of the group state, for any closes, keys and cuts."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsig import Signal, Ticks
from streamsig.core.groups import GroupRows, GroupState, TooManyGroupsError
from streamsig.core.int64_words import differences, from_words, to_words, words_for
from streamsig.core.keys import KeyTable, Texts
from streamsig.core.row_signals import lengths_of
from streamsig.core.signals import COMPARISONS
from streamsig.native import count_kernels, library
from tests.support import oracle
from tests.support.strategies import Closes, closes, cuts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DataObject, DrawFn

signal_lists = st.lists(
    st.builds(Signal, st.integers(1, 4), st.integers(1, 12), st.sampled_from(COMPARISONS)), min_size=1, max_size=3
)
key_texts = st.sampled_from(
    [b"", b"A", b"B", b"AA", 'é,"\n'.encode(), b"a long key, ending in a", b"a long key, ending in b"]
)


@st.composite
def keyed(draw: DrawFn) -> tuple[list[bytes], Closes]:
    """Draw a series with a key per row."""
    series = draw(closes())
    size = len(series)
    return draw(st.lists(key_texts, min_size=size, max_size=size)), series


def state_of(signals: Sequence[Signal], keys: list[bytes], series: Closes, *, backwards: bool = False) -> GroupState:
    """Count one run of rows."""
    state = GroupState(signals, backwards=backwards)
    state.update(state.prepare([Texts.of(keys)], Ticks.from_decimals(series)))
    return state


def facts(state: GroupState) -> dict[bytes, list[int]]:
    """Return the counts of each group in a state."""
    return dict(zip(state.keys().to_bytes(), state.group_counts.tolist(), strict=True))


def answer(signals: Sequence[Signal], keys: list[bytes], series: Closes) -> dict[bytes, list[int]]:
    """Return the same counts, with every window of each group recomputed."""
    result = {}
    for key in dict.fromkeys(keys):
        own = [None if it is None else Fraction(it) for other, it in zip(keys, series, strict=True) if other == key]
        counts = [sum(oracle.flags(own, each.fast, each.slow, each.compare)) for each in signals]
        result[key] = [len(own), own.count(None), *counts]
    return result


@given(keyed(), signal_lists)
def test_each_group_counts_as_if_alone(rows: tuple[list[bytes], Closes], signals: list[Signal]) -> None:
    """Each group has the counts of its rows alone, and groups are in the order of their first rows."""
    actual = facts(state_of(signals, *rows))
    assert actual == answer(signals, *rows)
    assert list(actual) == list(dict.fromkeys(rows[0]))


@given(st.data(), keyed(), signal_lists)
def test_updates_are_invisible(data: DataObject, rows: tuple[list[bytes], Closes], signals: list[Signal]) -> None:
    """The cuts between updates do not change the state, and the signals that updates return add up."""
    keys, series = rows
    places = data.draw(cuts(len(series)))
    state, added = GroupState(signals), 0
    for start, stop in zip([0, *places], [*places, len(series)], strict=True):
        added += state.update(state.prepare([Texts.of(keys[start:stop])], Ticks.from_decimals(series[start:stop])))
    assert facts(state) == answer(signals, keys, series)
    assert added == state.counts[0]
    assert (state.rows, state.rows_missing) == (len(series), series.count(None))


@given(st.data(), keyed(), signal_lists)
def test_rows_have_the_values_of_their_group(
    data: DataObject, rows: tuple[list[bytes], Closes], signals: list[Signal]
) -> None:
    """Flags and means of a row are those of its group alone, however runs are cut."""
    keys, series = rows
    places, lengths = (
        data.draw(cuts(len(series))),
        sorted({length for signal in signals for length in (signal.fast, signal.slow)}),
    )
    state = GroupState(signals, mean_lengths=lengths_of(signals))
    flags: list[list[int]] = [[] for _ in signals]
    means: dict[int, list[float]] = {length: [] for length in lengths}
    for start, stop in zip([0, *places], [*places, len(series)], strict=True):
        run = state.prepare([Texts.of(keys[start:stop])], Ticks.from_decimals(series[start:stop]))
        count, values = state.update(run), state.row_values
        assert values is not None
        assert count == values.counts[0]
        assert [each.sum() for each in values.flags] == [*values.counts]
        for column, more in zip(flags, values.flags, strict=True):
            column.extend(more.tolist())
        for length, more_means in values.averages.items():
            means[length] += more_means.tolist()
    assert facts(state) == answer(signals, keys, series)
    for key in {*keys}:
        own = [row for row, other in enumerate(keys) if other == key]
        closes_of_key = [None if series[row] is None else Fraction(series[row]) for row in own]
        for signal, column in zip(signals, flags, strict=True):
            expected = oracle.flags(closes_of_key, signal.fast, signal.slow, signal.compare)
            assert [column[row] for row in own] == [*map(int, expected)]
        for length in lengths:
            windows = (closes_of_key[max(0, row - length + 1) : row + 1] for row in range(len(own)))
            wanted = [None if len(it) < length or None in it else float(sum(it) / length) for it in windows]
            assert [None if np.isnan(means[length][row]) else means[length][row] for row in own] == wanted


def test_rows_newest_first_have_no_values_yet() -> None:
    """A state that runs backwards refuses to emit rows, since their values depend on later rows."""
    with pytest.raises(ValueError, match="newest first"):
        GroupState([Signal(1, 2)], backwards=True, mean_lengths=[1, 2])


@given(st.data(), keyed(), signal_lists, st.booleans())
def test_merge_is_associative(
    data: DataObject,
    rows: tuple[list[bytes], Closes],
    signals: list[Signal],
    backwards: bool,  # noqa: FBT001
) -> None:
    """The order of merging runs, empty ones included, does not change the state, forwards or backwards."""
    keys, series = rows
    places = data.draw(cuts(len(series)))
    runs = [
        state_of(signals, keys[start:stop], series[start:stop], backwards=backwards)
        for start, stop in zip([0, *places], [*places, len(series)], strict=True)
    ]
    while len(runs) > 1:
        seam = data.draw(st.integers(1, len(runs) - 1))
        runs[seam - 1].merge(runs.pop(seam))
    turn = -1 if backwards else 1
    assert facts(runs[0]) == answer(signals, keys[::turn], series[::turn])


@given(keyed(), keyed(), signal_lists)
def test_a_merged_state_takes_further_rows(
    first: tuple[list[bytes], Closes], second: tuple[list[bytes], Closes], signals: list[Signal]
) -> None:
    """A merged state takes further rows like any other state."""
    state = reduce(lambda left, right: (left.merge(right), left)[1], [state_of(signals, *first), GroupState(signals)])
    state.merge(state_of(signals, *second))
    state.update(state.prepare([Texts.of(first[0])], Ticks.from_decimals(first[1])))
    assert facts(state) == answer(signals, first[0] + second[0] + first[0], first[1] + second[1] + first[1])


@given(st.lists(st.binary(max_size=20), max_size=60), st.data())
def test_keys_are_numbered_as_they_come(texts: list[bytes], data: DataObject) -> None:
    """Keys are numbered in order of appearance, however they are fed."""
    table = KeyTable()
    numbers: list[int] = []
    places = data.draw(cuts(len(texts)))
    for start, stop in zip([0, *places], [*places, len(texts)], strict=True):
        numbers += table.number(Texts.of(texts[start:stop])).tolist()
    known = list(dict.fromkeys(texts))
    assert numbers == [known.index(text) for text in texts]
    assert table.texts().to_bytes() == known
    assert table.texts(1, 3).to_bytes() == known[1:3]


def test_many_and_long_keys() -> None:
    """The key table grows without losing a key."""
    texts = [b"%d" % number for number in range(20_000)] + [b"x" * 100_000, b"x" * 99_999]
    table = KeyTable()
    for _ in range(2):
        assert table.number(Texts.of(texts)).tolist() == list(range(len(texts)))
    assert table.texts().to_bytes() == texts


def test_growing_capacity_loses_no_group() -> None:
    """Growing the capacity for groups loses none of them."""
    signals, many = [Signal(1, 3), Signal(2, 3, "cross_below")], 5000
    keys = [b"%d" % number for number in range(many)]
    whole, state = GroupState(signals), GroupState(signals)
    whole.update(whole.prepare([Texts.of(keys * 4)], Ticks.from_integers([n * n % 7 for n in range(4 * many)], 0)))
    for start in range(0, 4 * many, 700):
        run = range(start, min(start + 700, 4 * many))
        ticks = Ticks.from_integers([n * n % 7 for n in run], 0)
        state.update(state.prepare([Texts.of([keys[n % many] for n in run])], ticks))
    assert facts(state) == facts(whole)
    assert len(state) == many


@given(st.lists(st.one_of(st.integers(-(2**250), 2**250), st.integers(-5, 5)), min_size=1), st.integers(0, 3))
def test_words_and_limbs_are_the_same_numbers(integers: list[int], more: int) -> None:
    """Ticks of any size are the same numbers in any sufficient number of words."""
    ticks = Ticks.from_integers(integers, 0)
    words = to_words(ticks, words_for(max(map(abs, integers))) + more)
    assert from_words(words, 0).integers() == integers
    steps = [after - before for before, after in pairwise(integers)]
    wide = to_words(ticks, words_for(2**252))
    assert from_words(differences(wide), 0).integers() == steps


@pytest.mark.parametrize("window", [1, 2, 5])
def test_the_state_stays_bounded(window: int) -> None:
    """A group stores at most two windows of closes, however many rows it has."""
    state = GroupState([Signal(1, window)])
    for _ in range(50):
        state.update(state.prepare([Texts.of([b"A", b"B"] * 500)], Ticks.from_integers(list(range(1000)), 2)))
    assert len(state) == 2
    assert sum(array.size for array in state._arrays) < 64 * (2 * window + 6)  # noqa: SLF001 (it is promised to be bounded)


def test_too_many_groups_are_refused() -> None:
    """Too many groups are refused before memory is allocated, with the size they would need."""
    keys, state = Texts.of([b"%d" % number for number in range(5000)]), GroupState([Signal(1, 100)], max_bytes=1 << 20)
    with pytest.raises(
        TooManyGroupsError, match="5,000 groups by now, of windows of 100 rows, would take 9 MiB, more than the 1"
    ):
        state.update(state.prepare([keys], Ticks.from_integers([1] * 5000, 0)))


def test_long_keys_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes of keys count towards the limit, and their total is bounded in any case."""
    state = GroupState([Signal(1, 3)], max_bytes=24 << 20)

    def rows(names: list[bytes]) -> GroupRows:
        return state.prepare([Texts.of(names)], Ticks.from_integers([1] * len(names), 0))

    state.update(rows([b"%d" % number for number in range(4000)]))
    for step in range(5):
        # one key exceeds all earlier ones together
        state.update(rows([b"long %d" % step + bytes(1 << 20)]))
    with pytest.raises(
        TooManyGroupsError, match=r"4,015 groups by now, .* would take [2-5][0-9] MiB, more than the 24"
    ):
        state.update(rows([b"%d" % step + bytes(1 << 20) for step in range(10)]))
    monkeypatch.setattr("streamsig.core.groups._MAX_TEXT_BYTES", 1000)
    state = GroupState([Signal(1, 3)])
    state.update(rows([bytes(999)]))
    with pytest.raises(TooManyGroupsError, match="2 groups by now have names of more than 1,000 bytes"):
        state.update(rows([b"ab"]))


def test_states_of_different_signals_do_not_merge() -> None:
    """Merging states with different signals or directions is an error."""
    for other in (GroupState([Signal(1, 3)]), GroupState([Signal(1, 2)], backwards=True)):
        with pytest.raises(ValueError, match="different signals"):
            GroupState([Signal(1, 2)]).merge(other)


@given(keyed(), signal_lists)
def test_all_levels_count_groups_the_same(rows: tuple[list[bytes], Closes], signals: list[Signal]) -> None:
    """Every kernel level counts the same."""
    result = []
    for level in library.LEVELS[: library.load("baseline").processor_level() + 1]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(library, "library", library.load(level))
            result.append(facts(state_of(signals, *rows)))
    assert all(each == result[0] for each in result)


def test_inconsistent_arguments_are_refused() -> None:
    """Kernels refuse arguments that would reach beyond their arrays."""
    arrays = count_kernels.GroupArrays(
        np.zeros((2, 3, 1), np.int64), np.zeros((2, 2, 1), np.int64), np.zeros((2, 3), np.int32),
        np.zeros((2, 3), np.int64),
    )  # fmt: skip
    rule = np.array([[3, 3, 0, 1, 1, 0, 3, 0]], np.int64)
    ticks = np.zeros((1, 1), np.int64)
    for group, closes_, missing, rules in (
        (2, ticks, None, rule),
        (-1, ticks, None, rule),
        (0, np.zeros((2, 1), np.int64), None, rule),
        (0, np.zeros((1, 2), np.int64), None, rule),
        (0, ticks, np.zeros(2, np.bool_), rule),
        (0, ticks, None, rule + 1),
    ):
        rows = count_kernels.GroupCloses(np.array([group], np.int32), closes_, missing)
        with pytest.raises(ValueError):  # noqa: PT011 (six messages)
            count_kernels.count_groups(rows, rules, arrays)
    for crossing, message in ((1, "reaches beyond 3 rows"), (-1, "later rows")):
        rule[0, -1] = crossing
        with pytest.raises(ValueError, match=message):
            count_kernels.count_groups(count_kernels.GroupCloses(np.zeros(1, np.int32), ticks), rule, arrays)
    wide = count_kernels.GroupArrays.empty(2, 3, count_kernels.MAX_WORDS + 1, 1)
    row = count_kernels.GroupCloses(np.zeros(1, np.int32), np.zeros((1, count_kernels.MAX_WORDS + 1), np.int64))
    with pytest.raises(ValueError, match="words are not in"):
        count_kernels.count_groups(row, rule, wide)
    with pytest.raises(ValueError, match="starts of"):
        KeyTable().number(Texts(np.array([0, 9], np.int32), np.zeros(3, np.uint8)))


def test_widening_closes_takes_little_memory() -> None:
    """Closes are widened a few groups at a time, and both copies count towards the limit."""
    keys = Texts.of([b"%d" % number for number in range(3000)])
    state = GroupState([Signal(1, 100)], max_bytes=12 << 20)
    state.update(state.prepare([keys], Ticks.from_integers([5] * 3000, 0)))
    tracemalloc.start()
    state.update(state.prepare([keys], Ticks.from_integers([55] * 3000, 1)))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 6 << 20
    assert state.counts == (0,)
    with pytest.raises(TooManyGroupsError, match="3,000 groups by now"):
        state.update(state.prepare([keys], Ticks.from_integers([5 * 10**18] * 3000, 1)))
