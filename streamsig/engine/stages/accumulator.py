"""The stage that counts: all rows as one series, or one series for each key."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain, count, groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from streamsig.core.groups import GroupState, TooManyGroupsError
from streamsig.core.json_values import decoded
from streamsig.core.row_signals import lengths_of
from streamsig.core.series import SeriesState
from streamsig.engine.stages.stage import Stage
from streamsig.errors import LayoutError, UsageError
from streamsig.settings.settings import NEWEST_FIRST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from streamsig.core.groups import GroupRows
    from streamsig.core.row_signals import RowValues
    from streamsig.core.series import SeriesRows
    from streamsig.core.ticks import Ticks
    from streamsig.engine.batches.batch import Batch, OpenInput, Position
    from streamsig.engine.budget import Budget
    from streamsig.settings.settings import Settings

State = TypeVar("State", SeriesState, GroupState)


class _Counted(NamedTuple):
    rows: int
    input_rows: int
    signals: int
    files: dict[str, tuple[int, int]]


class _Piece(NamedTuple):
    """A part of the state of the inputs that have ended, or of the open one."""

    of: str
    state: dict[str, object]


class Accumulator(Stage[Any], Generic[State]):
    """Counts the rows of all inputs in order: as one run, or with `per_file` each input separately.

    `rows` counts the rows so far, `signals` those with the first signal, for progress. `total` is the state of the
    inputs that have ended, in one run that of all rows. With `per_file`, `files` has the rows and the first count of
    each input by name; repeated names are numbered.
    """

    name = "counts"

    def __init__(self, new_state: Callable[[], State], settings: Settings, budget: Budget) -> None:
        self._new_state: Callable[[], State] = new_state
        self._budget, self._per_file = budget, settings.per_file
        self._is_one_run = not settings.per_file and settings.order != NEWEST_FIRST
        self.rows = self.signals = 0
        self.files: dict[str, tuple[int, int]] = {}
        self.total: State = new_state()
        # of the open input
        self._current: State = self.total if self._is_one_run else new_state()
        self._input, self._input_rows = "", 0
        self._row_values: RowValues | None = None

    @property
    def waiting(self) -> Ticks:
        """The closes of the rows whose values are not known yet."""
        return self._current.waiting

    def take_row_values(self) -> RowValues | None:
        """Return the values of rows that the last `push` or `end_input` gave, once."""
        values, self._row_values = self._row_values, None
        return values

    def begin_input(self, opened: OpenInput, start: Position) -> None:
        """Begin an input; raises ValueError if a checkpoint has other rows of it."""
        self._input = opened.name
        if self._input_rows != start.rows:
            raise ValueError("it is damaged")

    def prepare(self, batch: Batch) -> SeriesRows | GroupRows:
        """Count what does not depend on the batches before."""
        return self.total.prepare(batch.keys, batch.ticks)

    def push(self, part: Any, _start: Position) -> None:  # noqa: ANN401 (the rows of one kind of state)
        """Count a batch; raises LayoutError if the groups, and UsageError if the closes, exceed the memory limit."""
        with _refusing():
            self.signals += self._current.update(part)
        self.rows += part.rows
        self._input_rows += part.rows
        self._row_values, self._current.row_values = self._current.row_values, None
        self._budget.plan.check_closes(self._current.limbs)

    def end_input(self) -> None:
        """Join the input to those before it; raises LayoutError as `push` does."""
        rows, self._input_rows = self._input_rows, 0
        if self._is_one_run:
            return
        state, self._current = self._current, self._new_state()
        with _refusing():
            # with another order, the newest input is the first one
            state.merge(self._new_state() if self._per_file else self.total)
            self._row_values, state.row_values = state.row_values, None
            if not self._per_file:
                self.total = state
                return
            names = chain([self._input], (f"{self._input} ({number})" for number in count(2)))
            self.files[next(name for name in names if name not in self.files)] = (rows, state.counts[0])
            self.total.add(state)

    def snapshot(self) -> Iterator[object]:
        """Yield the counts, then the states."""
        yield _Counted(self.rows, self._input_rows, self.signals, self.files)
        yield from (_Piece("ended", {**it}) for it in self.total.snapshot())
        if not self._is_one_run:
            yield from (_Piece("open", {**it}) for it in self._current.snapshot())

    def restore(self, pieces: Iterable[object]) -> None:
        """Take what `snapshot` yielded; raises ValueError, and LayoutError for too many groups."""
        documents = iter(pieces)
        self.rows, self._input_rows, self.signals, self.files = decoded(_Counted, next(documents))
        states = (decoded(_Piece, each) for each in documents)
        with _refusing():
            for of, some in groupby(states, attrgetter("of")):
                {"ended": self.total, "open": self._current}[of].restore(piece.state for piece in some)
        ended_rows, input_rows = self.rows - self._input_rows, self._input_rows
        if self._is_one_run:
            ended_rows = input_rows = self.rows
        if (self.total.rows, self._current.rows) != (ended_rows, input_rows):
            raise ValueError(f"a state of other rows than the {self.rows} that are counted")


def accumulator_of(settings: Settings, budget: Budget, *, emits: bool = False) -> Accumulator[Any]:
    """Return the accumulator for these settings; with `emits`, it computes the values of each row."""
    signals, backwards = settings.counted, settings.order == NEWEST_FIRST
    lengths = None if not emits else lengths_of(signals) if settings.has_means else []
    if not settings.group_by:
        return Accumulator(lambda: SeriesState(signals, backwards=backwards, mean_lengths=lengths), settings, budget)
    if emits and backwards:
        raise UsageError("rows of groups cannot be emitted newest first: each would wait for the next of its group")

    def new_state() -> GroupState:
        return GroupState(signals, backwards=backwards, mean_lengths=lengths, max_bytes=budget.plan.groups_bytes)

    return Accumulator(new_state, settings, budget)


@contextmanager
def _refusing() -> Iterator[None]:
    """Add advice to the error of too many groups."""
    try:
        yield
    except TooManyGroupsError as error:
        advice = "group by a column with fewer values, use shorter windows, or raise `memory_limit`"
        raise LayoutError(f"{error}; {advice}") from None
