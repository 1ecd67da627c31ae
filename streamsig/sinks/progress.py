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

from streamsig.engine.events import Advanced, InputFound, OrderChecked, RunFailed, RunFinished, Warned
from streamsig.sinks.order_summary import sentence
from streamsig.sinks.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from streamsig.engine.events import Event

_WITHOUT_NAME, _WITH_BAR = 72, 110
"""Characters of a line without the name, and the width from which a bar fits."""


class ProgressBar:
    """An observer that shows bytes, rows, speed and the running signal rate.

    It shows percent and ETA if the size is known, else the time elapsed. If the terminal cannot be written to, the bar
    ends and the run continues.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._progress: Progress | None = None

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
        if isinstance(event, InputFound):
            self._start(event)
        elif isinstance(event, Advanced) and self._progress is not None:
            self._progress.update(
                self._progress.task_ids[0],
                completed=event.bytes_read,
                rows=event.rows_processed,
                signals=event.signal_count,
            )
        elif isinstance(event, Warned):
            self._say(f"warning: {event.message}")
        elif isinstance(event, OrderChecked):
            self._say(sentence(event.order))
        elif isinstance(event, RunFinished | RunFailed):
            self.close()

    def _say(self, message: str) -> None:
        self._console.print(Text(f"streamsig: {printable(message)}"), soft_wrap=True)

    def _start(self, event: InputFound) -> None:
        self.close()
        sized, width = event.size_bytes is not None, self._console.width
        bar = [BarColumn(bar_width=20)] if width >= _WITH_BAR else []
        columns: list[ProgressColumn] = [
            _NameColumn(_shortened(event.name, max(8, min(24, width - _WITHOUT_NAME)))),
            *([*bar, TextColumn("{task.percentage:>3.0f}%")] if sized else []),
            DownloadColumn() if sized else FileSizeColumn(),
            TransferSpeedColumn(),
            _RowsColumn(),
            *([TextColumn("ETA"), TimeRemainingColumn(compact=True)] if sized else [TimeElapsedColumn()]),
        ]
        self._progress = Progress(
            *columns, console=self._console, get_time=self._clock, redirect_stdout=False, redirect_stderr=False
        )
        self._progress.add_task("", total=event.size_bytes, rows=0, signals=0)
        self._progress.start()


class _NameColumn(ProgressColumn):
    """The name of the input, verbatim: `TextColumn` would interpret markup, emoji and format fields."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def render(self, task: Task) -> Text:  # noqa: ARG002 (rich's signature)
        return Text(self._name)


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
