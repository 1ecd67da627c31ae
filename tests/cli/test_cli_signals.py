"""Ctrl-C and SIGTERM end the run with a message, error metrics and a log line."""

from __future__ import annotations

import contextlib
import gzip
import signal
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.workdir import prices

if TYPE_CHECKING:
    from tests.support.workdir import Workdir

ENDINGS = [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
LONG = prices(range(900_000)).encode()
"""More than two chunks, so that counting begins before the end of the input."""


def _started(workdir: Workdir, text: bytes, until: str, *flags: object) -> subprocess.Popen[bytes]:
    """Start a run on a pipe that delivers `text` and stays open; return once an event is logged."""
    process = workdir.start("run", "-", *flags, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()
    workdir.wait_for(lambda: workdir.has_logged(until), process)
    return process


@pytest.mark.parametrize(("number", "code", "word"), ENDINGS)
@pytest.mark.parametrize(
    ("text", "until"), [(b"", "run_started"), (LONG, "input_found"), (gzip.compress(LONG, 1, mtime=0), "input_found")]
)
def test_stopped_while_a_pipe_is_slow(
    workdir: Workdir, number: int, code: int, word: str, text: bytes, until: str
) -> None:
    """A signal ends a run that waits for its input, with error metrics and a log line."""
    process = _started(workdir, text, until)
    process.send_signal(number)
    process.wait()
    assert workdir.failed(workdir.finish(process), code) == f"{word} before the end; there is no result"
    assert workdir.metrics()["status"] == "error"


@pytest.mark.parametrize("threads", [1, 2])
def test_stopped_while_counting(workdir: Workdir, threads: int) -> None:
    """A signal during counting is not reported as a bug, with one thread or several."""
    process = workdir.start("run", "-", "--threads", threads, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"close\n")
    for count in range(1000):
        if count and workdir.has_logged("input_found"):
            break
        process.stdin.write(b"5\n" * 1_000_000)
    process.send_signal(signal.SIGINT)
    process.wait()
    workdir.failed(workdir.finish(process), 130)


def test_second_signal_does_not_disturb(workdir: Workdir) -> None:
    """Repeated Ctrl-C leaves the message and the metrics of the first one."""
    process = _started(workdir, b"", "run_started")
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.01)
    outcome = workdir.finish(process)
    # the last signal may arrive after Python has removed its handlers, and then it ends the process
    assert outcome.code in {130, -signal.SIGINT}
    workdir.failed(replace(outcome, code=130), 130)


def test_ignored_signal_stays_ignored(workdir: Workdir) -> None:
    """If the shell ignores Ctrl-C, as after `&` in a script, so does the program."""
    process = workdir.start("run", "-", stdin=subprocess.PIPE, before=["sh", "-c", 'trap "" INT; exec "$@"', "sh"])
    assert process.stdin is not None
    workdir.wait_for(lambda: workdir.has_logged("run_started"), process)
    process.send_signal(signal.SIGINT)
    outcome = workdir.finish(process, prices(range(10)).encode())
    assert (outcome.code, outcome.metrics["signal_count"]) == (0, 6)


@pytest.mark.parametrize(("number", "code", "word"), ENDINGS)
def test_generate_is_stopped(workdir: Workdir, number: int, code: int, word: str) -> None:
    """A stopped `generate` leaves no file."""
    process = workdir.start("generate", "--rows", "4e9", "--output", "bars.csv")
    # a signal while the file is being opened would make Python warn of an unclosed file
    workdir.wait_for(lambda: any(path.stat().st_size for path in workdir.path.iterdir()), process)
    process.send_signal(number)
    process.wait()
    outcome = workdir.finish(process)
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err == f"streamsig: {word} before the end; there is no result\n"
    assert list(workdir.path.iterdir()) == []
