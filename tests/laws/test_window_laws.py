"""The laws of the window state, for any closes and cuts."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsig import Fold, Signal, Ticks, WindowState
from streamsig.core.signals import COMPARISONS
from tests.support import oracle
from tests.support.strategies import Closes, closes, cuts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DataObject

signal_lists = st.lists(
    st.builds(Signal, st.integers(1, 4), st.integers(1, 45), st.sampled_from(COMPARISONS)), min_size=1, max_size=3
)


def state_of(signals: Sequence[Signal], series: Closes) -> WindowState:
    """Count one run."""
    return WindowState.of(signals, Ticks.from_decimals(series))


def facts(state: WindowState) -> tuple[object, ...]:
    """Return the counts of a state, which do not depend on how it was built."""

    def ends(ticks: Ticks) -> list[Fraction | None]:
        absent = [False] * len(ticks) if ticks.missing is None else ticks.missing.tolist()
        return [
            None if gone else Fraction(tick, 10**ticks.scale)
            for tick, gone in zip(ticks.integers(), absent, strict=True)
        ]

    return state.signals, state.rows, state.rows_missing, state.counts, ends(state.head), ends(state.tail)


def split(series: Closes, places: list[int]) -> list[Closes]:
    """Cut a series at these places."""
    return [series[start:stop] for start, stop in zip([0, *places], [*places, len(series)], strict=True)]


@given(closes(), signal_lists)
def test_a_run_counts_what_the_oracle_counts(series: Closes, signals: list[Signal]) -> None:
    """One run without cuts has the counts of a recomputation of every window in fractions."""
    exact = [None if close is None else Fraction(close) for close in series]
    state = state_of(signals, series)
    assert state.rows == len(series)
    assert state.rows_missing == series.count(None)
    assert state.counts == tuple(
        sum(oracle.flags(exact, signal.fast, signal.slow, signal.compare)) for signal in signals
    )


@given(st.data(), closes(), signal_lists)
def test_cuts_are_invisible(data: DataObject, series: Closes, signals: list[Signal]) -> None:
    """Runs cut anywhere, empty ones included, merge to the state of the whole."""
    runs = [state_of(signals, run) for run in split(series, data.draw(cuts(len(series))))]
    merged = reduce(WindowState.merge, runs)
    assert facts(merged) == facts(state_of(signals, series))


@given(closes(), closes(), closes(), signal_lists)
def test_merge_is_associative(one: Closes, two: Closes, three: Closes, signals: list[Signal]) -> None:
    """The order of merging does not change the state."""
    a, b, c = (state_of(signals, series) for series in (one, two, three))
    assert facts(a.merge(b).merge(c)) == facts(a.merge(b.merge(c)))


@given(closes(), signal_lists)
def test_the_empty_state_is_the_identity(series: Closes, signals: list[Signal]) -> None:
    """Merging with an empty state on either side changes nothing."""
    state, nothing = state_of(signals, series), WindowState.empty(signals)
    assert facts(state.merge(nothing)) == facts(nothing.merge(state)) == facts(state)
    assert facts(nothing.merge(nothing)) == facts(nothing)


@given(st.data(), closes(), signal_lists)
def test_a_fold_is_the_merge_of_all(data: DataObject, series: Closes, signals: list[Signal]) -> None:
    """The fold's order of merging is invisible, and reading its result does not change it."""
    fold = Fold(signals)
    done: Closes = []
    for run in split(series, data.draw(cuts(len(series)))):
        fold.push(state_of(signals, run))
        done += run
        if data.draw(st.booleans()):
            assert facts(fold.result()) == facts(state_of(signals, done))
    assert facts(fold.result()) == facts(state_of(signals, series))


@given(closes(), closes(), signal_lists)
def test_update_continues_a_run(first: Closes, second: Closes, signals: list[Signal]) -> None:
    """Updating batch by batch equals updating with all rows at once."""
    state = WindowState.empty(signals)
    for batch in (first, second):
        state = state.update(Ticks.from_decimals(batch))
    assert facts(state) == facts(state_of(signals, first + second))


@pytest.mark.parametrize("window", [1, 2, 5])
def test_the_state_stays_bounded(window: int) -> None:
    """A state holds at most `window - 1` closes at either end, and no view of a longer array."""
    state = WindowState.empty([Signal(1, window)])
    for _ in range(50):
        state = state.update(Ticks.from_integers(list(range(1000)), 2))
    for ticks in (state.head, state.tail):
        assert len(ticks) == window - 1
        assert ticks.limbs.base is None or ticks.limbs.base.size <= window - 1


def test_a_fold_stays_bounded() -> None:
    """A fold of many short runs holds O(window) closes, not all of them."""
    fold = Fold([Signal(1, 100)])
    for _ in range(5000):
        fold.push(WindowState.of([Signal(1, 100)], Ticks.from_integers([1, 2, 3], 0)))
        assert sum(len(run.head) + len(run.tail) for run in fold._runs) <= 4 * 100  # noqa: SLF001 (it is promised to be bounded)


def test_a_fold_of_runs_that_get_shorter_stays_bounded() -> None:
    """Ever shorter runs do not accumulate in a fold."""
    fold = Fold([Signal(1, 1000)])
    for rows in range(600, 0, -1):
        fold.push(WindowState.of([Signal(1, 1000)], Ticks.from_integers([1] * rows, 0)))
        assert sum(len(run.head) + len(run.tail) for run in fold._runs) <= 4 * 1000  # noqa: SLF001 (as above)


def test_states_of_different_signals_do_not_merge() -> None:
    """Joining counts of different signals is an error, not a number."""
    one, other = WindowState.empty([Signal(1, 2)]), WindowState.empty([Signal(1, 3)])
    with pytest.raises(ValueError, match="different signals"):
        one.merge(other)


@pytest.mark.parametrize(("fast", "slow"), [(0, 5), (5, 0), (-1, 5), (2**23, 2**22)])
def test_impossible_windows_are_refused(fast: int, slow: int) -> None:
    """Windows below one, and products that could overflow, are refused when the signal is created."""
    with pytest.raises(ValueError, match="must be at least 1"):
        Signal(fast, slow)
