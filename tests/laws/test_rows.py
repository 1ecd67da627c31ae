"""The flags and means of each row are the oracle's, however the rows are cut."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from streamsig import Signal, Ticks
from streamsig.core.signals import COMPARISONS
from streamsig.engine.stages.row_windows import NewestFirst, OneSeries
from tests.support import oracle
from tests.support.strategies import Closes, closes, cuts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DataObject

    from streamsig.core.row_signals import RowValues

signal_lists = st.lists(
    st.builds(Signal, st.integers(1, 4), st.integers(1, 12), st.sampled_from(COMPARISONS)), min_size=1, max_size=3
)


def pieces(data: DataObject, series: Closes) -> list[Closes]:
    """Cut a series anywhere."""
    places = data.draw(cuts(len(series)))
    return [series[start:stop] for start, stop in zip([0, *places], [*places, len(series)], strict=True)]


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
def test_one_series(data: DataObject, series: Closes, signals: list[Signal]) -> None:
    """Rows cut anywhere have the oracle's flags and means."""
    rows = OneSeries(signals)
    check([rows.push(Ticks.from_decimals(piece)) for piece in pieces(data, series)], signals, series)


@given(st.data(), st.lists(closes(max_size=15), min_size=1, max_size=3), signal_lists)
def test_newest_first(data: DataObject, files: list[Closes], signals: list[Signal]) -> None:
    """Rows of reversed files are emitted file by file, in the order of the files."""
    rows, emitted = NewestFirst(signals), []
    for file in files:
        mine = [rows.push(Ticks.from_decimals(piece)) for piece in pieces(data, file)]
        emitted.append([*mine, rows.end_file()])
        assert sum(len(each.flags[0]) for each in emitted[-1]) == len(file)
    turned = [[each.take(slice(None, None, -1)) for each in reversed(mine)] for mine in emitted]
    check([each for mine in turned for each in mine], signals, [close for file in files for close in reversed(file)])


def test_means_are_the_nearest_floats() -> None:
    """Each mean is the nearest float64 at any scale, even if the sum is not a float64."""
    closes = [(row * 0x9E3779B97F4A7C15) % 2**58 for row in range(1000)]
    for scale in (0, 3, 20):
        ticks = Ticks.from_integers(closes, scale)
        means = OneSeries([Signal(1, 3)]).push(ticks).averages[3].tolist()
        assert means[2:] == [float(Fraction(sum(closes[row - 2 : row + 1]), 3 * 10**scale)) for row in range(2, 1000)]
