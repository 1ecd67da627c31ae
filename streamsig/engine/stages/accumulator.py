"""How rows are counted: as one series, or as one for each group; and how the inputs of a run are joined."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from streamsig.core.groups import MAX_BYTES, GroupRows, GroupState, TooManyGroupsError
from streamsig.core.json_arrays import whole
from streamsig.core.window import Fold, WindowState
from streamsig.csv.reader import shown
from streamsig.errors import LayoutError
from streamsig.sniffer.checks.agreement import CloseColumn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamsig.config import Settings
    from streamsig.core.keys import Texts
    from streamsig.core.ticks import Ticks
    from streamsig.engine.events import Rejected

NEWEST_FIRST = "newest-first"


@dataclass(frozen=True, slots=True)
class Count:
    """What one input holds: its state in the order that was asked for, and its bad rows that were left out.

    `close_column` is how its closes were read, `None` if it has none.
    """

    state: WindowState | GroupState
    rows_rejected: int
    warnings: tuple[str, ...]
    close_column: CloseColumn | None = None

    def check(self, name: str, first: Rejected | None) -> Count:
        """Return itself; raises LayoutError where all rows are bad. `first` is the first one that this run has read."""
        if self.state.rows or not self.rows_rejected:
            return self
        example = "" if first is None else f": line {first.line}, {first.column}: {first.reason}: {shown(first.row)}"
        raise LayoutError(
            f"{name}: not one of {self.rows_rejected:,} rows can be read{example}; name another column with --column,"
            " or say how numbers are written with --decimal and --thousands"
        )


class Tally:
    """Counts the rows of one input, run by run: `prepare` on any thread, then `push` in the order of the file.

    An exception that breaks off a `push`, as a signal does, leaves it done or not done: `rows` tells which.

    A state of groups takes at most `groups_bytes`. `counted` are the rows of the first signal as far as is known.
    """

    def __init__(self, settings: Settings, groups_bytes: int = MAX_BYTES) -> None:
        self._signals, self._grouped = settings.counted, bool(settings.group_by)
        self._backwards = settings.order == NEWEST_FIRST
        self._fold = Fold(self._signals, backwards=self._backwards)
        self._groups = GroupState(self._signals, backwards=self._backwards, max_bytes=groups_bytes)
        self.counted = 0

    @property
    def rows(self) -> int:
        """How many rows are counted."""
        return self._groups.rows if self._grouped else self._fold.rows

    @property
    def is_torn(self) -> bool:
        """Whether an exception has left what is counted of no use."""
        return self._groups.is_torn

    def go_on(self, state: WindowState | GroupState) -> None:
        """Take the state of earlier rows of the input, before any others."""
        if isinstance(state, GroupState):
            self._groups = state
        else:
            self._fold.push(state)
        self.counted = state.counts[0]

    def prepare(self, ticks: Ticks, keys: Sequence[Texts]) -> WindowState | GroupRows:
        """Do what can be done of rows without knowing those before them; `keys` are the columns to group by."""
        if self._grouped:
            return GroupRows.of(keys, ticks)
        return WindowState.of(self._signals, ticks.reverse() if self._backwards else ticks)

    def push(self, run: WindowState | GroupRows) -> None:
        """Count a run; raises LayoutError where there are more groups than memory is for."""
        if isinstance(run, WindowState):
            self._fold.push(run)
            self.counted += run.counts[0]
            return
        try:
            self.counted += self._groups.update(run)
        except TooManyGroupsError as error:
            raise too_many(error) from None

    @property
    def limbs(self) -> int:
        """How many limbs the closes of the series have by now."""
        return self._fold.limbs

    def result(self) -> WindowState | GroupState:
        """Return the state of the input."""
        return self._groups if self._grouped else self._fold.result()


class Total:
    """Joins the inputs of a run in their order, to one series, or with `per_file` each apart.

    `rows`, `rows_missing` and `rows_rejected` are sums, `signals` is that of the first signal in each input by
    itself. `groups` is the state of all groups, if there are any. `files` has rows and first count of each input
    by its name, where they are apart; of equal names the later ones have numbers. `close_column` is that of the
    last input with closes. A state of groups takes at most `groups_bytes`.
    """

    def __init__(self, settings: Settings, groups_bytes: int = MAX_BYTES) -> None:
        self._apart, self._backwards = settings.per_file, settings.order == NEWEST_FIRST
        self._counts = [0] * len(settings.counted)
        self._fold = Fold(settings.counted)
        self.rows = self.rows_missing = self.rows_rejected = 0
        self.warnings: tuple[str, ...] = ()
        self.close_column: CloseColumn | None = None
        self.files: dict[str, tuple[int, int]] = {}
        self.groups = GroupState(settings.counted, max_bytes=groups_bytes) if settings.group_by else None

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

    @property
    def longest(self) -> int:
        """Rows of the longest series."""
        if self.groups is not None:
            return self.groups.longest
        return max((rows for rows, _ in self.files.values()), default=0) if self._apart else self.rows

    def push(self, counted: Count, name: str) -> None:
        """Add the next input; raises LayoutError as `Tally.push` does."""
        state = counted.state
        self.rows_rejected += counted.rows_rejected
        self.warnings += counted.warnings
        if state.rows:
            self.close_column = counted.close_column
        if self._apart:
            self.files[self._free(name)] = (state.rows, state.counts[0])
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

    @property
    def state(self) -> WindowState:
        """The inputs as one series, if they are one and there are no groups."""
        return self._fold.result()

    def copy(self) -> Total:
        """Return a total that inputs which are added here later do not change; but for its groups, which they do."""
        other: Total = copy(self)
        other._fold, other._counts, other.files = self._fold.copy(), self._counts.copy(), self.files.copy()
        return other

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` makes the same total of, together with the groups."""
        return {
            "rows": self.rows,
            "rows_missing": self.rows_missing,
            "rows_rejected": self.rows_rejected,
            "counts": self._counts,
            "warnings": list(self.warnings),
            "close_column": None if self.close_column is None else self.close_column._asdict(),
            "files": {name: list(counts) for name, counts in self.files.items()},
            "state": self._fold.copy().result().to_json(),
        }

    @classmethod
    def from_json(cls, settings: Settings, plain: Mapping[str, Any], groups: GroupState | None) -> Total:
        """Return the total that `to_json` wrote down."""
        total = cls(settings)
        total.groups = groups if settings.group_by else None
        names = ("rows", "rows_missing", "rows_rejected")
        total.rows, total.rows_missing, total.rows_rejected = whole(plain[name] for name in names)
        total._counts = list(whole(plain["counts"]))
        state = WindowState.from_json(settings.counted, plain["state"])
        joined = 0 if settings.per_file or settings.group_by else total.rows
        if len(total._counts) != len(settings.counted) or max(total.rows_missing, *total._counts) > total.rows:
            raise ValueError(f"counts that {total.rows} rows cannot have")
        if state.rows != joined or (groups is not None and groups.rows != total.rows):
            raise ValueError(f"a state of other rows than the {total.rows} that are counted")
        if not all(isinstance(each, str) for each in plain["warnings"]):
            raise ValueError("warnings that are no texts")
        total.warnings = tuple(plain["warnings"])
        for name, counts in plain["files"].items():
            rows, count = whole(counts)
            total.files[name] = (rows, whole([count], most=rows)[0])
        total.close_column = CloseColumn.from_json(plain["close_column"]) if plain.get("close_column") else None
        total._fold.push(state)
        return total

    def _free(self, name: str) -> str:
        """Return a name for an input: one that is there already gets a number."""
        names = chain([name], (f"{name} ({number})" for number in count(2)))
        return next(each for each in names if each not in self.files)

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
    return LayoutError(f"{error}; group by a column with fewer values, use shorter windows, or raise --memory-limit")
