"""The rows that were left out, as a CSV file."""

from __future__ import annotations

import contextlib
import csv
import io
from typing import TYPE_CHECKING

from streamsig.emit import files
from streamsig.engine.events import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamsig.engine.events import Event, Observer

COLUMNS = ("file", "line", "column", "reason", "row")


@contextlib.contextmanager
def writing_rejects(path: Path) -> Iterator[Observer]:
    """Yield an observer that writes each rejected row; the file is there when the block ends well.

    `line` is the physical line on which the row starts, `row` its text. Raises OutputError.
    """
    with files.replacing(path) as file:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)

        def observe(event: Event) -> None:
            if isinstance(event, Rejected):
                writer.writerow((event.name, event.line, event.column, event.reason, event.row))

        yield observe
        text.flush()
        text.detach()
