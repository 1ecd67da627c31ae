"""The stage that checks inputs: reports rejected rows, and refuses inputs that contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamsig.core.json_values import decoded
from streamsig.engine.detection import compare_with
from streamsig.engine.events import Rejected, Warned
from streamsig.engine.stages.stage import Stage
from streamsig.errors import LayoutError
from streamsig.fields.messages import shown
from streamsig.sniffer.checks.agreement import CloseColumn  # noqa: TC001 (`decoded` reads it)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamsig.engine.batches.batch import Batch, OpenInput, Position, RejectedRows
    from streamsig.engine.events import Observer
    from streamsig.settings.settings import Settings


class _Saved(NamedTuple):
    rows_rejected: int
    warnings: tuple[str, ...]
    close_column: CloseColumn | None


class InputChecks(Stage[tuple[int, "RejectedRows"]]):
    """Reports the rejected rows and the warnings of all inputs.

    `warnings` are those of the inputs that have ended.
    """

    name = "inputs"
    _opened: OpenInput

    def __init__(self, settings: Settings, observe: Observer) -> None:
        self._settings, self._observe = settings, observe
        self.rows_rejected = 0
        self.warnings: tuple[str, ...] = ()
        self._input_warnings: tuple[str, ...] = ()
        # of the last input with rows, and of the open one
        self._close_column: CloseColumn | None = None
        self._open_column: CloseColumn | None = None
        # of the open input
        self._rows = self._rejected = 0
        self._first: Rejected | None = None

    def begin_input(self, opened: OpenInput, start: Position) -> None:
        """Warn of the layout; raises LayoutError if it contradicts that of the input before."""
        self._opened, self._first = opened, None
        self._rows, self._rejected = start.rows, start.rejected
        self._input_warnings = opened.warnings
        for message in opened.warnings:
            self._observe(Warned(f"{opened.name}: {message}"))
        self._open_column = opened.layout.close_column(opened.name)
        more = compare_with(self._close_column, self._open_column, self._settings)
        self._input_warnings += more
        for message in more:
            self._observe(Warned(f"{opened.name}: {message}"))

    def prepare(self, batch: Batch) -> tuple[int, RejectedRows]:
        """Return the number of rows, and the rejected rows."""
        return len(batch.ticks), batch.rejected

    def push(self, part: tuple[int, RejectedRows], start: Position) -> None:
        """Report the rejected rows."""
        rows, rejected = part
        self._rows += rows
        self._rejected += len(rejected)
        self.rows_rejected += len(rejected)
        for bad in rejected:
            event = Rejected(self._opened.name, start.line + bad.line - 1, bad.column, bad.reason, bad.row)
            self._first = self._first or event
            self._observe(event)

    def end_input(self) -> None:
        """Raise LayoutError if all rows are bad."""
        self.warnings += self._input_warnings
        if self._rows:
            self._close_column = self._open_column
        elif self._rejected:
            bad = self._first
            example = "" if bad is None else f": line {bad.line}, {bad.column}: {bad.reason}: {shown(bad.row)}"
            raise LayoutError(
                f"{self._opened.name}: not one of {self._rejected:,} rows can be read{example}; name another column"
                " with `column`, or say how numbers are written with `decimal` and `thousands`"
            )

    def warn(self, name: str, message: str) -> None:
        """Warn of an input that has ended."""
        self.warnings += (message,)
        self._observe(Warned(f"{name}: {message}"))

    def snapshot(self) -> Iterator[object]:
        """Yield the number of rejected rows, and the warnings and close column of the inputs that have ended."""
        yield _Saved(self.rows_rejected, self.warnings, self._close_column)

    def restore(self, pieces: Iterable[object]) -> None:
        """Take what `snapshot` yielded; raises ValueError."""
        (plain,) = pieces
        self.rows_rejected, self.warnings, self._close_column = decoded(_Saved, plain)
