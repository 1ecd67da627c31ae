"""The files that a run writes, and the files that it must not overwrite."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamsig import files
from streamsig.errors import OutputError, SourceError, UsageError
from streamsig.os_errors import reason_of
from streamsig.sinks import metrics
from streamsig.sinks.append_file import unfinished_path
from streamsig.sinks.log import JsonLog

if TYPE_CHECKING:
    import argparse
    import io
    from collections.abc import Iterable, Iterator, Mapping

    from streamsig.engine.events import Event
    from streamsig.sources.inputs import InputPath

STREAM = "-"
OUTPUT, LOG = "metrics.json", "run.log"


class Targets:
    """The paths of all outputs by flag; writes the metrics file and the log.

    A refused target is removed, so that the report of the refusal does not write it.
    """

    def __init__(self, flags: argparse.Namespace) -> None:
        log = LOG if flags.log_file is None and flags.output != STREAM else flags.log_file
        named = {
            "--output": None if flags.output == STREAM else flags.output,
            "--log-file": None if log == STREAM else log,
            "--rejects": flags.rejects,
            "--signals-out": flags.signals_out,
        }
        self._paths = {flag: Path(path) for flag, path in named.items() if path is not None}
        self._logs_to_stderr = log == STREAM
        self._file: io.FileIO | None = None
        self._log: JsonLog | None = None

    def path(self, flag: str) -> Path | None:
        """Return the target of a flag."""
        return self._paths.get(flag)

    def add_checkpoint(self, path: str) -> None:
        """Add a checkpoint; rows and rejected rows then wait in `.unfinished` files, which are targets, too."""
        self._paths["--checkpoint"] = Path(path)

    def admit(self, inputs: Iterable[InputPath], config: Path | None) -> tuple[list[InputPath], list[str]]:
        """Return the inputs without targets that a folder or glob contains, and warnings about these.

        Raises UsageError if a target is an input, the config or another target, OutputError if it cannot be written,
        and SourceError if no input is left.
        """
        admitted: list[InputPath] = []
        warnings: list[str] = []
        for each in inputs:
            flag = next((flag for flag, target in self._all() if each.origin and _same_file(target, each.path)), None)
            if flag is None:
                admitted.append(each)
            else:
                warnings.append(f"{each.path} is left out: this run writes it ({flag})")
        if not admitted:
            raise SourceError(f"{each.origin}: it holds nothing but what this run writes; check the path")
        self._check([each.path for each in admitted], config)
        return admitted, warnings

    def _check(self, sources: Iterable[str], config: Path | None) -> None:
        taken: list[tuple[str, str | Path]] = [("is the input", source) for source in sources]
        if config is not None:
            taken.append(("is the config file", config))
        for flag, target in self._all():
            for what, path in taken:
                if _same_file(target, path):
                    self._remove(target)
                    raise UsageError(f"{flag} {target} {what}; name another file")
            taken.append((f"is also the target of {flag}", target))
        for flag, target in [*self._paths.items()]:
            try:
                if flag != "--log-file":  # checked when its first line is written
                    files.check_writable(target)
            except OutputError:
                self._remove(target)
                raise

    def __call__(self, event: Event) -> None:
        """Log an event; the first one opens the log. Raises OutputError."""
        path = self.path("--log-file")
        if path is None and not self._logs_to_stderr:
            return
        try:
            if self._log is None:
                self._file = _open_log(path)
                self._log = JsonLog(self._file)
            self._log(event)
        except (OSError, ValueError) as error:
            self._paths.pop("--log-file", None)
            self._logs_to_stderr = False
            raise OutputError(f"{path or STREAM}: the log cannot be written: {reason_of(error)}") from error

    def write(self, result: Mapping[str, Any]) -> None:
        """Write the metrics, if there is a file for them; raises OutputError."""
        if (path := self.path("--output")) is not None:
            with files.replacing(path) as file:
                file.writelines(piece.encode() for piece in metrics.to_json(result))

    def close(self) -> None:
        """Close the log."""
        if self._file is not None:
            self._file.close()

    def _all(self) -> Iterator[tuple[str, Path]]:
        yield from self._paths.items()
        if "--checkpoint" in self._paths:
            waiting = ("--signals-out", "--rejects")
            yield from ((flag, unfinished_path(self._paths[flag])) for flag in waiting if flag in self._paths)

    def _remove(self, target: Path) -> None:
        self._paths = {flag: path for flag, path in self._paths.items() if path != target}


def _open_log(path: Path | None) -> io.FileIO:
    if path is not None:
        return path.open("ab", buffering=0)
    if sys.stderr is None:
        raise OSError("standard error is closed")
    return open(2, "ab", buffering=0, closefd=False)


def _same_file(target: Path, source: str | Path) -> bool:
    """Return whether writing the target would overwrite the source; only a regular file can be overwritten."""
    try:
        there = target.stat()
        other = os.fstat(0) if source == STREAM else Path(source).stat()
    except ValueError:
        return False  # an impossible name
    except OSError:
        return source != STREAM and os.path.realpath(target) == os.path.realpath(source)
    return stat.S_ISREG(there.st_mode) and os.path.samestat(there, other)
