"""The problems of bad records: the column, the reason and the advice of each message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.csv import corporate_actions, footers, repeated_headers
from streamsig.fields.closes import explain
from streamsig.fields.messages import ADVICE, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamsig.csv.dialect import Dialect
    from streamsig.fields.numbers import NumberError


class BadRecordError(Exception):
    """A bad record in a chunk; `line` counts physical lines from 1 at the chunk's start.

    `column`, `text`, `reason` and `advice` (what to do about it) are for the message.
    """

    def __init__(self, line: int, column: str, text: str, reason: str, advice: str = ADVICE) -> None:
        super().__init__(line, column, text, reason)
        self.line, self.column, self.text, self.reason, self.advice = line, column, text, reason, advice


class Problem(NamedTuple):
    """Why a record is bad, and what to do about it; `field` shows it, or the whole record for `None`."""

    column: str
    reason: str
    advice: str = ADVICE
    field: int | None = None


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
    """Says what is wrong with records of a dialect."""

    dialect: Dialect

    def ragged(self, fields: int) -> Problem:
        """Return the problem of a record with a different number of fields."""
        return Problem("the whole row", f"{fields} fields where {self.dialect.fields} are expected")

    def nul(self) -> Problem:
        """Return the problem of a record with a NUL byte."""
        return Problem(self.dialect.column_name(self.dialect.close), "a NUL byte in the row")

    def close(self, text: str, error: NumberError) -> Problem:
        """Return the problem of a close that cannot be parsed."""
        dialect = self.dialect
        reason, advice = explain(error, text, dialect.numbers)
        if dialect.close_title is not None and text.strip(' <>"') == dialect.close_title.strip(' <>"'):
            reason, advice = repeated_headers.REPEATED, ADVICE
        return Problem(self.dialect.column_name(dialect.close), reason, advice, dialect.close)

    def action(self, index: int, text: str) -> Problem:
        """Return the problem of a record that has a text among its prices and no close."""
        advice = f"{ADVICE}; if it stands for a missing price, say `missing=[{shown(text.strip())}]`"
        return Problem(self.dialect.column_name(index), corporate_actions.REASON, advice, index)

    def no_time(self) -> Problem:
        """Return the problem of a record below the data."""
        time = self.dialect.time or 0
        return Problem(self.dialect.column_name(time), footers.NO_TIME, footers.ADVICE, time)
