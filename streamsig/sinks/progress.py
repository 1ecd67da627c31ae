"""Progress on a terminal, drawn with rich on standard error."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    DownloadColumn,
    FileSizeColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from streamsig.engine.events import Advanced, InputFound, RunFailed, RunFinished, RunStarted
from streamsig.sinks.event_messages import message_of
from streamsig.sinks.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from streamsig.engine.events import Event

_WITHOUT_NAME, _WITH_BAR = 72, 110
"""Characters of a line without the name, and the width from which a bar fits."""


class ProgressBar:
    """An observer that shows bytes, rows, speed and the running signal rate, on one line for all inputs.

    It shows percent and ETA if all sizes are known, else the time elapsed. If the terminal cannot be written to, the
    bar ends and the run continues.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._progress: Progress | None = None
        self._sizes: Sequence[tuple[str, int]] = ()
        # the bytes of the inputs that have ended, and the size of the open one
        self._ended_bytes = self._open_bytes = 0

    def __call__(self, event: Event) -> None:
        """Draw what the event changes."""
        try:
            self._draw(event)
        except OSError:
            self.close()

    def close(self) -> None:
        """Stop drawing; the last bar stays visible."""
        progress, self._progress = self._progress, None
        if progress is not None:
            with contextlib.suppress(OSError):
                progress.stop()

    def _draw(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._sizes = event.sizes
        elif isinstance(event, InputFound):
            self._begin(event)
        elif isinstance(event, Advanced) and self._progress is not None:
            self._progress.update(
                self._progress.task_ids[0],
                completed=self._ended_bytes + event.bytes_read,
                rows=event.rows_processed,
                signals=event.signal_count,
            )
        elif (message := message_of(event)) is not None:
            self._console.print(Text(f"streamsig: {printable(message)}"), soft_wrap=True)
        elif isinstance(event, RunFinished | RunFailed):
            self.close()

    def _begin(self, event: InputFound) -> None:
        """Show the name of an input, and what is left of all inputs; those that a checkpoint has are left out."""
        self._ended_bytes += self._open_bytes
        self._open_bytes = event.size_bytes or 0
        places = (place for place, (name, _) in enumerate(self._sizes) if name == event.name)
        self._sizes = self._sizes[next(places, len(self._sizes)) :]
        left = sum(size for _, size in self._sizes) if self._sizes else event.size_bytes
        self._sizes = self._sizes[1:]
        total = None if left is None else self._ended_bytes + left
        if self._progress is None or (total is None) != (self._progress.tasks[0].total is None):
            self._start(total)
        if self._progress is not None:
            name = _shortened(event.name, max(8, min(24, self._console.width - _WITHOUT_NAME)))
            self._progress.update(self._progress.task_ids[0], total=total, name=name)

    def _start(self, total: int | None) -> None:
        self.close()
        sized, width = total is not None, self._console.width
        bar = [BarColumn(bar_width=20)] if width >= _WITH_BAR else []
        columns: list[ProgressColumn] = [
            _NameColumn(),
            *([*bar, TextColumn("{task.percentage:>3.0f}%")] if sized else []),
            DownloadColumn() if sized else FileSizeColumn(),
            TransferSpeedColumn(),
            _RowsColumn(),
            *([TextColumn("ETA"), TimeRemainingColumn(compact=True)] if sized else [TimeElapsedColumn()]),
        ]
        self._progress = Progress(
            *columns, console=self._console, get_time=self._clock, redirect_stdout=False, redirect_stderr=False
        )
        self._progress.add_task("", total=total, name="", rows=0, signals=0)
        self._progress.start()


class _NameColumn(ProgressColumn):
    """The name of the input, verbatim: `TextColumn` would interpret markup, emoji and format fields."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["name"])


class _RowsColumn(ProgressColumn):
    """Rows, rows per second and the signal rate so far."""

    def render(self, task: Task) -> Text:
        rows, signals = task.fields["rows"], task.fields["signals"]
        speed = rows / task.elapsed if task.elapsed else 0.0
        return Text(f"{_short(rows)} rows {_short(speed)}/s rate {signals / (rows or 1):.4f}")


def _shortened(name: str, characters: int) -> str:
    name = printable(name.rsplit("/", 1)[-1])
    return name if len(name) <= characters else name[: characters - 1] + "…"


def _short(number: float) -> str:
    """Return a count in at most five characters: `950`, `12.3k`, `4.5M`."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:.1f}{letter}"
    return f"{number:.0f}"
