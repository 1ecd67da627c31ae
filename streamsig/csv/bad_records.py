"""The problem of a bad record: the column, the reason and the advice of its message.

`Judge.record` is the definition, for one record. `Problems` holds the same for many records at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.csv import corporate_actions, footers, repeated_headers
from streamsig.fields.cells import CONVENTIONS, shape
from streamsig.fields.numbers import NumberError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamsig.csv.dialect import Dialect
    from streamsig.csv.records import Record
    from streamsig.fields.numbers import NumberFormat

ADVICE = "fix the row, leave such rows out with `on_bad_row='skip'`, or name another column with `column`"
"""The advice for most bad records."""

_SHOWN_CHARACTERS = 60
MOST_SHOWN_FIELDS = 2 * _SHOWN_CHARACTERS
"""More fields of a record than a message can show."""


class BadRecordError(Exception):
    """A bad record in a chunk; `line` counts physical lines from 1 at the chunk's start.

    `column`, `text`, `reason` and `advice` (what to do about it) are for the message.
    """

    def __init__(self, line: int, column: str, text: str, reason: str, advice: str = ADVICE) -> None:
        super().__init__(line, column, text, reason)
        self.line, self.column, self.text, self.reason, self.advice = line, column, text, reason, advice


class Problem(NamedTuple):
    """Why a record is bad, and what to do about it."""

    column: str
    reason: str
    advice: str = ADVICE


class Problems:
    """The problems of many records: `which`, (records,), is the index in `reasons` of the first problem, or -1."""

    def __init__(self, records: int) -> None:
        self.which = np.full(records, -1, np.int64)
        self.reasons: list[Problem] = []

    def note(self, rows: NDArray[np.intp], which: NDArray[np.integer] | int, reasons: Sequence[Problem]) -> None:
        """Add `reasons[which]` as the problem of `rows`, unless they have one already."""
        places = np.broadcast_to(which, rows.shape) + len(self.reasons)
        good = self.which[rows] < 0
        self.which[rows[good]] = places[good]
        self.reasons += reasons


@dataclass(frozen=True)
class Judge:
    """Finds the problem of records of a dialect; `prices` and `footer` are those of the reader."""

    dialect: Dialect
    prices: Sequence[int] = ()
    footer: bool = False

    def record(self, record: Record) -> tuple[Problem, str] | None:
        """Return the problem of a record, and the text that shows it; `None` for a good one."""
        problem = self._first_problem(record)
        if problem is not None and repeated_headers.is_other_header(record.fields, record.more, self.dialect):
            return Problem("the whole row", repeated_headers.OTHER, repeated_headers.ADVICE), self._joined(record)
        return problem

    def _first_problem(self, record: Record) -> tuple[Problem, str] | None:
        dialect, fields = self.dialect, record.fields
        if len(fields) + record.more != dialect.fields:
            return self.ragged(len(fields) + record.more), self._joined(record)
        if any("\0" in field for field in fields):
            return self.nul(), self._joined(record)
        text = fields[dialect.close]
        try:
            close = dialect.numbers.parse(text)
        except NumberError as error:
            return self.close(text, error), text
        for index in self.prices:
            if close is None and corporate_actions.is_action(fields[index], dialect.numbers):
                return self.action(index, fields[index]), fields[index]
        return (self.no_time(), fields[dialect.time or 0]) if self.footer else None

    def _joined(self, record: Record) -> str:
        return self.dialect.delimiter.join(record.fields)

    @cached_property
    def _close_column(self) -> str:
        return self.dialect.column_name(self.dialect.close)

    def ragged(self, fields: int) -> Problem:
        """Return the problem of a record with a different number of fields."""
        return Problem("the whole row", f"{fields} fields where {self.dialect.fields} are expected")

    def nul(self) -> Problem:
        """Return the problem of a record with a NUL byte."""
        return Problem(self._close_column, "a NUL byte in the row")

    def close(self, text: str, error: NumberError) -> Problem:
        """Return the problem of a close that cannot be parsed."""
        dialect = self.dialect
        reason, advice = explain(error, text, dialect.numbers)
        if dialect.close_title is not None and text.strip(' <>"') == dialect.close_title.strip(' <>"'):
            reason, advice = repeated_headers.REPEATED, ADVICE
        return Problem(self._close_column, reason, advice)

    def action(self, index: int, text: str = "") -> Problem:
        """Return the problem of a record that has a text among its prices and no close."""
        advice = f"{ADVICE}; if it stands for a missing price, say `missing=[{shown(text.strip())}]`"
        return Problem(self.dialect.column_name(index), corporate_actions.REASON, advice)

    def no_time(self) -> Problem:
        """Return the problem of a record below the data."""
        return Problem(self.dialect.column_name(self.dialect.time or 0), footers.NO_TIME, footers.ADVICE)


def explain(error: NumberError, text: str, numbers: NumberFormat) -> tuple[str, str]:
    """Return why a text is not a close, and what to do about it."""
    if text.strip() and not any(letter.isdigit() for letter in text):
        return str(error), f"{ADVICE}; if it stands for a missing close, say `missing=[{shown(text.strip())}]`"
    if len(text) <= _SHOWN_CHARACTERS and _has_other_format(shape(text), numbers):
        advice = "fix the row, or say how all are written with `decimal` and `thousands`"
        return "a number in another format than those above", advice
    return str(error), error.advice or ADVICE


@lru_cache(maxsize=1024)
def _has_other_format(looks: str, numbers: NumberFormat) -> bool:
    """Return whether texts of this shape are numbers, but in another format."""
    return not numbers.fits(looks) and any(convention.fits(looks) for convention in CONVENTIONS)


def shown(text: str) -> str:
    """Quote a text of a file for a message: short, on one line, control characters escaped."""
    short = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
    return repr(short)
