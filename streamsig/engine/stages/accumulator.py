"""The stage that counts: all rows as one series, or one series for each key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import chain
from itertools import count as numbers
from operator import add
from typing import TYPE_CHECKING, Generic, TypeVar

from streamsig.core.groups import GroupRows, GroupState, TooManyGroupsError
from streamsig.core.json_arrays import whole
from streamsig.core.row_signals import lengths_of
from streamsig.core.window import Fold, WindowState
from streamsig.errors import LayoutError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamsig.core.row_signals import RowValues
    from streamsig.engine.batches.batch import Batch, OpenInput, Position
    from streamsig.engine.budget import Budget
    from streamsig.engine.stages.stage import Document
    from streamsig.settings.settings import Settings

NEWEST_FIRST = "newest-first"

Part = TypeVar("Part", WindowState, GroupRows)


class Accumulator(ABC, Generic[Part]):
    """Counts the rows of all inputs in order: as one series, or with `per_file` as one series for each input.

    `rows` counts the rows so far, `signals` those with the first signal, for progress. With `per_file`, `files` has the
    rows and the first count of each input by name; repeated names are numbered.
    """

    name = "counts"

    def __init__(self, settings: Settings, budget: Budget) -> None:
        self._signals, self._budget = settings.counted, budget
        self._per_file, self._backwards = settings.per_file, settings.order == NEWEST_FIRST
        self._is_one_run = not (self._per_file or self._backwards)
        self.rows = self.signals = 0
        self.files: dict[str, tuple[int, int]] = {}
        # of the open input
        self._input, self._input_rows = "", 0

    @property
    @abstractmethod
    def counts(self) -> tuple[int, ...]:
        """Rows with each signal, in the inputs that have ended."""

    @property
    @abstractmethod
    def rows_missing(self) -> int:
        """Rows without a close, in the inputs that have ended."""

    @property
    @abstractmethod
    def longest(self) -> int:
        """Rows of the longest series that has ended."""

    @abstractmethod
    def prepare(self, batch: Batch) -> Part:
        """Count what does not depend on the batches before."""

    @abstractmethod
    def push(self, part: Part, start: Position) -> None:
        """Count a batch; raises LayoutError if the groups, and UsageError if the closes, exceed the memory limit."""

    @abstractmethod
    def end_input(self) -> None:
        """Join the input to those before it; raises LayoutError as `push` does."""

    @abstractmethod
    def snapshot(self) -> Iterator[Document]:
        """Yield the counts, then the states."""

    @abstractmethod
    def restore(self, documents: Iterable[Document]) -> None:
        """Take what `snapshot` yielded; raises ValueError and LayoutError."""

    def begin_input(self, opened: OpenInput, start: Position) -> None:
        """Begin an input; raises ValueError if a checkpoint has other rows of it."""
        self._input = opened.name
        if self._input_rows != start.rows:
            raise ValueError("it is damaged")

    def finish(self) -> None:
        """Do nothing: the counts are properties."""

    def _advance(self, rows: int, signals: int) -> None:
        self.rows += rows
        self.signals += signals
        self._input_rows += rows

    def _end_file(self, rows: int, first_count: int) -> None:
        self._input_rows = 0
        if self._per_file:
            names = chain([self._input], (f"{self._input} ({number})" for number in numbers(2)))
            self.files[next(name for name in names if name not in self.files)] = (rows, first_count)

    def _document(self) -> dict[str, object]:
        files = {name: list(counts) for name, counts in self.files.items()}
        return {"rows": self.rows, "input_rows": self._input_rows, "signals": self.signals, "files": files}

    def _restore_document(self, plain: Document) -> None:
        (self.rows,) = whole([plain["rows"]])
        self.signals, self._input_rows = whole([plain["signals"], plain["input_rows"]], most=self.rows)
        for name, counts in plain["files"].items():
            rows, first_count = whole(counts)
            self.files[name] = (rows, whole([first_count], most=rows)[0])

    def _check_rows(self, ended: int, opened: int) -> None:
        """Raise ValueError if restored states do not have as many rows as are counted."""
        if (ended, opened) != (self.rows - self._input_rows, self._input_rows):
            raise ValueError(f"a state of other rows than the {self.rows} that are counted")


class SeriesAccumulator(Accumulator[WindowState]):
    """Counts rows of one series."""

    def __init__(self, settings: Settings, budget: Budget) -> None:
        super().__init__(settings, budget)
        self._ended = Fold(self._signals)
        self._open = self._new_input()
        # with `per_file`, of the inputs that have ended: rows without a close, and with each signal
        self._sums = [0] * (1 + len(self._signals))

    def prepare(self, batch: Batch) -> WindowState:
        """Count the windows inside the batch."""
        return WindowState.of(self._signals, batch.ticks.reverse() if self._backwards else batch.ticks)

    def push(self, part: WindowState, start: Position) -> None:  # noqa: ARG002 (`Stage`)
        """Count the windows that reach into the batch."""
        self._open.push(part)
        self._advance(part.rows, part.counts[0])
        self._budget.plan.check_closes(self._open.limbs)

    def end_input(self) -> None:
        """Join the input to those before it."""
        if self._is_one_run:
            self._end_file(0, 0)
            return
        state, self._open = self._open.result(), self._new_input()
        self._end_file(state.rows, state.counts[0])
        if self._per_file:
            self._sums = list(map(add, self._sums, (state.rows_missing, *state.counts)))
        else:
            self._ended.push(state)

    @property
    def counts(self) -> tuple[int, ...]:
        """Rows with each signal."""
        return tuple(self._sums[1:]) if self._per_file else self.ended.counts

    @property
    def rows_missing(self) -> int:
        """Rows without a close."""
        return self._sums[0] if self._per_file else self.ended.rows_missing

    @property
    def longest(self) -> int:
        """Rows of the longest series."""
        return max((rows for rows, _ in self.files.values()), default=0) if self._per_file else self.rows

    @property
    def ended(self) -> WindowState:
        """The state of the inputs before the open one; in one run, of all rows."""
        return self._ended.result()

    @property
    def open(self) -> WindowState:
        """The state of the open input; in one run, of all rows."""
        return self._open.result()

    def snapshot(self) -> Iterator[Document]:
        """Yield one document."""
        ended = None if self._is_one_run else self.ended.to_json()
        yield {**self._document(), "sums": self._sums, "ended": ended, "open": self.open.to_json()}

    def restore(self, documents: Iterable[Document]) -> None:
        """Take what `snapshot` yielded; raises ValueError."""
        (plain,) = documents
        self._restore_document(plain)
        opened = WindowState.from_json(self._signals, plain["open"])
        if self._is_one_run:
            self._check_rows(opened.rows - self._input_rows, self._input_rows)
        else:
            ended = WindowState.from_json(self._signals, plain["ended"])
            rows = sum(rows for rows, _ in self.files.values()) if self._per_file else ended.rows
            self._check_rows(rows, opened.rows)
            self._ended.push(ended)
        self._open.push(opened)
        self._sums = list(whole(plain["sums"], most=self.rows))
        if len(self._sums) != 1 + len(self._signals):
            raise ValueError(f"{len(self._sums)} sums of {len(self._signals)} signals")

    def _new_input(self) -> Fold:
        return self._ended if self._is_one_run else Fold(self._signals, backwards=self._backwards)


class GroupAccumulator(Accumulator[GroupRows]):
    """Counts one series for each key; with `emits`, `row_values` has the values of the rows of the last batch."""

    def __init__(self, settings: Settings, budget: Budget, *, emits: bool = False) -> None:
        super().__init__(settings, budget)
        self._lengths = lengths_of(self._signals) if emits else None
        self.row_values: RowValues | None = None
        self.groups = self._new_state()
        """The groups of the inputs that have ended, in the order of their first rows."""
        self.open = self._new_input()
        """The groups of the open input; in one run, of all inputs."""

    def prepare(self, batch: Batch) -> GroupRows:
        """Return the rows with the numbers of their keys."""
        return GroupRows.of(batch.keys, batch.ticks)

    def push(self, part: GroupRows, start: Position) -> None:  # noqa: ARG002 (`Stage`)
        """Count the rows of each group."""
        try:
            if self._lengths is None:
                count = self.open.update(part)
            else:
                count, self.row_values = self.open.update_rows(part, self._lengths)
        except TooManyGroupsError as error:
            raise too_many(error) from None
        self._advance(part.rows, count)

    def end_input(self) -> None:
        """Join the groups of the input to those before it."""
        if self._is_one_run:
            self._end_file(0, 0)
            return
        state, self.open = self.open, self._new_input()
        self._end_file(self._input_rows, state.counts[0])
        try:
            self._join(state)
        except TooManyGroupsError as error:
            raise too_many(error) from None

    @property
    def counts(self) -> tuple[int, ...]:
        """Rows with each signal."""
        return self.groups.counts

    @property
    def rows_missing(self) -> int:
        """Rows without a close."""
        return self.groups.rows_missing

    @property
    def longest(self) -> int:
        """Rows of the longest group."""
        return self.groups.longest

    def snapshot(self) -> Iterator[Document]:
        """Yield one document with the counts, then some groups at a time."""
        yield self._document()
        states = {"open": self.open} if self._is_one_run else {"ended": self.groups, "open": self.open}
        for name, state in states.items():
            for piece in state.to_json():
                yield {"groups": name, **piece}

    def restore(self, documents: Iterable[Document]) -> None:
        """Take what `snapshot` yielded; raises ValueError, and LayoutError for too many groups."""
        documents = iter(documents)
        self._restore_document(next(documents, {}))
        pieces = _Pieces(documents)
        try:
            if self._is_one_run:
                self.groups = self.open = self._restored(pieces.of("open"))
                self._check_rows(self.groups.rows - self._input_rows, self._input_rows)
            else:
                self.groups = self._restored(pieces.of("ended"))
                self.open = self._restored(pieces.of("open"))
                self._check_rows(self.groups.rows, self.open.rows)
        except TooManyGroupsError as error:
            raise too_many(error) from None

    def _restored(self, pieces: Iterable[Document]) -> GroupState:
        most = self._budget.plan.groups_bytes
        return GroupState.from_json(self._signals, pieces, backwards=self._backwards, max_bytes=most)

    def _join(self, state: GroupState) -> None:
        if not self.groups:
            self.groups = state
        elif self._per_file:
            self.groups.add(state)
        else:
            # backwards: the newest input is read first
            state.merge(self.groups)
            self.groups = state

    def _new_input(self) -> GroupState:
        return self.groups if self._is_one_run else self._new_state()

    def _new_state(self) -> GroupState:
        return GroupState(self._signals, backwards=self._backwards, max_bytes=self._budget.plan.groups_bytes)


class _Pieces:
    """Splits the pieces of consecutive states by state."""

    def __init__(self, documents: Iterator[Document]) -> None:
        self._documents = documents
        self._next = next(documents, None)

    def of(self, name: str) -> Iterator[Document]:
        """Yield the next pieces that belong to this state."""
        while self._next is not None and self._next["groups"] == name:
            yield self._next
            self._next = next(self._documents, None)


def accumulator_of(settings: Settings, budget: Budget, *, emits: bool) -> SeriesAccumulator | GroupAccumulator:
    """Return the accumulator for these settings; with `emits`, that of groups computes the values of each row."""
    return GroupAccumulator(settings, budget, emits=emits) if settings.group_by else SeriesAccumulator(settings, budget)


def too_many(error: TooManyGroupsError) -> LayoutError:
    """Return the error with advice."""
    return LayoutError(f"{error}; group by a column with fewer values, use shorter windows, or raise `memory_limit`")
