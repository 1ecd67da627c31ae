"""The flags and means of each row are the oracle's, however the rows are cut."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from streamsig import Signal, Ticks
from streamsig.core.row_signals import RowValues, lengths_of
from streamsig.core.series import SeriesState
from streamsig.core.signals import COMPARISONS
from streamsig.core.window import WindowState
from tests.support import oracle
from tests.support.strategies import Closes, closes, cuts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DataObject

signal_lists = st.lists(
    st.builds(Signal, st.integers(1, 4), st.integers(1, 12), st.sampled_from(COMPARISONS)), min_size=1, max_size=3
)


def pieces(data: DataObject, series: Closes) -> list[Closes]:
    """Cut a series anywhere."""
    places = data.draw(cuts(len(series)))
    return [series[start:stop] for start, stop in zip([0, *places], [*places, len(series)], strict=True)]


def update(state: SeriesState, series: Closes) -> RowValues:
    """Add rows, and return the values that are known then; the counts that updates return are theirs."""
    count = state.update(state.prepare([], Ticks.from_decimals(series)))
    assert state.row_values is not None
    assert count == state.row_values.counts[0]
    assert [each.sum() for each in state.row_values.flags] == [*state.row_values.counts]
    return state.row_values


def check(emitted: Sequence[RowValues], signals: Sequence[Signal], series: Closes) -> None:
    """Compare with flags and means recomputed for each row."""
    exact = [None if close is None else Fraction(close) for close in series]
    for place, signal in enumerate(signals):
        flags = [bool(flag) for each in emitted for flag in each.flags[place]]
        assert flags == oracle.flags(exact, signal.fast, signal.slow, signal.compare)
        for length in (signal.fast, signal.slow):
            means = [float(mean) for each in emitted for mean in each.averages[length]]
            for row, mean in enumerate(means):
                window = exact[max(0, row + 1 - length) : row + 1]
                known = [close for close in window if close is not None]
                if len(known) < length:
                    assert math.isnan(mean)
                else:
                    assert mean == float(sum(known) / length)


@given(st.data(), closes(), signal_lists)
def test_rows_of_a_series_are_those_of_the_oracle(data: DataObject, series: Closes, signals: list[Signal]) -> None:
    """Rows cut anywhere have the oracle's flags and means."""
    state = SeriesState(signals, mean_lengths=lengths_of(signals))
    check([update(state, piece) for piece in pieces(data, series)], signals, series)
    assert state.window == WindowState.of(signals, Ticks.from_decimals(series))


@given(st.data(), st.lists(closes(max_size=15), min_size=1, max_size=3), signal_lists)
def test_reversed_files_are_emitted_in_their_order(
    data: DataObject, files: list[Closes], signals: list[Signal]
) -> None:
    """Rows of reversed files are emitted file by file, in the order of the files."""
    before, emitted = SeriesState(signals, backwards=True, mean_lengths=lengths_of(signals)), list[RowValues]()
    for file in files:
        state = SeriesState(signals, backwards=True, mean_lengths=lengths_of(signals))
        mine = [update(state, piece) for piece in pieces(data, file)]
        assert sum(map(len, mine)) == len(file) - len(state.waiting)
        state.merge(before)
        assert state.row_values is not None
        before = state
        emitted += [each.reverse() for each in reversed([*mine, state.row_values])]
    series = [close for file in files for close in reversed(file)]
    check(emitted, signals, series)
    assert before.window == WindowState.of(signals, Ticks.from_decimals(series))


def test_means_are_the_nearest_floats() -> None:
    """Each mean is the nearest float64 at any scale, even if the sum is not a float64."""
    closes = [(row * 0x9E3779B97F4A7C15) % 2**58 for row in range(1000)]
    for scale in (0, 3, 20):
        ticks = Ticks.from_integers(closes, scale)
        means = RowValues.of([Signal(1, 3)], ticks).averages[3].tolist()
        assert means[2:] == [float(Fraction(sum(closes[row - 2 : row + 1]), 3 * 10**scale)) for row in range(2, 1000)]
