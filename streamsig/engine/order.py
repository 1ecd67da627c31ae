"""Whether the rows run forwards in time: the whole time column, read along with the closes.

Each file is judged under every reading that its sample leaves open (day or month first); the one under
which fewest is wrong with the whole column is taken, so that no cut through the file can matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from streamsig.core.order import KINDS, OrderState, judge, usual_step
from streamsig.errors import LayoutError
from streamsig.ingest.texts import to_arrow
from streamsig.ingest.times import are_dated, join, read_times, readings, text_of
from streamsig.ingest.timeshapes import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from streamsig.core.keys import Texts
    from streamsig.ingest.timecolumn import TimeColumn

STEP_BACK, DUPLICATE, GAP, UNREADABLE = range(len(KINDS))


@dataclass(frozen=True, slots=True)
class Place:
    """A row: its file, its physical line (its number in a columnar file), and its time as it is written."""

    file: str
    line: int
    time: str


@dataclass(slots=True)
class _Trial:
    """A file under one reading of its times; `places` are those of the first row of each kind."""

    reading: str
    state: OrderState
    usual: int | None
    dated: bool
    places: list[Place | None] = field(default_factory=lambda: [None] * len(KINDS))
    start: Place | None = None


class Judged(NamedTuple):
    """The state of rows under each reading; `seen` has lines, from 1 where the rows begin, and times of some."""

    states: tuple[OrderState, ...]
    seen: Mapping[int, tuple[int, str]]


class FileOrder:
    """Judges the times of one file, run by run; `columns` are the indices of the fields that `judge` takes.

    `sample` are times from the file's start without a gap between rows. With `backwards` time should run
    against the file. Raises LayoutError where there is no time column, or nothing in it can be read.
    """

    def __init__(self, name: str, time: TimeColumn, close: int, sample: Sequence[str], *, backwards: bool) -> None:
        if time.index is None or time.index == close:
            raise LayoutError(
                f"{name}: no column tells the time, so the order cannot be checked; leave out --check-order"
            )
        self.name = name
        self.columns = (time.index,) if time.clock is None else (time.index, time.clock)
        self._sign = -1 if backwards else 1
        texts = pa.array(sample, pa.string())
        self._trials = [self._trial(texts, reading) for reading in readings(texts)]
        if not self._trials:
            text = next((it for it in sample if it), "")
            raise LayoutError(
                f"{name}: times such as {text[:40]!r} in column {time.index + 1} cannot be read, so the order cannot be"
                " checked; leave out --check-order"
            )

    def judge(self, columns: Sequence[Texts], lines_of: Callable[[Collection[int]], Mapping[int, int]]) -> Judged:
        """Judge rows by the texts of their time columns; safe to call from several threads.

        `lines_of` tells lines of rows, from 1 where the rows begin. It is asked while they are at hand, for
        those that may turn out to be the first of their kind.
        """
        texts = join([to_arrow(column) for column in columns])
        states = []
        sought: set[int] = set()
        for trial in self._trials:
            times, readable = read_times(texts, trial.reading)
            state = OrderState.of(self._sign * times, readable, trial.state.longest)
            states.append(state)
            # what is known by now stays known: at worst a few are asked for in vain
            unknown = [first for first, place in zip(state.firsts, trial.places, strict=True) if place is None]
            sought.update(row for row in (*unknown, state.first_row if unknown else None) if row is not None)
        lines = lines_of(sought) if sought else {}
        return Judged(tuple(states), {row: (line, text_of(texts, row)) for row, line in lines.items()})

    def push(self, judged: Judged, line: int) -> None:
        """Add what `judge` found, in file order; its rows begin on physical line `line`."""

        def place(row: int) -> Place:
            below, text = judged.seen[row]
            return Place(self.name, line + below - 1, text)

        for trial, state in zip(self._trials, judged.states, strict=True):
            before = trial.state
            trial.state = before.merge(state)
            for kind, (known, first) in enumerate(zip(before.firsts, trial.state.firsts, strict=True)):
                if known is None and first is not None:
                    trial.places[kind] = place(first - before.rows)
            if trial.start is None and state.first_row is not None:
                trial.start = place(state.first_row)

    def result(self) -> _Trial:
        """Return the file under the reading that leaves least to complain of."""
        badness = (UNREADABLE, STEP_BACK, GAP)
        return min(self._trials, key=lambda it: [it.state.counts[kind] for kind in badness])

    def _trial(self, sample: pa.Array, reading: str) -> _Trial:
        times, readable = read_times(sample, reading)
        usual = usual_step(self._sign * times[readable])
        # half a step more than usual: neither summer time nor a longer month is a gap, a single missing row is
        longest = None if usual is None else usual + usual // 2
        return _Trial(reading, OrderState(longest), usual, are_dated(times[readable], reading))


class SeriesOrder:
    """Adds up what is found in the files of a series, and judges the steps from one file to the next.

    With `apart` each file is a series of its own. A file is joined to the last one before it that has times.
    """

    def __init__(self, *, backwards: bool, apart: bool) -> None:
        self._backwards, self._apart = backwards, apart
        self._counts = np.zeros(len(KINDS), np.int64)
        self._places: list[Place | None] = [None] * len(KINDS)
        self._usual: set[int] = set()
        self._before: _Trial | None = None

    def push(self, file: FileOrder) -> None:
        """Add a file, behind all that were added before."""
        trial = file.result()
        before, state = self._before, trial.state
        if trial.usual is not None:
            self._usual.add(trial.usual)
        if before is not None and state.first is not None and not self._apart and before.dated and trial.dated:
            end, begin = self._span(before)[1], self._span(trial)[0]
            steps = [it.state.longest for it in (before, trial) if it.state.longest is not None]
            kind = judge(end, begin, max(steps) if len(steps) == len((before, trial)) else None)
            if kind is not None:
                self._counts[kind] += 1
                # of a file that is read backwards the newest row comes first: it is at the seam on this side
                self._add(kind, before.start if self._backwards else trial.start)
        self._counts += np.array(state.counts)
        for kind, place in enumerate(trial.places):
            self._add(kind, place)
        if state.first is not None:
            self._before = trial

    def report(self) -> dict[str, Any]:
        """Return the key `order` of the metrics (docs/metrics.md)."""
        counts: list[int | None] = [int(count) for count in self._counts]
        if not self._usual:
            counts[GAP] = None
        names = ("steps_back", "duplicates", "gaps", "unreadable")
        step = next(iter(self._usual)) / SECOND if len(self._usual) == 1 else None
        firsts = {f"first_{kind}": place and _plain(place) for kind, place in zip(KINDS, self._places, strict=True)}
        return {**dict(zip(names, counts, strict=True)), "usual_step_seconds": step, **firsts}

    def _add(self, kind: int, place: Place | None) -> None:
        if self._places[kind] is None:
            self._places[kind] = place

    def _span(self, trial: _Trial) -> tuple[int, int]:
        """Return the times at the two ends of a file, in the order in which it is read."""
        first, last = trial.state.first or 0, trial.state.last or 0
        return (-last, -first) if self._backwards else (first, last)


def _plain(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "time": place.time}
