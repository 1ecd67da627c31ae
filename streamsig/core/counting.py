"""Counts several signals at once, within a run of rows or across the seam of two runs."""

from __future__ import annotations

from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from streamsig.core.ticks import concat
from streamsig.native import count_kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamsig.core.signals import Signal
    from streamsig.core.ticks import Ticks

Signals = tuple["Signal", ...]

_WIDE_ROWS = 1 << 14


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


def _count(signals: Signals, ticks: Ticks, span: tuple[int, int], flags: NDArray[np.uint8] | None) -> tuple[int, ...]:
    """Count each signal over the windows that end at row `span[0]` or later, and begin before row `span[1]`."""
    if len(ticks.limbs) == 1:
        counts = count_kernels.count_signals(ticks.limbs[0], ticks.missing, _table(signals), span, flags)
        if counts is not None:
            return tuple(counts.tolist())
    start, before = span
    starts = [max(start, each.reach - 1) for each in signals]
    stops = [min(before + each.reach - 1, len(ticks)) for each in signals]
    rows = [None] * len(signals) if flags is None else flags
    return tuple(map(_count_wide, signals, repeat(ticks), starts, stops, rows))


def _count_wide(signal: Signal, ticks: Ticks, start: int, stop: int, flags: NDArray[np.uint8] | None) -> int:
    """Count a signal over closes of any size, in batches of rows: sums of several limbs take much memory."""
    step, count = max(_WIDE_ROWS, signal.reach), 0
    for at in range(start, stop, step):
        end = min(at + step, stop)
        has_signal = signal.flags(ticks.slice(at - signal.reach + 1, end))
        count += int(np.count_nonzero(has_signal))
        if flags is not None:
            flags[at:end] = has_signal
    return count


@lru_cache(maxsize=16)
def _table(signals: Signals) -> NDArray[np.int64]:
    """Return the signals in the form of `count_kernels.count_signals`."""
    rows = [(each.fast, each.slow, each.is_above, each.is_cross) for each in signals]
    return np.array(rows, np.int64).reshape(-1, 4)
