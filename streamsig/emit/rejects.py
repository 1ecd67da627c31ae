"""The rows that were left out, as a CSV file that is safe to open in a spreadsheet and to show on a terminal."""

from __future__ import annotations

import contextlib
import csv
import io
from typing import TYPE_CHECKING

from streamsig import files
from streamsig.emit.printable import printable
from streamsig.engine.events import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamsig.engine.events import Event, Observer

COLUMNS = ("file", "line", "column", "reason", "row")

_FORMULA = ("=", "+", "-", "@", "\t", "\n", "'")
"""What a spreadsheet takes for the start of a formula, and what hides it."""


@contextlib.contextmanager
def writing_rejects(path: Path) -> Iterator[Observer]:
    """Yield an observer that writes each rejected row; the file is there when the block ends well.

    `line` is the physical line on which the row starts, `row` its text. Control characters other than tab and
    line feed are written out, and a text that a spreadsheet could take for a formula has a `'` before it.
    Raises OutputError.
    """
    with files.replacing(path) as file:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)

        def observe(event: Event) -> None:
            if isinstance(event, Rejected):
                texts = (event.name, event.column, event.reason, event.row)
                name, column, reason, row = map(_cell, texts)
                writer.writerow((name, event.line, column, reason, row))

        yield observe
        text.flush()
        text.detach()


def _cell(text: str) -> str:
    plain = printable(text, keep="\t\n")
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
