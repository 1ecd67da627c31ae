"""One command, fresh processes, one measurement."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING

from benchmarks.contests import FLOOR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.contests import Contest, Contestant

MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
SHOWN_ERROR_CHARACTERS = 300


@dataclass(frozen=True)
class Sample:
    """The answer and the cost of one run. Counts are None if it gave none, and `error` says why if it failed."""

    contest: str
    contestant: str
    round: int
    """0 is the warm-up, which no statistic uses."""
    exit_code: int
    """A negative value is the signal that ended it."""
    signal_count: int | None
    rows: int | None
    wall_seconds: float
    """From before the process is created until it is reaped: interpreter start and imports included."""
    user_seconds: float
    system_seconds: float
    peak_rss_bytes: int
    """Of the largest single process: its own peak or that of a child it waited for, never their sum."""
    load_average: float
    """One-minute load just before the start; well above the number of cores in use means a busy machine."""
    error: str | None

    @property
    def cpu_seconds(self) -> float:
        """Return user and system time together, waited-for children included."""
        return self.user_seconds + self.system_seconds

    def to_json(self) -> str:
        """Return one line of `runs.jsonl`, without the line end."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Sample:
        """Return the sample that `to_json` wrote."""
        return cls(**json.loads(line))


def measure(contest: Contest, contestant: Contestant, *, round_: int, folder: Path, timeout_seconds: float) -> Sample:
    """Run a contestant in `folder` and return its answer and cost; a failing or late command is a sample too.

    The peak of a child starts at the peak of the process that created it (the kernel carries it over `exec`),
    so the caller must stay smaller than what it measures: no numpy, no reading of the data in here.
    """
    load_average = os.getloadavg()[0]
    with tempfile.TemporaryFile(dir=folder) as stdout, tempfile.TemporaryFile(dir=folder) as stderr:
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S602 (our own commands)
            contestant.command,
            shell=True,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        late = threading.Timer(timeout_seconds, os.killpg, (process.pid, signal.SIGKILL))
        late.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            wall_seconds = time.perf_counter() - started
            # wait4 has reaped the process; with the exit code set, Popen does not wait for it again.
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            late.cancel()
        counts = contestant.name != FLOOR
        signal_count, rows, error = _answer(process.returncode, _text(stdout) if counts else None, _text(stderr))
        if wall_seconds >= timeout_seconds:
            error = f"ended after {timeout_seconds:g} s"
    return Sample(
        contest=contest.name,
        contestant=contestant.name,
        round=round_,
        exit_code=process.returncode,
        signal_count=signal_count,
        rows=rows,
        wall_seconds=wall_seconds,
        user_seconds=usage.ru_utime,
        system_seconds=usage.ru_stime,
        peak_rss_bytes=usage.ru_maxrss * MAXRSS_BYTES,
        load_average=load_average,
        error=error,
    )


def rounds(contest: Contest, *, runs: int, folder: Path, timeout_seconds: float) -> Iterator[Sample]:
    """Give every sample as it is taken: round 0 to warm up, then `runs` rounds, everybody once in each.

    A contestant that fails is left out of the later rounds.
    """
    failed: set[str] = set()
    for round_ in range(runs + 1):
        for contestant in contest.contestants:
            if contestant.name in failed:
                continue
            sample = measure(contest, contestant, round_=round_, folder=folder, timeout_seconds=timeout_seconds)
            if sample.error is not None:
                failed.add(contestant.name)
            yield sample


def _answer(exit_code: int, stdout: str | None, stderr: str) -> tuple[int | None, int | None, str | None]:
    """Return `(signal_count, rows, error)`; `stdout` is `None` for a command that counts nothing."""
    if exit_code != 0:
        lines = [line for line in stderr.splitlines() if line.strip()]
        return None, None, _without_folders(lines[-1]) if lines else "no message on stderr"
    if stdout is None:
        return None, None, None
    try:
        answer = json.loads(stdout)
        rows = answer["rows"] if "rows" in answer else answer["rows_processed"]
        return int(answer["signal_count"]), int(rows), None
    except (ValueError, KeyError, TypeError) as problem:
        return None, None, f"no answer on stdout: {problem!r}"


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _without_folders(line: str) -> str:
    """Return the line with absolute paths cut to their last part: raw data is published, folders are not."""
    return re.sub(r"(?<![\w.])/(?:[^\s/'\":]+/)+", "", line.strip())[:SHOWN_ERROR_CHARACTERS]
