"""Counts several signals at once, within a run of rows or across the seam of two runs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from streamsig.core.int64_words import largest_of, to_words, words_for
from streamsig.core.ticks import concat
from streamsig.native import count_kernels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamsig.core.signals import Signal
    from streamsig.core.ticks import Ticks

Signals = tuple["Signal", ...]


def count_within(
    signals: Signals, ticks: Ticks, flags: NDArray[np.uint8] | None = None, start: int = 0
) -> tuple[int, ...]:
    """Count each signal over the windows inside a run that end at row `start` or later, in linear time.

    `flags`, zeros of shape (signals, rows), receives a 1 for each row that is counted.
    """
    return _count(signals, ticks, (start, len(ticks)), flags) if len(ticks) else (0,) * len(signals)


def count_across(signals: Signals, left: Ticks, right: Ticks) -> tuple[int, ...]:
    """Count each signal over the windows with rows on both sides of a seam."""
    if not len(left) or not len(right):
        return (0,) * len(signals)
    return _count(signals, concat([left, right]), (len(left), len(left)), None)


def rules_of(signals: Sequence[Signal], *, backwards: bool = False) -> NDArray[np.int64]:
    """Return signals in the form of `count_kernels.count_groups`; `backwards` rows arrive newest first."""
    return np.array([_rule(each, backwards=backwards) for each in signals], np.int64).reshape(-1, 8)


def factor_of(signals: Sequence[Signal]) -> int:
    """Return a bound of the difference of two products that a signal compares, in multiples of the largest close."""
    return 2 * max((signal.fast * signal.slow for signal in signals), default=1)


def _count(signals: Signals, ticks: Ticks, span: tuple[int, int], flags: NDArray[np.uint8] | None) -> tuple[int, ...]:
    """Count each signal over the windows that end at row `span[0]` or later, and begin before row `span[1]`."""
    if len(ticks.limbs) == 1:
        counts = count_kernels.count_signals(ticks.limbs[0], ticks.missing, _table(signals), span, flags)
        if counts is not None:
            return tuple(counts.tolist())
    starts = [max(span[0], each.reach - 1) for each in signals]
    stops = [min(span[1] + each.reach - 1, len(ticks)) for each in signals]
    places = [place for place in range(len(signals)) if starts[place] < stops[place]]
    wide = [0] * len(signals)
    if places:
        for place, has_signal in zip(places, _wide_flags([signals[place] for place in places], ticks), strict=True):
            rows = slice(starts[place], stops[place])
            wide[place] = int(np.count_nonzero(has_signal[rows]))
            if flags is not None:
                flags[place, rows] = has_signal[rows]
    return tuple(wide)


def _wide_flags(signals: Sequence[Signal], ticks: Ticks) -> NDArray[np.uint8]:
    """Return whether rows have each signal, (signals, rows), for closes of any size: a series is a group of one."""
    words = words_for(largest_of(ticks) * factor_of(signals))
    arrays = count_kernels.GroupArrays.empty(1, max(each.reach for each in signals), words, len(signals))
    groups, no_means = np.zeros(len(ticks), np.int32), np.empty(0, np.int64)
    closes = count_kernels.GroupCloses(groups, to_words(ticks, words), ticks.missing)
    return count_kernels.count_groups(closes, rules_of(signals), arrays, no_means)[1].flags


@lru_cache(maxsize=16)
def _table(signals: Signals) -> NDArray[np.int64]:
    """Return the signals in the form of `count_kernels.count_signals`."""
    rows = [(each.fast, each.slow, each.is_above, each.is_cross) for each in signals]
    return np.array(rows, np.int64).reshape(-1, 4)


def _rule(signal: Signal, *, backwards: bool) -> tuple[int, ...]:
    # "fast below slow" is "slow above fast"
    more, less = (signal.fast, signal.slow) if signal.is_above else (signal.slow, signal.fast)
    need = signal.reach
    # to compare means, the sum of each is multiplied by the length of the other
    if backwards:
        # the row itself arrived first, `need - 1` rows ago; its predecessor in time arrived after it
        return need, less, need - more, need, more, need - less, need, -signal.is_cross
    return need, less, 0, more, more, 0, less, int(signal.is_cross)
