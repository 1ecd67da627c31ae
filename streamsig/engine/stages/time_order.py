"""Whether the rows run forwards in time: the whole time column, read along with the closes.

Each file is judged under every reading that its sample leaves open (day or month first); the one under
which fewest is wrong with the whole column is taken, so that no cut through the file can matter.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.columnar.arrow_text import from_arrow, join, shown, to_arrow
from streamsig.core.json_arrays import whole
from streamsig.core.time_order import KINDS, OrderState, judge, usual_step
from streamsig.errors import LayoutError
from streamsig.timestamps.instants import SECOND, Column, are_dated, read, readings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import pyarrow as pa

    from streamsig.core.groups import GroupState
    from streamsig.core.keys import Texts
    from streamsig.core.window import WindowState
    from streamsig.engine.stages.accumulator import Total
    from streamsig.sniffer.time_column import TimeColumn

_MOST_STEP = (1 << 63) - 1

STEP_BACK, DUPLICATE, GAP, UNREADABLE = range(len(KINDS))


class Place(NamedTuple):
    """A row: its file, its physical line (its number in a columnar file), and its time as it is written."""

    file: str
    line: int
    time: str


class Trial(NamedTuple):
    """A file under one reading of its times, as far as it is judged.

    `usual` is the step of most of its rows, if there is one. Files whose times are `dated` can be compared with one
    another. `places` are those of the first row of each kind, `start` that of the first row with a time.
    """

    reading: str
    usual: int | None
    dated: bool
    state: OrderState
    places: tuple[Place | None, ...] = (None,) * len(KINDS)
    start: Place | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` makes the same trial of."""
        return {**self._asdict(), "state": self.state.to_json()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Trial:
        """Return the trial that `to_json` wrote down."""
        state, places = OrderState.from_json(plain["state"]), _places(plain["places"])
        (usual,) = whole([plain["usual"]], most=_MOST_STEP, optional=True)
        return cls(plain["reading"], usual, bool(plain["dated"]), state, places, _place(plain["start"]))

    def behind(self, before: Trial) -> Trial:
        """Return this trial, which has no rows, behind those of another; raises ValueError where they differ."""
        state, longest = before.state, self.state.longest
        # where no step was seen, any may be usual
        has_steps = state.rows - state.counts[UNREADABLE] > 1
        if has_steps and state.longest != longest:
            raise ValueError(f"a step of more than {longest} is a gap, and one of {state.longest} was")
        return self._replace(state=replace(state, longest=longest), places=before.places, start=before.start)


class Judged(NamedTuple):
    """The state of rows under each reading; `seen` has lines, from 1 where the rows begin, and times of some."""

    states: tuple[OrderState, ...]
    seen: Mapping[int, tuple[int, str]]


class FileOrder:
    """Judges the times of one file, run by run; `columns` are the indices of the fields that `judge` takes.

    `sample` are times from the file's start without a gap between rows. With `backwards` time should run
    against the file. Raises LayoutError where there is no time column, or nothing in it can be read.

    `trials` has what is found under each reading; it is replaced in one step.
    """

    def __init__(self, name: str, time: TimeColumn, close: int, sample: Sequence[str], *, backwards: bool) -> None:
        if time.index is None or time.index == close:
            raise LayoutError(
                f"{name}: no column tells the time, so the order cannot be checked; leave out --check-order"
            )
        self.name = name
        self.columns = (time.index,) if time.clock is None else (time.index, time.clock)
        self._sign = -1 if backwards else 1
        self.trials = tuple(self._trial(sample, reading) for reading in readings(sample))
        if not self.trials:
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
        column, states = _column(texts), []
        sought: set[int] = set()
        for trial in self.trials:
            times, readable = read(column, trial.reading)
            state = OrderState.of(self._sign * times, readable, trial.state.longest)
            states.append(state)
            # what is known by now stays known: at worst a few are asked for in vain
            unknown = [first for first, place in zip(state.firsts, trial.places, strict=True) if place is None]
            sought.update(row for row in (*unknown, state.first_row if unknown else None) if row is not None)
        lines = lines_of(sought) if sought else {}
        return Judged(tuple(states), {row: (line, shown(texts, row)) for row, line in lines.items()})

    def push(self, judged: Judged, line: int) -> None:
        """Add what `judge` found, in file order; its rows begin on physical line `line`."""

        def place(row: int) -> Place:
            below, text = judged.seen[row]
            return Place(self.name, line + below - 1, text)

        def add(trial: Trial, state: OrderState) -> Trial:
            before, after = trial.state, trial.state.merge(state)
            places = [
                place(first - before.rows) if known is None and first is not None else there
                for known, first, there in zip(before.firsts, after.firsts, trial.places, strict=True)
            ]
            start = trial.start
            if start is None and state.first_row is not None:
                start = place(state.first_row)
            return trial._replace(state=after, places=tuple(places), start=start)

        self.trials = tuple(map(add, self.trials, judged.states))

    def go_on(self, trials: Sequence[Trial]) -> None:
        """Take what was found in the first rows of the file, before any others.

        Raises ValueError where the file, which has grown, is to be judged otherwise by now.
        """
        before = {trial.reading: trial for trial in trials}
        try:
            self.trials = tuple(trial.behind(before[trial.reading]) for trial in self.trials)
        except (KeyError, ValueError):
            reason = f"the times of {self.name} are understood in another way than when it was counted"
            raise ValueError(reason) from None

    def result(self) -> Trial:
        """Return the file under the reading that leaves least to complain of; of equals the one with shorter steps."""

        def badness(trial: Trial) -> tuple[float, ...]:
            counts = (trial.state.counts[kind] for kind in (UNREADABLE, STEP_BACK, GAP))
            return *counts, trial.usual or inf

        return min(self.trials, key=badness)

    def _trial(self, sample: Sequence[str], reading: str) -> Trial:
        times, readable = read(Column.of(sample), reading)
        usual = usual_step(self._sign * times[readable])
        # half a step more than usual: neither summer time nor a longer month is a gap, a single missing row is
        longest = None if usual is None else usual + usual // 2
        return Trial(reading, usual, are_dated(sample, reading), OrderState(longest))


class _Sum(NamedTuple):
    """What is found in whole files; `usual` are the usual steps of all of them, `last` is the last one with times."""

    counts: tuple[int, ...] = (0,) * len(KINDS)
    places: tuple[Place | None, ...] = (None,) * len(KINDS)
    usual: frozenset[int] = frozenset()
    last: Trial | None = None

    def add(self, kind: int, count: int, place: Place | None) -> _Sum:
        counts, places = [*self.counts], [*self.places]
        counts[kind] += count
        places[kind] = places[kind] or place
        return self._replace(counts=tuple(counts), places=tuple(places))


_Mark = tuple[_Sum, "Sequence[Trial] | None", tuple[int, ...]]


class SeriesOrder:
    """Adds up what is found in the files of a series, and judges the steps from one file to the next.

    With `apart` each file is a series of its own. A file is joined to the last one before it that has times.
    """

    def __init__(self, *, backwards: bool, apart: bool) -> None:
        self._backwards, self._apart = backwards, apart
        self._sum = _Sum()
        self._file: FileOrder | None = None

    def begin(self, file: FileOrder | None) -> None:
        """Begin a file, behind all that were added before; `None` is for one without rows."""
        self._file = file

    def end(self) -> None:
        """Add the file that was begun."""
        if self._file is None:
            return
        trial, found = self._file.result(), self._sum
        before, state = found.last, trial.state
        if before is not None and state.first is not None and not self._apart and before.dated and trial.dated:
            end, begin = self._span(before)[1], self._span(trial)[0]
            steps = [it.state.longest for it in (before, trial) if it.state.longest is not None]
            kind = judge(end, begin, max(steps) if len(steps) == len((before, trial)) else None)
            if kind is not None:
                # of a file that is read backwards the newest row comes first: it is at the seam on this side
                found = found.add(kind, 1, before.start if self._backwards else trial.start)
        for kind, (count, place) in enumerate(zip(state.counts, trial.places, strict=True)):
            found = found.add(kind, count, place)
        if trial.usual is not None:
            found = found._replace(usual=found.usual | {trial.usual})
        self._sum = found if state.first is None else found._replace(last=trial)
        self._file = None

    def report(self) -> dict[str, Any]:
        """Return the key `order` of the metrics (docs/metrics.md)."""
        counts: list[int | None] = [*self._sum.counts]
        usual = self._sum.usual
        if not usual:
            counts[GAP] = None
        names = ("steps_back", "duplicates", "gaps", "unreadable")
        step = next(iter(usual)) / SECOND if len(usual) == 1 else None
        firsts = {
            f"first_{kind}": place and place._asdict() for kind, place in zip(KINDS, self._sum.places, strict=True)
        }
        return {**dict(zip(names, counts, strict=True)), "usual_step_seconds": step, **firsts}

    def mark(self) -> _Mark:
        """Return what is found so far (`Resumable`)."""
        return (self._sum, None, ()) if self._file is None else (self._sum, self._file.trials, self._file.columns)

    def keep(self, mark: _Mark) -> dict[str, Any]:
        """Return what `resume` and `go_on` take, as JSON has it."""
        found, trials, columns = mark
        whole = {**found._asdict(), "usual": sorted(found.usual), "last": found.last and found.last.to_json()}
        return {"files": whole, "file": trials and [it.to_json() for it in trials], "time": columns}

    def resume(self, kept: Mapping[str, Any] | None, total: Total) -> None:  # noqa: ARG002 (as all that go on)
        """Go on behind whole files, or begin anew."""
        if kept is not None:
            found = kept["files"]
            last = None if found["last"] is None else Trial.from_json(found["last"])
            if len(found["counts"]) != len(KINDS):
                raise ValueError(f"{len(found['counts'])} counts of {len(KINDS)} kinds")
            self._sum = _Sum(
                whole(found["counts"]),
                _places(found["places"]),
                frozenset(whole(found["usual"], most=_MOST_STEP)),
                last,
            )

    def go_on(self, kept: Mapping[str, Any], state: WindowState | GroupState) -> None:  # noqa: ARG002 (as above)
        """Go on behind the first rows of the file that was begun; raises ValueError as `FileOrder.go_on` does."""
        if self._file is not None and kept["file"] is not None:
            if tuple(kept["time"]) != self._file.columns:
                raise ValueError(f"another column of {self._file.name} tells the time than when it was counted")
            self._file.go_on([Trial.from_json(it) for it in kept["file"]])

    def _span(self, trial: Trial) -> tuple[int, int]:
        """Return the times at the two ends of a file, in the order in which it is read."""
        first, last = trial.state.first or 0, trial.state.last or 0
        return (-last, -first) if self._backwards else (first, last)


def _place(plain: Sequence[Any] | None) -> Place | None:
    if plain is None:
        return None
    file, line, time = plain
    (line,) = whole([line])
    return Place(str(file), line, str(time))


def _places(plain: Sequence[Any]) -> tuple[Place | None, ...]:
    if len(plain) != len(KINDS):
        raise ValueError(f"{len(plain)} places of {len(KINDS)} kinds")
    return tuple(map(_place, plain))


def _column(texts: pa.Array) -> Column:
    joined = from_arrow(texts)
    return Column(joined.content, joined.starts)
