"""The log is a contract: docs/reference/log.md."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from streamsig.engine.events import Advanced, InputFound, RunFailed, RunFinished, RunStarted, Warned
from streamsig.settings.settings import SETTINGS
from streamsig.sinks.log import PROGRESS_SECONDS, JsonLog
from tests.support.workdir import PROGRAM, prices

if TYPE_CHECKING:
    from pathlib import Path

    from streamsig.engine.events import Event
    from tests.support.workdir import Workdir


def logged(folder: Path, *events: tuple[float, Event]) -> list[dict[str, Any]]:
    """Return the log lines of events at these seconds."""
    now = 0.0
    with (folder / "log").open("ab", buffering=0) as file:
        log = JsonLog(file, clock=lambda: now)
        for now, event in events:  # noqa: B007 (the clock reads it)
            log(event)
    return [json.loads(line) for line in (folder / "log").read_text().splitlines()]


def test_log_of_a_success(workdir: Workdir) -> None:
    """A log begins with settings and versions, and ends with all metrics."""
    workdir.put("prices.csv", prices(range(10)))
    # a new interpreter imports only what the run needs
    outcome = workdir.run("prices.csv", "--window", 3, "--threads", 2, program=PROGRAM)
    started, opened, finished = workdir.log()
    assert [line["event"] for line in (started, opened, finished)] == ["run_started", "input_found", "run_finished"]
    assert {line["level"] for line in (started, opened, finished)} == {"INFO"}
    assert list(started["settings"]) == list(SETTINGS)
    assert (started["settings"]["window"], started["settings"]["threads"]) == (3, 2)
    assert list(started["versions"]) == ["streamsig", "python", "numpy"]
    assert (opened["input"], opened["size_bytes"]) == ("prices.csv", (workdir.path / "prices.csv").stat().st_size)
    assert (opened["delimiter"], opened["compression"]) == (",", None)
    assert outcome.metrics.items() <= finished.items()
    assert isinstance(finished["elapsed_seconds"], float)


def test_log_of_a_failure(workdir: Workdir) -> None:
    """The log of a failed run ends with the error, its type and the exit code."""
    workdir.put("prices.csv", prices([1, 2, "bad"]))
    message = workdir.fails(4, "prices.csv")
    last = workdir.log()[-1]
    assert list(last) == ["ts", "level", "event", "error_type", "error_message", "exit_code"]
    assert (last["error_type"], last["error_message"]) == ("BadRowError", message)


def test_every_line_begins_alike(workdir: Workdir) -> None:
    """Every line begins with `ts`, `level` and `event`; times are ISO 8601 in UTC and never decrease."""
    workdir.put("prices.csv", prices(range(10)))
    workdir.run("prices.csv")
    workdir.fails(3, "none.csv")
    lines = workdir.log()
    assert {tuple(line)[:3] for line in lines} == {("ts", "level", "event")}
    times = [line["ts"] for line in lines]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time) for time in times)
    assert times == sorted(times)


def test_log_of_a_pipe(workdir: Workdir) -> None:
    """A pipe has no size."""
    workdir.run("-", stdin=prices(range(10)).encode())
    assert [(line["input"], line["size_bytes"]) for line in workdir.log() if line["event"] == "input_found"] == [
        ("<stdin>", None)
    ]


def test_progress_comes_at_intervals(tmp_path: Path) -> None:
    """A progress line with totals and the rate is written every `PROGRESS_SECONDS`."""
    seconds = [PROGRESS_SECONDS * part for part in (0.5, 0.99, 1.0, 1.5, 2.1, 2.9)]
    lines = logged(tmp_path, *((second, Advanced(1000 * i, 100 * i, i)) for i, second in enumerate(seconds)))
    assert [(line["event"], line["rows_processed"]) for line in lines] == [("progress", 200), ("progress", 400)]
    assert lines[0]["elapsed_seconds"] == PROGRESS_SECONDS
    assert lines[0]["rows_per_second"] == round(200 / PROGRESS_SECONDS)
    assert (lines[0]["bytes_read"], lines[0]["signal_count"]) == (2000, 2)


@pytest.mark.parametrize(
    ("event", "level", "name"),
    [
        (RunStarted({}, {}), "INFO", "run_started"),
        (InputFound("prices.csv", 1, {}), "INFO", "input_found"),
        (Warned("odd"), "WARNING", "warning"),
        (RunFinished({}), "INFO", "run_finished"),
        (RunFailed("SourceError", "gone", 3), "ERROR", "run_failed"),
    ],
)
def test_levels_and_names(tmp_path: Path, event: Event, level: str, name: str) -> None:
    """Every event has a name and a level."""
    (line,) = logged(tmp_path, (0.0, event))
    assert (line["level"], line["event"]) == (level, name)


def test_trace_of_a_bug(tmp_path: Path) -> None:
    """The traceback of a bug is in the log, and not on the terminal."""
    (line,) = logged(tmp_path, (0.0, RunFailed("ZeroDivisionError", "unexpected", 1, "Traceback ...\n")))
    assert line["trace"] == "Traceback ...\n"


def test_line_is_one_line(tmp_path: Path) -> None:
    """A log line is one line of ASCII, whatever a name contains."""
    logged(tmp_path, (0.0, InputFound("a\nb\u2028\udcffä", None, {})))
    text = (tmp_path / "log").read_bytes()
    assert (text.count(b"\n"), text.isascii()) == (1, True)
