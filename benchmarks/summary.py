"""Raw samples become one line per contestant: medians, extremes, ratios of the same round."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.contests import FLOOR, STREAMSIG

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.contests import Contest
    from benchmarks.measure import Sample


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of one quantity over the counted rounds."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Return the spread of at least one value."""
        ordered = sorted(values)
        return cls(median(ordered), ordered[0], ordered[-1])


@dataclass(frozen=True)
class Line:
    """The table's and picture's data of one contestant. Costs are None if a run failed."""

    name: str
    label: str
    count_errors: tuple[int, ...]
    """Every distinct `count - exact` seen, warm-up included, least first; `(0,)` is right every time, `()` no count."""
    wrong_rows: bool
    wall: Spread | None
    cpu: Spread | None
    peak_rss_bytes: Spread | None
    ratio: Spread | None
    """Wall time over streamsig's of the same round; None for streamsig itself or without it."""
    failure: str | None

    @property
    def exact(self) -> bool:
        """Return whether every run, warm-up included, gave the exact count of all rows."""
        return self.failure is None and self.count_errors == (0,) and not self.wrong_rows


def summarise(samples: Sequence[Sample], contest: Contest, *, exact_count: int, rows: int) -> list[Line]:
    """Return a line for each contestant of a contest that has samples, fastest median first, floor and failures last.

    Correctness looks at every sample; costs and ratios at rounds 1 and later, paired by round so that a
    machine slowing down half-way slows both sides of each ratio.
    """
    samples = [sample for sample in samples if sample.contest == contest.name]
    wall_of = {
        sample.round: sample.wall_seconds
        for sample in samples
        if sample.contestant == STREAMSIG and sample.round > 0 and sample.error is None
    }
    lines = []
    for contestant in contest.contestants:
        own = [sample for sample in samples if sample.contestant == contestant.name]
        counted = [sample for sample in own if sample.round > 0]
        failure = next((sample.error for sample in own if sample.error is not None), None)
        whole = bool(counted) and failure is None
        pairs = [sample.wall_seconds / wall_of[sample.round] for sample in counted if sample.round in wall_of]
        lines.append(
            Line(
                name=contestant.name,
                label=contestant.label,
                count_errors=tuple(sorted({s.signal_count - exact_count for s in own if s.signal_count is not None})),
                wrong_rows=any(s.rows != rows for s in own if s.rows is not None),
                wall=Spread.of(s.wall_seconds for s in counted) if whole else None,
                cpu=Spread.of(s.cpu_seconds for s in counted) if whole else None,
                peak_rss_bytes=Spread.of(s.peak_rss_bytes for s in counted) if whole else None,
                ratio=Spread.of(pairs) if whole and pairs and contestant.name != STREAMSIG else None,
                failure=failure,
            )
        )
    return sorted(lines, key=lambda line: (line.name == FLOOR, line.wall.median if line.wall else float("inf")))
