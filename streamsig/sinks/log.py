"""The log: one JSON object per line (docs/reference/log.md)."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from streamsig.core import utf8
from streamsig.engine.events import (
    Advanced,
    InputFound,
    OrderChecked,
    Rejected,
    Resumed,
    RunFailed,
    RunFinished,
    RunStarted,
    Warned,
)
from streamsig.sinks.metrics import without_groups

if TYPE_CHECKING:
    import io
    from collections.abc import Callable

    from streamsig.engine.events import Event

PROGRESS_SECONDS = 5.0
_LEVELS = {RunFailed: "ERROR", Warned: "WARNING"}
_NAMES = {
    RunStarted: "run_started",
    InputFound: "input_found",
    Resumed: "resumed",
    Warned: "warning",
    Advanced: "progress",
    OrderChecked: "order_checked",
    RunFinished: "run_finished",
    RunFailed: "run_failed",
}


class JsonLog:
    """An observer that writes every event as one line, and progress every `PROGRESS_SECONDS`.

    A line is written whole in one call, to a file opened for appending without a buffer, so that
    lines of several runs do not mix. Raises OSError when a line cannot be written.
    """

    def __init__(self, file: io.FileIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._file, self._clock = file, clock
        self._started = self._logged = clock()

    def __call__(self, event: Event) -> None:
        """Write the event, unless it is a rejected row, or progress too soon after the last."""
        now = self._clock()
        if isinstance(event, Rejected):  # as many as rows in the worst case; --rejects has them
            return
        if isinstance(event, Advanced):
            if now - self._logged < PROGRESS_SECONDS:
                return
            self._logged = now
        entry = {
            "ts": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": _LEVELS.get(type(event), "INFO"),
            "event": _NAMES[type(event)],
            **_fields(event, now - self._started),
        }
        line = (json.dumps(utf8.in_json(entry)) + "\n").encode()
        while line:
            line = line[self._file.write(line) or 0 :]


def _fields(event: Event, seconds: float) -> dict[str, Any]:
    if isinstance(event, Advanced):
        rate = round(event.rows_processed / seconds) if seconds else None
        return {**event._asdict(), "elapsed_seconds": round(seconds, 3), "rows_per_second": rate}
    if isinstance(event, RunFinished):
        return {**without_groups(event.metrics), "elapsed_seconds": round(seconds, 3)}
    if isinstance(event, RunFailed):
        trace = {} if event.trace is None else {"trace": event.trace}
        return {
            "error_type": event.kind,
            "error_message": event.message,
            "exit_code": event.exit_code,
            **trace,
        }
    if isinstance(event, InputFound):
        return {"input": event.name, "size_bytes": event.size_bytes, **event.layout}
    if isinstance(event, OrderChecked):
        return dict(event.order)
    return {name: value for name, value in event._asdict().items() if name != "sizes"}
