"""Where the figures, the log and the rejected rows of a run go."""

from __future__ import annotations

import os
import stat
import sys
from itertools import combinations
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
    from collections.abc import Iterable, Mapping

    from streamsig.engine.events import Event
    from streamsig.sources.inputs import Named

STREAM = "-"
OUTPUT, LOG = "metrics.json", "run.log"


class Targets:
    """A metrics file, a log and a file for rejected rows, none of them a must.

    A target that is refused is let go, so that reporting the refusal does not touch it.
    """

    def __init__(
        self, output: str | None, log: str | None, rejects: str | None = None, rows: str | None = None
    ) -> None:
        """Take what the flags say, `-` included; `None` is no such target."""
        self.output = None if output in (None, STREAM) else Path(str(output))
        self.log = log
        self.rejects = None if rejects is None else Path(rejects)
        self.rows = None if rows is None else Path(rows)
        self.checkpoint: Path | None = None
        self._file: io.FileIO | None = None
        self._write_line: JsonLog | None = None

    @classmethod
    def named(cls, flags: argparse.Namespace) -> Targets:
        """Return the targets of flags: there is a default log beside a metrics file, and none without."""
        log = LOG if flags.log_file is None and flags.output != STREAM else flags.log_file
        return cls(flags.output, log, flags.rejects, flags.signals_out)

    def let_all_go(self) -> None:
        """Write no file: what the flags say cannot be understood, so that any may be meant otherwise."""
        self.output = self.log = self.rejects = self.rows = None

    def leave_out(self, inputs: Iterable[Named]) -> tuple[list[Named], list[str]]:
        """Return the inputs but for targets that a folder or glob brought along, and warnings about these.

        Raises SourceError where nothing is left.
        """
        kept: list[Named] = []
        warnings: list[str] = []
        for each in inputs:
            flag = next((flag for flag, target in self._files() if each.by and _same_file(target, each.path)), None)
            if flag is None:
                kept.append(each)
            else:
                warnings.append(f"{each.path} is left out: this run writes it ({flag})")
        if not kept:
            raise SourceError(f"{each.by}: it holds nothing but what this run writes; check the path")
        return kept, warnings

    def check(self, sources: Iterable[str], config: Path | None) -> None:
        """Refuse, before any work, what would overwrite an input or the config, or could not be written.

        Raises UsageError or OutputError.
        """
        for flag, target in self._files():
            for what, path in (*(("input", source) for source in sources), ("config file", config)):
                if path is not None and _same_file(target, path):
                    self._let_go(target)
                    raise UsageError(f"{flag} {target} is the {what}; name another file")
        for (flag, target), (other_flag, other) in combinations(self._files(), 2):
            if _same_file(target, other):
                self._let_go(other)
                raise UsageError(f"{flag} and {other_flag} are both {other}; name two files")
        for target in filter(None, (self.output, self.rejects, self.rows, self.checkpoint)):
            try:
                files.check_writable(target)
            except OutputError:
                self._let_go(target)
                raise

    def __call__(self, event: Event) -> None:
        """Log an event; the first one opens the log. Raises OutputError."""
        if self.log is None:
            return
        try:
            if self._write_line is None:
                self._file = self._open_log(self.log)
                self._write_line = JsonLog(self._file)
            self._write_line(event)
        except (OSError, ValueError) as error:
            name, self.log = self.log, None
            raise OutputError(f"{name}: the log cannot be written: {reason_of(error)}") from error

    def write(self, figures: Mapping[str, Any]) -> None:
        """Put the figures in their file, if there is one; raises OutputError."""
        if self.output is not None:
            with files.replacing(self.output) as file:
                file.writelines(piece.encode() for piece in metrics.to_json(figures))

    def close(self) -> None:
        """Close the log."""
        if self._file is not None:
            self._file.close()

    @staticmethod
    def _open_log(name: str) -> io.FileIO:
        if name != STREAM:
            return Path(name).open("ab", buffering=0)
        if sys.stderr is None:
            raise OSError("standard error is closed")
        return open(2, "ab", buffering=0, closefd=False)

    def _files(self) -> list[tuple[str, Path]]:
        log = None if self.log in (None, STREAM) else Path(str(self.log))
        named = (
            ("--output", self.output),
            ("--log-file", log),
            ("--rejects", self.rejects),
            ("--signals-out", self.rows),
            ("--checkpoint", self.checkpoint),
        )
        places = [(flag, path) for flag, path in named if path is not None]
        if self.checkpoint is not None:
            waiting = (("--signals-out", self.rows), ("--rejects", self.rejects))
            places += [(flag, unfinished_path(path)) for flag, path in waiting if path is not None]
        return places

    def _let_go(self, target: Path) -> None:
        if self.output == target:
            self.output = None
        if self.rejects == target:
            self.rejects = None
        if self.rows == target:
            self.rows = None
        if self.checkpoint == target:
            self.checkpoint = None
        if self.log is not None and Path(self.log) == target:
            self.log = None


def _same_file(target: Path, source: str | Path) -> bool:
    """Tell whether writing one would harm the other; writing to what is no regular file harms nothing."""
    try:
        there = target.stat()
        other = os.fstat(0) if source == STREAM else Path(source).stat()
    except ValueError:
        return False  # a name that no file can have
    except OSError:
        return source != STREAM and os.path.realpath(target) == os.path.realpath(source)
    return stat.S_ISREG(there.st_mode) and os.path.samestat(there, other)
