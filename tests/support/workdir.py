"""Runs the program in a folder of its own, and checks what holds for every run."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import json
import lzma
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tests.support.forks import CAN_FORK, forks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

PROGRAM = (sys.executable, "-W", "error", "-m", "streamsig")
ERROR_KEYS = ["version", "status", "error_message"]
MEASURED = (
    "import re, sys; from streamsig.__main__ import main; code = main();"
    "from pathlib import Path; status = Path('/proc/self/status').read_text();"
    "print(re.search('VmHWM:\\\\s+([0-9]+)', status)[1], file=sys.stderr); sys.exit(code)"
)
"""A program that runs `streamsig` and ends standard error with its peak memory in KiB."""

PATIENCE_SECONDS = 600
"""No test waits this long unless something hangs."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def metrics(self) -> dict[str, Any]:
        """Return the metrics that went to standard output."""
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document


class Workdir:
    """A folder in which the program runs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, name: str, content: str | bytes) -> Path:
        """Write a file and return its path."""
        place = self.path / name
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        return place

    def prices(self, closes: Iterable[object], name: str = "prices.csv") -> Path:
        """Write a file of these closes."""
        return self.put(name, prices(closes))

    def start(
        self,
        *arguments: object,
        redirect: str = "",
        before: Iterable[str] = (),
        program: Iterable[str] = PROGRAM,
        **options: Any,
    ) -> subprocess.Popen[bytes]:
        """Start the program; as in a shell, `before` precedes the command and `redirect`, such as `>&-`, follows it."""
        command = [*before, *program, *map(str, arguments)]
        if redirect:
            command = ["sh", "-c", f'exec "$@" {redirect}', "sh", *command]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.path, **{"env": _environment(), **pipes, **options})

    def finish(self, process: subprocess.Popen[bytes], stdin: bytes | None = None) -> Outcome:
        """Wait for the end of a run and check the files that it leaves."""
        with process:
            try:
                out, err = process.communicate(stdin, timeout=PATIENCE_SECONDS)
            finally:
                process.kill()
        return self._checked(Outcome(process.returncode, (out or b"").decode(), (err or b"").decode()))

    def _checked(self, outcome: Outcome) -> Outcome:
        """Check that a run left neither a traceback nor a partial file."""
        assert "Traceback" not in outcome.out + outcome.err
        assert "Exception ignored" not in outcome.err
        assert not list(self.path.rglob("*.partial"))
        return outcome

    def call(self, *arguments: object, stdin: bytes | None = None, **options: Any) -> Outcome:
        """Run `streamsig ...` to its end, with any exit code; with options, in a new interpreter."""
        if CAN_FORK and not options:
            code, out, err = forks().run(
                [str(it) for it in arguments], self.path, _environment(), stdin or b"", PATIENCE_SECONDS
            )
            return self._checked(Outcome(code, out.decode(), err.decode()))
        if stdin is not None:
            options["stdin"] = subprocess.PIPE
        return self.finish(self.start(*arguments, **options), stdin)

    def measure(self, *arguments: object, first: str = "", **options: Any) -> tuple[Outcome, float]:
        """Run `streamsig ...` to its end, after the code `first`; return its peak resident memory in MiB, too."""
        outcome = self.call(*arguments, program=(sys.executable, "-W", "error", "-c", first + MEASURED), **options)
        err, peak_kib = outcome.err.rstrip("\n").rsplit("\n", 1) if "\n" in outcome.err[:-1] else ("", outcome.err)
        return replace(outcome, err=err and err + "\n"), int(peak_kib) / 1024

    def run(self, *arguments: object, **options: Any) -> Outcome:
        """Run `streamsig run ...`, which must succeed and write nothing to standard error."""
        outcome = self.call("run", *arguments, **options)
        assert (outcome.code, outcome.err) == (0, "")
        return outcome

    def fails(self, code: int, *arguments: object, **options: Any) -> str:
        """Run `streamsig run ...`, which must fail with this exit code; return its message."""
        return self.failed(self.call("run", *arguments, **options), code)

    def refuses(self, *arguments: object, **options: Any) -> str:
        """Run `streamsig run ...` with wrong flags, which must change no file; return the message."""
        before = self._files()
        outcome = self.call("run", *arguments, **options)
        assert self._files() == before
        return self._message(outcome, 2)

    def failed(self, outcome: Outcome, code: int) -> str:
        """Check what holds for every failure except wrong flags; return the message."""
        message = self._message(outcome, code)
        for name, check in (("metrics.json", self._same_metrics), ("run.log", self._same_failure)):
            if (self.path / name).exists():
                check(outcome)
        return message

    def _message(self, outcome: Outcome, code: int) -> str:
        assert outcome.code == code, outcome
        assert list(outcome.metrics) == ERROR_KEYS
        message = str(outcome.metrics["error_message"])
        assert outcome.metrics["status"] == "error"
        assert outcome.err == f"streamsig: {message}\n"
        assert message.isprintable()
        return message

    def _files(self) -> dict[str, bytes]:
        return {str(place): place.read_bytes() for place in self.path.rglob("*") if place.is_file()}

    def metrics(self, name: str = "metrics.json") -> dict[str, Any]:
        """Return the metrics in a file."""
        document = json.loads((self.path / name).read_text())
        assert isinstance(document, dict)
        return document

    def log(self, name: str = "run.log") -> list[dict[str, Any]]:
        """Return the lines of a log."""
        return [json.loads(line) for line in (self.path / name).read_text().splitlines()]

    def wait_for(self, happened: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
        """Wait until something has happened in a program that is still running."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            assert time.monotonic() < give_up, "the program never got that far"
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.005)
                assert happened(), "the program ended early"

    def has_logged(self, event: str) -> bool:
        """Return whether a line with this event is in the log."""
        return self.times_logged(event) > 0

    def times_logged(self, event: str) -> int:
        """Return how many lines with this event are in the log."""
        log = self.path / "run.log"
        return log.read_text().count(f'"event": "{event}"') if log.exists() else 0

    def _same_metrics(self, outcome: Outcome) -> None:
        assert (self.path / "metrics.json").read_text() == outcome.out

    def _same_failure(self, outcome: Outcome) -> None:
        last = self.log()[-1]
        assert (last["event"], last["level"], last["exit_code"]) == ("run_failed", "ERROR", outcome.code)
        assert last["error_message"] == outcome.metrics["error_message"]


def _environment() -> dict[str, str]:
    """Return the environment variables of the program."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return {**plain, "TERM": "xterm", "COLUMNS": "100"}


def prices(closes: Iterable[object]) -> str:
    """Write a file of these closes."""
    return "".join(["time,close\n", *(f"{index},{close}\n" for index, close in enumerate(closes))])


def _packed_by_arrow(codec: str) -> Callable[[bytes], bytes]:
    def pack(plain: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as packed:
            packed.write(plain)
        return bytes(sink.getvalue())

    return pack


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": partial(gzip.compress, mtime=0),
    "bz2": bz2.compress,
    # the default preset takes ten times as long
    "xz": partial(lzma.compress, preset=0),
    "zstd": _packed_by_arrow("zstd"),
    "lz4": _packed_by_arrow("lz4"),
}
"""Compression functions by the program's name for each."""
