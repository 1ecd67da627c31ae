"""Runs with a checkpoint that are interrupted after some chunks, as by a signal, and resumed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from streamsig.engine.events import Advanced, Rejected, Resumed
from streamsig.engine.pipeline import count_signals
from streamsig.sinks.reject_file import RejectFile
from streamsig.sinks.row_file import RowFile
from tests.support.counting import sized

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamsig.engine.result import Result
    from streamsig.settings.settings import Settings

ROWS = 3000


def small(**settings: Any) -> Settings:
    """Return settings with small chunks, so that a small file has many."""
    return sized(chunk_bytes=4096, **settings)


def text(rows: int = ROWS, *, first: int = 0) -> str:
    """Return prices that go up and down, with ever more decimals."""
    return "".join(
        f"{row},{(row * 7919) % 1009}.{'5' * (1 + row // 1000 % 20)}\n" for row in range(first, first + rows)
    )


def keyed(rows: int = ROWS, *, first: int = 0) -> str:
    """Return such prices for ever more symbols; some of the first closes are missing."""
    lines = []
    for row, line in enumerate(text(rows, first=first).splitlines(), first):
        time, close = line.split(",")
        lines.append(f"{time},S{row * row % (7 + row // 40)},{'' if row % 31 == 7 and row < 1000 else close}\n")
    return "".join(lines)


class _Stopped(BaseException):
    """An exception that the program does not know."""


def run(
    folder: Path,
    *inputs: Path,
    stop_after: int | None = None,
    rows: str | None = None,
    rejects: str | None = None,
    **settings: Any,
) -> tuple[Result | None, list[Resumed]]:
    """Count with `folder / "checkpoint"`, and stop after some chunks; write rows and rejects to files in `folder`.

    Return the result, `None` if it was stopped, and the positions at which it resumed.
    """
    resumed: list[Resumed] = []
    seen = 0

    def observe(event: object) -> None:
        nonlocal seen
        if rejecting is not None and isinstance(event, Rejected):
            rejecting.write(event)
        if isinstance(event, Resumed):
            resumed.append(event)
        seen += isinstance(event, Advanced)
        if stop_after is not None and seen > stop_after:
            raise _Stopped

    chosen = small(checkpoint=str(folder / "checkpoint"), **settings)
    try:
        with (
            contextlib.nullcontext() if rejects is None else RejectFile(folder / rejects, appends=True) as rejecting,
            contextlib.nullcontext() if rows is None else RowFile(folder / rows, appends=True) as emit,
        ):
            return count_signals([str(it) for it in inputs], chosen, observe, emit, rejecting), resumed
    except _Stopped:
        return None, resumed


class Breaking:
    """Interrupts call `number` of a function, from 1, before or after it runs.

    `left` is the number of calls until then; `function` replaces the plain one.
    """

    def __init__(self, plain: Callable[..., Any], number: int, *, after: bool) -> None:
        self.left = number

        # only a function binds to its object as a method
        def function(*arguments: Any, **named: Any) -> Any:
            self.left -= 1
            if not self.left and not after:
                raise KeyboardInterrupt
            answer = plain(*arguments, **named)
            if not self.left:
                raise KeyboardInterrupt
            return answer

        self.function = function


def totals(result: Result | None) -> tuple[Any, ...]:
    """Return the parts of a result that do not depend on interruptions."""
    assert result is not None
    counts = tuple((name, each.signal_count) for name, each in result.signals.items())
    return (
        result.rows_processed,
        result.signal_count,
        result.rows_missing,
        result.rows_rejected,
        counts,
        dict(result.files),
        None if result.groups is None else list(result.groups.items()),
        result.order,
    )
