"""The law of the kernel and the state that count groups."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

from fuzz.choices import Choices
from fuzz.guard import guarded_kernels
from fuzz.keys import small_tables
from fuzz.signals import ticks_of
from streamsig.core import groups as core_groups
from streamsig.core.groups import GroupState
from streamsig.core.keys import Texts
from streamsig.core.ticks import Ticks, widen
from tests.support import oracle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.core.signals import Signal

_SCALES = (0, 0, 0, 1, 2, 9, 19, 40)
_MAX_ROWS = 150

_Rows = list[tuple[bytes, "int | None"]]
"""Keys, and closes at the largest scale."""


def groups(data: bytes) -> None:
    """Each group counts like a series of its own, in any updates, merges and number of words."""
    pick = Choices(data)
    signals, backwards, many = pick.signals(12), bool(pick.below(2)), 1 + pick.below(40)
    factor = 2 * max(it.fast * it.slow for it in signals)
    left = _MAX_ROWS
    with guarded_kernels(), small_tables(pick.take(1), 32), patch.object(core_groups, "_FIRST_CAPACITY", 1):
        # runs to merge, and finished series
        runs: list[tuple[GroupState, _Rows]] = [(GroupState(signals, backwards=backwards), [])]
        series: list[tuple[GroupState, _Rows]] = []
        while pick and left > 0:
            step = pick.below(8)
            if step == 0:
                runs.append((GroupState(signals, backwards=backwards), []))
            elif step == 1:
                _merge_last(runs)
            elif step == 2:  # noqa: PLR2004 (a rare one)
                series.append(_merged(runs))
                runs = [(GroupState(signals, backwards=backwards), [])]
            else:
                left -= _update(pick, *runs[-1], many=many, factor=factor)
        series.append(_merged(runs))
        whole = series[0][0]
        for other, _ in series[1:]:
            whole.add(other)
    rows = [row for _, rows in series for row in rows]
    actual = dict(zip(whole.keys().to_bytes(), whole.group_counts.tolist(), strict=True))
    assert list(actual) == list(dict.fromkeys(key for key, _ in rows))
    expected = {key: [0] * (2 + len(signals)) for key in actual}
    for _, each in series:
        for key in {key for key, _ in each}:
            own = [close for other, close in each if other == key]
            counts = _counts(signals, own[::-1] if backwards else own)
            expected[key] = [*map(sum, zip(expected[key], counts, strict=True))]
    assert actual == expected
    assert (whole.rows, whole.rows_missing) == (len(rows), sum(close is None for _, close in rows))


def _update(pick: Choices, state: GroupState, rows: _Rows, *, many: int, factor: int) -> int:
    """Add some rows to a state and record them."""
    scale, wide, size = pick.one_of(_SCALES), pick.below(4), pick.below(16)
    keys = [b"%d" % pick.below(many) for _ in range(size)]
    closes = [pick.close(factor) for _ in range(size)]
    ticks = ticks_of(closes, scale)
    if not wide:
        ticks = Ticks(widen(ticks.limbs, 4), scale, ticks.missing)
    before = state.counts[0]
    added = state.update(state.prepare([Texts.of(keys)], ticks))
    assert added == state.counts[0] - before
    tens = 10 ** (max(_SCALES) - scale)
    rows += [(key, None if close is None else close * tens) for key, close in zip(keys, closes, strict=True)]
    return size


def _merge_last(runs: list[tuple[GroupState, _Rows]]) -> None:
    if len(runs) > 1:
        (right, more), (left, rows) = runs.pop(), runs[-1]
        left.merge(right)
        rows += more


def _merged(runs: list[tuple[GroupState, _Rows]]) -> tuple[GroupState, _Rows]:
    while len(runs) > 1:
        _merge_last(runs)
    return runs[0]


def _counts(signals: Sequence[Signal], closes: list[int | None]) -> list[int]:
    counts = [sum(oracle.flags(closes, it.fast, it.slow, it.compare)) for it in signals]
    return [len(closes), closes.count(None), *counts]
