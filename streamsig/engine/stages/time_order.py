"""The stage that checks whether rows are in the order of time; it reads the whole time column.

Each file is judged under every reading that its sample allows (day or month first). The reading with the fewest
findings in the whole column is used, so that the result does not depend on how the file is cut.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.columnar.arrow_text import from_arrow, join, shown, to_arrow
from streamsig.core.json_values import decoded
from streamsig.core.time_order import GAP, KINDS, STEP_BACK, UNREADABLE, OrderState, Place, judge, usual_step
from streamsig.engine.stages.stage import Stage
from streamsig.errors import LayoutError
from streamsig.settings.settings import NEWEST_FIRST
from streamsig.timestamps.instants import SECOND, Column, are_dated, read, readings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamsig.engine.batches.batch import Batch, OpenInput, Position
    from streamsig.settings.settings import Settings


class Trial(NamedTuple):
    """The findings so far in a file under one reading of its times.

    `usual` is the step of most of its rows, if there is one. Files whose times are `dated` can be compared with one
    another.
    """

    reading: str
    usual: int | None
    dated: bool
    state: OrderState = OrderState()

    @property
    def longest(self) -> int | None:
        """The longest step that is not a gap: a single missing row is one; summer time and a longer month are not."""
        return None if self.usual is None else self.usual + self.usual // 2

    @property
    def badness(self) -> tuple[float, ...]:
        """The findings, worst kind first, then the usual step."""
        return *(self.state.counts[kind] for kind in (UNREADABLE, STEP_BACK, GAP)), self.usual or inf


class _Saved(NamedTuple):
    """The findings in whole files, their usual steps, and the last file with times; the open file and its fields."""

    total: OrderState = OrderState()
    usual: tuple[int, ...] = ()
    last: Trial | None = None
    trials: tuple[Trial, ...] = ()
    fields: tuple[int, ...] = ()


class TimeOrder(Stage[tuple[OrderState, ...]]):
    """Adds up the findings in the files of a series, and judges the steps from one file to the next.

    With `per_file` each file is a separate series. A file is joined to the last file before it that has times.
    """

    name, needs_times, needs_lines = "order", True, True

    def __init__(self, settings: Settings) -> None:
        self._backwards, self._per_file, self._name = settings.order == NEWEST_FIRST, settings.per_file, ""
        self._sign = -1 if self._backwards else 1
        # the open file is under `trials` and `fields`; from a checkpoint it is in `restored` until it begins
        self._now = self._restored = _Saved()

    def begin_input(self, opened: OpenInput, start: Position) -> None:
        """Begin a file.

        Raises LayoutError if it has rows and no times, and ValueError if it has grown and is now judged in another way.
        """
        self._name, fields, restored = opened.name, opened.time_fields, self._restored
        trials = self._trials(opened, fields) if opened.layout.rows_sampled else ()
        if restored.trials and start.rows:
            if restored.fields != fields:
                raise ValueError(f"another column of {self._name} has the times than when it was counted")
            before = {it.reading: it for it in restored.trials}
            for trial in trials:
                known = before.get(trial.reading)
                # before the first step, any step may be usual
                if known is None or (known.state.has_steps and known.usual != trial.usual):
                    raise ValueError(
                        f"the times of {self._name} are understood in another way than when it was counted"
                    )
            trials = tuple(it._replace(state=before[it.reading].state) for it in trials)
        self._now, self._restored = self._now._replace(trials=trials, fields=fields), _Saved()

    def prepare(self, batch: Batch) -> tuple[OrderState, ...]:
        """Judge the batch on its own, under each reading."""
        trials = self._now.trials
        if not trials:
            return ()
        texts = join([to_arrow(column) for column in batch.times])
        joined = from_arrow(texts)
        column = Column(joined.content, joined.starts)

        def place(row: int) -> Place:
            return Place("", batch.line_of(row), shown(texts, row))

        def judged(trial: Trial) -> OrderState:
            times, readable = read(column, trial.reading)
            return OrderState.of(self._sign * times, readable, trial.longest, place)

        return tuple(map(judged, trials))

    def push(self, part: tuple[OrderState, ...], start: Position) -> None:
        """Add the findings."""
        states = (state.at(self._name, start.line) for state in part)
        trials = zip(self._now.trials, states, strict=True)
        merged = tuple(trial._replace(state=trial.state.merge(state, trial.longest)) for trial, state in trials)
        self._now = self._now._replace(trials=merged)

    def end_input(self) -> None:
        """Add the file."""
        if not self._now.trials:
            return
        total, usual, before, trials, _ = self._now
        trial, kind, place = min(trials, key=lambda trial: trial.badness), None, None
        if before is not None and before.dated and trial.dated and not self._per_file:
            end, begin = self._span(before)[1], self._span(trial)[0]
            steps = [it.longest for it in (before, trial) if it.longest is not None]
            kind = judge(end, begin, max(steps) if len(steps) == len((before, trial)) else None)
            # backwards, the newest row of the earlier file is at the seam
            place = before.state.start if self._backwards else trial.state.start
        total = total.join(trial.state, kind, place)
        usual = usual if trial.usual is None else tuple(sorted({*usual, trial.usual}))
        self._now = _Saved(total, usual, before if trial.state.first is None else trial)

    def report(self) -> dict[str, Any]:
        """Return the key `order` of the metrics (docs/reference/metrics.md)."""
        total, usual = self._now.total, self._now.usual
        names = ("steps_back", "duplicates", "gaps", "unreadable")
        counts = dict(zip(names, total.counts, strict=True))
        firsts = {f"first_{kind}": place and place._asdict() for kind, place in zip(KINDS, total.firsts, strict=True)}
        step = usual[0] / SECOND if len(usual) == 1 else None
        return {**counts, **({} if usual else {"gaps": None}), "usual_step_seconds": step, **firsts}

    def snapshot(self) -> Iterator[object]:
        """Yield the findings in the files that have ended, and in the open one."""
        yield self._now

    def restore(self, pieces: Iterable[object]) -> None:
        """Take what `snapshot` yielded; `begin_input` restores the open file. Raises ValueError."""
        (plain,) = pieces
        self._restored = saved = decoded(_Saved, plain)
        states = [saved.total, *(it.state for it in saved.trials), *([] if saved.last is None else [saved.last.state])]
        if any(len(it.counts) != len(KINDS) or len(it.firsts) != len(KINDS) for it in states):
            raise ValueError(f"counts that are not of {len(KINDS)} kinds")
        self._now = saved._replace(trials=(), fields=())

    def _trials(self, opened: OpenInput, fields: tuple[int, ...]) -> tuple[Trial, ...]:
        sample = opened.layout.times
        if not fields:
            raise LayoutError(
                f"{self._name}: there is no time column, so the order cannot be checked; leave out `check_order`"
            )
        trials = []
        for reading in readings(sample):
            times, readable = read(Column.of(sample), reading)
            usual = usual_step(self._sign * times[readable])
            trials.append(Trial(reading, usual, are_dated(sample, reading)))
        if not trials:
            text = next((it for it in sample if it), "")
            raise LayoutError(
                f"{self._name}: times such as {text[:40]!r} in column {fields[0] + 1} cannot be read, so the order"
                " cannot be checked; leave out `check_order`"
            )
        return tuple(trials)

    def _span(self, trial: Trial) -> tuple[int | None, int | None]:
        """Return the times at both ends of a file, in the order of time."""
        first, last = trial.state.first, trial.state.last
        if self._backwards and first is not None and last is not None:
            return -last, -first
        return first, last
