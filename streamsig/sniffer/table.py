"""The sampled rows of an input as columns of texts, however it is stored, and how messages name its columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

from streamsig.fields.column_names import are_numbers, roles
from streamsig.fields.messages import column_title, one_line
from streamsig.sniffer.layout import SampleRow
from streamsig.sniffer.time_column import TimeColumn, find_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamsig.fields.column_names import Role

_MAX_LISTED, _MAX_SHOWN = 20, 5
_JUDGED = 300
"""Rows that show what kind of values a column holds and which way they run; as many more from the rest."""


@dataclass(frozen=True)
class Table:
    """Columns of texts from the first rows of an input.

    `name` is that of the input. `names` is the header, `labels` what a second header row says under each name (a
    ticker, a unit). `columns` holds the texts of each field, none for a column that was not sampled, and `numeric` says
    which hold numbers. `lines` has the physical line of each row, or its number where there are no lines. With
    `is_complete` these are all rows. `delimiter` and `quoted` say what may stand inside a number. `types` are those of
    columns that are not texts; their numbers have a point and no separator.
    """

    name: str
    names: tuple[str, ...] | None
    columns: Sequence[Sequence[str]]
    numeric: Sequence[bool]
    lines: Sequence[int]
    is_complete: bool = True
    labels: tuple[str, ...] = ()
    header_line: int = 0
    has_preamble: bool = False
    delimiter: str = ""
    quoted: bool = True
    types: Mapping[int, str] = field(default_factory=dict)

    @property
    def is_named(self) -> bool:
        """Whether the header has names; pandas writes numbers for columns that have none."""
        return self.names is not None and not are_numbers(self.names)

    @cached_property
    def roles(self) -> list[Role | None]:
        """The role of each column by its name, also of names without a column."""
        known = roles(self.names or ())
        return [*known, *[None] * (len(self.columns) - len(known))]

    @cached_property
    def few(self) -> list[list[str]]:
        """The texts of each column that show its kind and its order."""
        return [thinned(column, _JUDGED) for column in self.columns]

    @cached_property
    def time(self) -> TimeColumn:
        """Which column holds the time, and which way the rows run."""
        return find_time(self.names, self.few)

    def name_of(self, index: int) -> str:
        """Return the name of a column, empty where it has none."""
        return self.names[index] if self.names is not None and index < len(self.names) else ""

    def title(self, index: int) -> str:
        """Name a column for a message: `column 5 "close"`, or `column 5` where it has no name."""
        return column_title(index, self.name_of(index))

    def listed(self, indices: Sequence[int]) -> str:
        """Name columns with their numbers: `2 "Close" (AAPL), 3 "Close" (MSFT)`."""
        parts = [
            f'{index + 1} "{one_line(self.name_of(index))}"'
            + (f" ({one_line(self.labels[index])})" if index < len(self.labels) and self.labels[index] else "")
            for index in indices[:_MAX_LISTED]
        ]
        more = len(indices) - _MAX_LISTED
        return ", ".join(parts) + (f" and {more} more" if more > 0 else "")

    def shown(self) -> str:
        """List the columns for a message; without a name for each, show the first row."""
        if self.names is not None and len(self.names) == len(self.columns):
            return f"the columns are {self.listed(range(len(self.names)))}"
        if not self.lines:
            return f"there are {len(self.columns)} fields"
        return f"{self.at(0)} reads {self.first_row}"

    def at(self, row: int) -> str:
        """Return the place of a row for a message: `line 7`, or `row 7` in an input without lines."""
        return f"{'line' if self.delimiter else 'row'} {self.lines[row]}"

    def first_rows(self) -> tuple[SampleRow, ...]:
        """Return the first rows, of the first columns that were sampled."""
        sampled = takewhile(len, self.columns)
        rows = zip(*(column[:_MAX_SHOWN] for column in sampled), strict=True)
        return tuple(SampleRow(line, tuple(map(str.strip, row))) for line, row in zip(self.lines, rows, strict=False))

    @property
    def first_row(self) -> str:
        """The first row for a message."""
        return numbered([column[0] if column else "" for column in self.columns[: _MAX_LISTED + 1]])


def numbered(fields: Sequence[str]) -> str:
    """Show the fields of a record with their numbers: `1=2020-01-01 2=1.25`."""
    parts = [f"{i}={one_line(text)}" for i, text in enumerate(fields[:_MAX_LISTED], 1)]
    return " ".join(parts) + (" ..." if len(fields) > _MAX_LISTED else "")


def thinned(texts: Sequence[str], first: int) -> list[str]:
    """Return the first texts, and up to as many from all over the rest, in order."""
    rest = texts[first:]
    return [*texts[:first], *rest[:: len(rest) // first + 1]]
