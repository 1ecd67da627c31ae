"""The rejected rows as a CSV file that is safe to open in a spreadsheet and to show on a terminal.

`line` is the physical line on which a row starts, `row` its text. Control characters other than tab and line feed are
escaped. A `'` is put in front of possible formulas: at the start of a cell, and after characters at which spreadsheets
in other languages split cells.
"""

from __future__ import annotations

import csv
import io
import re

from streamsig.engine.events import Rejected
from streamsig.os_errors import naming
from streamsig.sinks.file_sink import FileSink
from streamsig.sinks.printable import printable

COLUMNS = ("file", "line", "column", "reason", "row")

_FORMULA = ("=", "+", "-", "@", "\t", "\n", "'")
"""Characters that start a formula, or hide its start."""

_INSIDE = re.compile(r"""(?<=[;|\t\n"])(?=[=+\-@])(?![+-][0-9.,]*(?:[;|\t\n"]|$))""")
"""The start of a possible formula within a row; a number is none."""


class RejectFile(FileSink[Rejected]):
    """The sink of rejected rows; without rows the file has only the header."""

    def write(self, item: Rejected, /) -> None:
        """Write a rejected row."""
        self._write_header()
        name, column, reason, row = map(_cell, (item.name, item.column, item.reason, item.row))
        with naming(self._path):
            self._output.file.write(_record((name, item.line, column, reason, row)))

    def finish(self) -> None:
        """Write everything to disk."""
        self._write_header()
        super().finish()

    def _flush(self) -> None:
        """Do nothing: rows are written at once."""

    def _write_header(self) -> None:
        if not self._has_header:
            with naming(self._path):
                self._output.file.write(_record(COLUMNS))
            self._has_header = True


def _record(cells: tuple[str | int, ...]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _cell(text: str) -> str:
    plain = _INSIDE.sub("'", printable(text, keep="\t\n"))
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
