"""The stage that checks whether rows are in the order of time; it reads the whole time column.

Each file is judged under every reading that its sample allows (day or month first). The reading with the fewest
findings in the whole column is used, so that the result does not depend on how the file is cut.
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
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from streamsig.engine.batches.batch import Batch, OpenInput, Position
    from streamsig.engine.stages.stage import Document

_MOST_STEP = (1 << 63) - 1

STEP_BACK, DUPLICATE, GAP, UNREADABLE = range(len(KINDS))


class Place(NamedTuple):
    """A row: its file, its physical line (in a columnar file, its number), and the text of its time."""

    file: str
    line: int
    time: str


class Trial(NamedTuple):
    """The findings so far in a file under one reading of its times.

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
        """Return the trial as JSON for `from_json`."""
        return {**self._asdict(), "state": self.state.to_json()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Trial:
        """Return the trial of `to_json`; raises ValueError."""
        state, places = OrderState.from_json(plain["state"]), _places(plain["places"])
        (usual,) = whole([plain["usual"]], most=_MOST_STEP, optional=True)
        return cls(plain["reading"], usual, bool(plain["dated"]), state, places, _place(plain["start"]))

    def after(self, before: Trial) -> Trial:
        """Return this trial, which has no rows, after those of another; raises ValueError if they differ."""
        state, longest = before.state, self.state.longest
        # if no step was seen before, any step may be usual
        has_steps = state.rows - state.counts[UNREADABLE] > 1
        if has_steps and state.longest != longest:
            raise ValueError(f"a step of more than {longest} is a gap, and one of {state.longest} was")
        return self._replace(state=replace(state, longest=longest), places=before.places, start=before.start)


class Judged(NamedTuple):
    """The state of a batch under each reading; `seen` has line (from 1 in the batch) and time of findings."""

    states: tuple[OrderState, ...]
    seen: Mapping[int, tuple[int, str]]


class FileOrder:
    """Judges the times of one file, batch by batch.

    The sampled times of its layout are consecutive from its start. With `backwards` times should decrease. Raises
    LayoutError if there is no time column, or if none of its times can be read.
    """

    def __init__(self, opened: OpenInput, *, backwards: bool) -> None:
        sample = opened.layout.times
        self.name, self.fields = opened.name, opened.time_fields
        if not self.fields:
            raise LayoutError(
                f"{self.name}: there is no time column, so the order cannot be checked; leave out `check_order`"
            )
        self._sign = -1 if backwards else 1
        self.trials = tuple(self._trial(sample, reading) for reading in readings(sample))
        if not self.trials:
            text = next((it for it in sample if it), "")
            raise LayoutError(
                f"{self.name}: times such as {text[:40]!r} in column {self.fields[0] + 1} cannot be read, so the order"
                " cannot be checked; leave out `check_order`"
            )

    def prepare(self, batch: Batch) -> Judged:
        """Judge a batch on its own."""
        texts = join([to_arrow(column) for column in batch.times])
        column, states = _column(texts), []
        for trial in self.trials:
            times, readable = read(column, trial.reading)
            states.append(OrderState.of(self._sign * times, readable, trial.state.longest))
        rows = {row for state in states for row in (*state.firsts, state.first_row) if row is not None}
        return Judged(tuple(states), {row: (batch.line_of(row), shown(texts, row)) for row in rows})

    def push(self, judged: Judged, line: int) -> None:
        """Add a batch, in file order; it begins on physical line `line`."""

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

    def restore(self, trials: Sequence[Trial]) -> None:
        """Continue after the first rows of the file.

        Raises ValueError if the file has grown and is now judged in another way.
        """
        before = {trial.reading: trial for trial in trials}
        try:
            self.trials = tuple(trial.after(before[trial.reading]) for trial in self.trials)
        except (KeyError, ValueError):
            reason = f"the times of {self.name} are understood in another way than when it was counted"
            raise ValueError(reason) from None

    def result(self) -> Trial:
        """Return the trial with the fewest findings; of equals, the one with the shortest usual step."""

        def badness(trial: Trial) -> tuple[float, ...]:
            counts = (trial.state.counts[kind] for kind in (UNREADABLE, STEP_BACK, GAP))
            return *counts, trial.usual or inf

        return min(self.trials, key=badness)

    def _trial(self, sample: Sequence[str], reading: str) -> Trial:
        times, readable = read(Column.of(sample), reading)
        usual = usual_step(self._sign * times[readable])
        # one and a half steps: a single missing row is a gap, summer time and a longer month are not
        longest = None if usual is None else usual + usual // 2
        return Trial(reading, usual, are_dated(sample, reading), OrderState(longest))


class _Sum(NamedTuple):
    """The findings in whole files; `usual` has the usual steps of all, `last` is the last trial with times."""

    counts: tuple[int, ...] = (0,) * len(KINDS)
    places: tuple[Place | None, ...] = (None,) * len(KINDS)
    usual: frozenset[int] = frozenset()
    last: Trial | None = None

    def add(self, kind: int, count: int, place: Place | None) -> _Sum:
        counts, places = [*self.counts], [*self.places]
        counts[kind] += count
        places[kind] = places[kind] or place
        return self._replace(counts=tuple(counts), places=tuple(places))


class TimeOrder:
    """Adds up the findings in the files of a series, and judges the steps from one file to the next.

    With `per_file` each file is a separate series. A file is joined to the last file before it that has times.
    """

    name = "order"

    def __init__(self, *, backwards: bool, per_file: bool) -> None:
        self._backwards, self._per_file = backwards, per_file
        self._sum = _Sum()
        self._file: FileOrder | None = None
        self._restored: Document = {"file": None}

    def begin_input(self, opened: OpenInput, start: Position) -> None:  # noqa: ARG002 (`Stage`)
        """Begin a file; raises LayoutError if it has rows and no times, ValueError as `FileOrder.restore` does."""
        if opened.layout.rows_sampled:
            self._file = FileOrder(opened, backwards=self._backwards)
            if self._restored["file"] is not None:
                if tuple(self._restored["time"]) != self._file.fields:
                    raise ValueError(f"another column of {self._file.name} has the times than when it was counted")
                self._file.restore([Trial.from_json(it) for it in self._restored["file"]])
        self._restored = {"file": None}

    def prepare(self, batch: Batch) -> Judged | None:
        """Judge the batch on its own."""
        return None if self._file is None else self._file.prepare(batch)

    def push(self, part: Judged | None, start: Position) -> None:
        """Add the findings."""
        if self._file is not None and part is not None:
            self._file.push(part, start.line)

    def end_input(self) -> None:
        """Add the file."""
        if self._file is None:
            return
        trial, total = self._file.result(), self._sum
        before, state = total.last, trial.state
        if before is not None and state.first is not None and not self._per_file and before.dated and trial.dated:
            end, begin = self._span(before)[1], self._span(trial)[0]
            steps = [it.state.longest for it in (before, trial) if it.state.longest is not None]
            kind = judge(end, begin, max(steps) if len(steps) == len((before, trial)) else None)
            if kind is not None:
                # backwards, the newest row of the earlier file is at the seam
                total = total.add(kind, 1, before.start if self._backwards else trial.start)
        for kind, (count, place) in enumerate(zip(state.counts, trial.places, strict=True)):
            total = total.add(kind, count, place)
        if trial.usual is not None:
            total = total._replace(usual=total.usual | {trial.usual})
        self._sum = total if state.first is None else total._replace(last=trial)
        self._file = None

    def finish(self) -> None:
        """Do nothing: `report` has the findings."""

    def report(self) -> dict[str, Any]:
        """Return the key `order` of the metrics (docs/reference/metrics.md)."""
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

    def snapshot(self) -> Iterator[Document]:
        """Yield the findings in the files that have ended, and in the open one."""
        total, file = self._sum, self._file
        ended = {**total._asdict(), "usual": sorted(total.usual), "last": total.last and total.last.to_json()}
        trials = None if file is None else [it.to_json() for it in file.trials]
        yield {"files": ended, "file": trials, "time": [] if file is None else list(file.fields)}

    def restore(self, documents: Iterable[Document]) -> None:
        """Take what `snapshot` yielded; `begin_input` restores the open file. Raises ValueError."""
        (plain,) = documents
        files = plain["files"]
        last = None if files["last"] is None else Trial.from_json(files["last"])
        if len(files["counts"]) != len(KINDS):
            raise ValueError(f"{len(files['counts'])} counts of {len(KINDS)} kinds")
        usual = frozenset(whole(files["usual"], most=_MOST_STEP))
        self._sum = _Sum(whole(files["counts"]), _places(files["places"]), usual, last)
        self._restored = {"file": plain["file"], "time": plain["time"]}

    def _span(self, trial: Trial) -> tuple[int, int]:
        """Return the times at both ends of a file, in reading order."""
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
