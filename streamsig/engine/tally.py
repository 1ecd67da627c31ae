"""How rows are counted: as one series, or as one for each group; and how the inputs of a run are joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsig.core.groups import GroupRows, GroupState, TooManyGroupsError
from streamsig.core.window import Fold, WindowState
from streamsig.errors import LayoutError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.config import Settings
    from streamsig.core.keys import Texts
    from streamsig.core.ticks import Ticks

NEWEST_FIRST = "newest-first"


class Tally:
    """Counts the rows of one input, run by run: `prepare` on any thread, then `push` in the order of the file."""

    def __init__(self, settings: Settings) -> None:
        self._signals, self._grouped = settings.counted, bool(settings.group_by)
        self._backwards = settings.order == NEWEST_FIRST
        self._fold = Fold(self._signals, backwards=self._backwards)
        self._groups = GroupState(self._signals, backwards=self._backwards)

    def prepare(self, ticks: Ticks, keys: Sequence[Texts]) -> WindowState | GroupRows:
        """Do what can be done of rows without knowing those before them; `keys` are the columns to group by."""
        if self._grouped:
            return GroupRows.of(keys, ticks)
        return WindowState.of(self._signals, ticks.reverse() if self._backwards else ticks)

    def push(self, run: WindowState | GroupRows) -> tuple[int, int]:
        """Count a run; return how many rows it has, and how many more have the first signal as far as is known.

        Raises LayoutError where there are more groups than memory is for.
        """
        if isinstance(run, WindowState):
            self._fold.push(run)
            return run.rows, run.counts[0]
        try:
            return len(run.ticks), self._groups.update(run)
        except TooManyGroupsError as error:
            raise too_many(error) from None

    def result(self) -> WindowState | GroupState:
        """Return the state of the input."""
        return self._groups if self._grouped else self._fold.result()


class Total:
    """Joins the inputs of a run in their order, to one series, or with `per_file` each apart.

    `rows` and `rows_missing` are sums, `signals` is that of the first signal in each input by itself. `groups` is
    the state of all groups, if there are any.
    """

    def __init__(self, settings: Settings) -> None:
        self._apart, self._backwards = settings.per_file, settings.order == NEWEST_FIRST
        self._counts = [0] * len(settings.counted)
        self._fold = Fold(settings.counted)
        self.rows = self.rows_missing = 0
        self.groups = GroupState(settings.counted) if settings.group_by else None

    @property
    def signals(self) -> int:
        """Rows of the first signal, without those whose windows reach from one input into the next."""
        return self._counts[0]

    @property
    def counts(self) -> tuple[int, ...]:
        """Rows of each signal."""
        if self._apart:
            return tuple(self._counts)
        return self._fold.result().counts if self.groups is None else self.groups.counts

    def push(self, state: WindowState | GroupState) -> None:
        """Add the next input; raises LayoutError as `Tally.push` does."""
        self.rows += state.rows
        self.rows_missing += state.rows_missing
        self._counts = [whole + more for whole, more in zip(self._counts, state.counts, strict=True)]
        if isinstance(state, GroupState):
            try:
                self._join(state)
            except TooManyGroupsError as error:
                raise too_many(error) from None
        elif not self._apart:
            self._fold.push(state)

    def _join(self, state: GroupState) -> None:
        if not self.groups:
            self.groups = state
        elif self._apart:
            self.groups.add(state)
        elif self._backwards:
            # the newest input is read first
            state.merge(self.groups)
            self.groups = state
        else:
            self.groups.merge(state)


def too_many(error: TooManyGroupsError) -> LayoutError:
    """Return the error of the command line."""
    return LayoutError(f"{error}; group by a column with fewer values, or use shorter windows")
