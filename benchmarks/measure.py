"""One command, one fresh process, one measurement."""

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

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
SHOWN_ERROR_CHARACTERS = 300


@dataclass(frozen=True)
class Sample:
    """The answer and the cost of one run. Counts are None when it failed, and `error` then says why."""

    round: int
    """0 is the warm-up, which no statistic uses."""
    contestant: str
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


def measure(command: list[str], *, contestant: str, round_: int, folder: Path, timeout_seconds: float) -> Sample:
    """Run `command` in `folder` and return its answer and cost; a failing or late command is a sample too.

    The peak of a child starts at the peak of the process that created it (the kernel carries it over `exec`),
    so the caller must stay smaller than what it measures: no numpy, no reading of the data in here.
    """
    load_average = os.getloadavg()[0]
    # pip compiled the peers; a streamsig in its checkout is compiled by the warm-up, unless this forbids it.
    environment = {name: os.environ[name] for name in os.environ if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile(dir=folder) as stdout, tempfile.TemporaryFile(dir=folder) as stderr:
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own list of commands
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
        late = threading.Timer(timeout_seconds, process.kill)
        late.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            wall_seconds = time.perf_counter() - started
            # wait4 has reaped the process; with the exit code set, Popen does not wait for it again.
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            late.cancel()
        signal_count, rows, error = _answer(process.returncode, _text(stdout), _text(stderr))
        if process.returncode < 0:
            late_text = f", later than {timeout_seconds:g} s" if wall_seconds >= timeout_seconds else ""
            error = f"ended by {signal.Signals(-process.returncode).name}{late_text}"
    return Sample(
        round=round_,
        contestant=contestant,
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


def rounds(commands: Mapping[str, list[str]], *, runs: int, folder: Path, timeout_seconds: float) -> Iterator[Sample]:
    """Give every sample as it is taken: round 0 to warm up, then `runs` rounds, everybody once in each.

    `commands` is by contestant, in the order of a round. A contestant that fails is left out of the later rounds.
    """
    failed: set[str] = set()
    for round_ in range(runs + 1):
        for contestant, command in commands.items():
            if contestant in failed:
                continue
            sample = measure(
                command,
                contestant=contestant,
                round_=round_,
                folder=folder,
                timeout_seconds=timeout_seconds,
            )
            if sample.error is not None:
                failed.add(contestant)
            yield sample


def _answer(exit_code: int, stdout: str, stderr: str) -> tuple[int | None, int | None, str | None]:
    """Return `(signal_count, rows, None)`, or `(None, None, error)` without a clean exit and an answer."""
    if exit_code != 0:
        lines = [line for line in stderr.splitlines() if line.strip()]
        return None, None, _without_folders(lines[-1]) if lines else "no message on stderr"
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
