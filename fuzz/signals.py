"""The law of the kernel and the states that count signals."""

from __future__ import annotations

from fuzz.choices import Choices
from fuzz.guard import guarded_kernels
from streamsig.core.counting import count_across, count_within
from streamsig.core.ticks import Ticks, concat
from streamsig.core.window import WindowState
from tests.support import oracle

_MAX_ROWS = 1500
"""More rows than the kernel takes at once for all signals."""


def signals(data: bytes) -> None:
    """Any number of signals, over rows cut anywhere, have the counts of recomputed windows."""
    pick = Choices(data)
    wanted = pick.signals(pick.one_of([4, 12, 40, 256]))
    places, seams = ([pick.below(256) for _ in range(size)] for size in [pick.below(6)] * 2)
    closes = _closes(pick, max(it.fast * it.slow for it in wanted))
    cuts = sorted(place * (len(closes) + 1) // 256 for place in places)
    parts = [closes[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(closes)], strict=True)]
    expected = tuple(sum(oracle.flags(closes, it.fast, it.slow, it.compare)) for it in wanted)
    with guarded_kernels():
        runs = [ticks_of(part) for part in parts]
        assert count_within(tuple(wanted), concat(runs)) == expected
        left, right = concat(runs[:1]), concat(runs[1:])
        within = zip(*(count_within(tuple(wanted), it) for it in (left, right)), strict=True)
        across = count_across(tuple(wanted), left, right)
        assert tuple(map(sum, zip(map(sum, within), across, strict=True))) == expected
        states = [WindowState.of(wanted, run) for run in runs]
        for choice in seams:
            seam = choice % (len(states) - 1)
            states[seam] = states[seam].merge(states.pop(seam + 1))
    (state,) = states
    assert (state.rows, state.rows_missing, state.counts) == (len(closes), closes.count(None), expected)


def ticks_of(closes: list[int | None], scale: int = 0) -> Ticks:
    """Return integers as closes at a scale."""
    return Ticks.from_integers([close or 0 for close in closes], scale, [close is None for close in closes])


def _closes(pick: Choices, factor: int) -> list[int | None]:
    """Choose closes one by one, and sometimes repeat the last ones many times."""
    closes: list[int | None] = []
    narrow = pick.below(2)
    while pick and len(closes) < _MAX_ROWS:
        if pick.below(64):
            close = pick.close(factor)
            # the kernel does not get closes in many words
            closes.append(close if close is None or not narrow else close % (2**62 // factor))
        else:
            closes += closes[-1 - pick.below(8) :] * pick.below(256)
    return closes[:_MAX_ROWS]
