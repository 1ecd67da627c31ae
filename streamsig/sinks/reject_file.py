"""The rows that were left out, as a CSV file that is safe to open in a spreadsheet and to show on a terminal.

`line` is the physical line on which a row starts, `row` its text. Control characters other than tab and line feed are
written out, and what a spreadsheet could take for a formula has a `'` before it: at the start of a cell, and behind
the marks at which spreadsheets of other languages part cells.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from typing import TYPE_CHECKING, Any

from streamsig import files
from streamsig.engine.events import Rejected
from streamsig.sinks.append_file import GrowingFile
from streamsig.sinks.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from streamsig.engine.events import Event

COLUMNS = ("file", "line", "column", "reason", "row")

_FORMULA = ("=", "+", "-", "@", "\t", "\n", "'")
"""What a spreadsheet takes for the start of a formula, and what hides it."""

_INSIDE = re.compile(r"""(?<=[;|\t\n"])(?=[=+\-@])(?![+-][0-9.,]*(?:[;|\t\n"]|$))""")
"""Where one may start in the midst of a row; a number is none."""


@contextlib.contextmanager
def writing_rejects(path: Path) -> Iterator[WrittenRejects]:
    """Yield an observer that writes each rejected row; the file is there when the block ends well.

    Raises OutputError.
    """
    with files.replacing(path) as file:
        file.write(_record(COLUMNS))
        yield WrittenRejects(path, file)


class WrittenRejects:
    """Rejected rows on their way to a file."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file

    def __call__(self, event: Event, /) -> None:
        """Write a rejected row."""
        if isinstance(event, Rejected):
            with files.naming(self._path):
                self._file.write(_record_of(event))

    def settle(self) -> None:
        """Make sure that what is written can take its place."""
        with files.naming(self._path):
            files.settle(self._file)


@contextlib.contextmanager
def continuing_rejects(path: Path) -> Iterator[ContinuedRejects]:
    """Yield an observer that writes behind the rows of earlier runs; they join the file when the block ends well.

    Otherwise they are kept for the next run. Raises OutputError.
    """
    with contextlib.closing(ContinuedRejects(path)) as rejects:
        yield rejects
        rejects.join()


class ContinuedRejects:
    """Rejected rows of which a later run may write the rest (`Resumable`)."""

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, GrowingFile(path)

    def __call__(self, event: Event, /) -> None:
        """Write a rejected row."""
        if isinstance(event, Rejected):
            self._begin()
            with files.naming(self._path):
                self._file.file.write(_record_of(event))

    def resume(self, kept: Mapping[str, Any] | None, total: object) -> None:  # noqa: ARG002 (as all that go on)
        """Go on behind what `keep` returned in an earlier run, or begin anew; raises ValueError, OutputError."""
        self._file.begin(kept)

    def go_on(self, kept: Mapping[str, Any], state: object) -> None:
        """Do nothing more: `resume` has gone on behind all rows."""

    def mark(self) -> int:
        """Return where the rows end that were written so far."""
        return self._file.size_bytes

    def keep(self, mark: int) -> dict[str, Any]:
        """Make the rows before a mark outlive the program; return what `resume` takes."""
        return self._file.keep(mark)

    def settle(self) -> None:
        """Write all that is to be there."""
        self._begin()
        self._file.settle()

    def join(self) -> None:
        """Let all rows take their place in the file."""
        self._begin()
        self._file.join()

    def close(self) -> None:
        """Leave what is written for a later run."""
        self._file.close()

    def _begin(self) -> None:
        """Write the names of the columns, unless an earlier run has."""
        if not self._file.size_bytes:
            with files.naming(self._path):
                self._file.file.write(_record(COLUMNS))


def _record_of(event: Rejected) -> bytes:
    name, column, reason, row = map(_cell, (event.name, event.column, event.reason, event.row))
    return _record((name, event.line, column, reason, row))


def _record(cells: tuple[str | int, ...]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _cell(text: str) -> str:
    plain = _INSIDE.sub("'", printable(text, keep="\t\n"))
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
