"""The layout of an input: what its user asks for, and what is detected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.fields.messages import one_line
from streamsig.settings.settings import NEWEST_FIRST
from streamsig.sniffer.checks.agreement import CloseColumn

if TYPE_CHECKING:
    from streamsig.csv.dialect import Dialect
    from streamsig.settings.settings import Settings
    from streamsig.sniffer.time_column import TimeColumn

TEXT = "text"
"""The format of what is not columnar."""

ASKED = "asked for"
ONLY_CANDIDATE = "it is the only column of numbers that may be the close"
"""Reasons for the close: its user asks for it, or nothing else can be it."""


class LayoutOptions(NamedTuple):
    """What a user asks for; `None` means "detect".

    `column` is a header name, or a field number that counts from 1, as are those of `group_by`. `missing` are texts
    that mean "no close", besides the usual ones. With `newest_first` the user knows that rows run backwards in time.
    """

    delimiter: str | None = None
    header: bool | None = None
    skip_lines: int | None = None
    column: str | int | None = None
    decimal: str | None = None
    thousands: str | None = None
    missing: tuple[str, ...] = ()
    group_by: tuple[str | int, ...] = ()
    newest_first: bool = False

    @classmethod
    def of(cls, settings: Settings) -> LayoutOptions:
        """Return what the settings of a run say about the layout."""
        same = {name: getattr(settings, name) for name in cls._fields if name != "newest_first"}
        return cls(**same, newest_first=settings.order == NEWEST_FIRST)


class SampleRow(NamedTuple):
    """One of the first rows: its physical line (in a columnar input its number), and its fields without blanks."""

    line: int
    fields: tuple[str, ...]


class Layout(NamedTuple):
    """How an input is written, and what its sample shows. Fields are indices from 0, lines count from 1.

    Of a columnar input the `dialect` has names, close, time and numbers alone, and `types` the type of each column.
    `groups` are the fields to group by. `closes` and `times` are those of the sampled rows as they are written, a time
    of day after its date. `decimals` is the most that one of these closes has, exponents and padding zeros resolved.
    `reasons` are (what, why) pairs and `warnings` sentences for a person; `rows` are the first ones.

    Of a text: `header_line` is the line of the header, `skipped_lines` counts those above the header, or above the
    first row where there is none. `timed` says that rows have times, so that the last ones must have them, too.
    `prices` are further fields in which a text shows that a row without a close is not counted. With `cr_line_ends`
    lines end with CR alone.
    """

    dialect: Dialect
    time_column: TimeColumn
    format: str = TEXT
    types: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    rows: tuple[SampleRow, ...] = ()
    rows_sampled: int = 0
    closes: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    decimals: int = 0
    close_is_text: bool = True
    header_line: int | None = None
    skipped_lines: int = 0
    quoted: bool = False
    timed: bool = False
    prices: tuple[int, ...] = ()
    cr_line_ends: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """The different texts of sampled closes that mean "no close", as they are written; a null is `null`."""
        absent = "" if self.format == TEXT else "null"
        texts = {text.strip() for text in self.closes if self.dialect.numbers.is_missing(text)}
        return tuple(sorted(text or absent for text in texts))

    def close_column(self, name: str) -> CloseColumn:
        """Return how the closes of the input of this name are read, to compare with other inputs."""
        return CloseColumn.of(name, self.dialect.close_title, self.closes, self.dialect.numbers)

    @property
    def column(self) -> str:
        """The name of the close column, shortened for a message; empty where there is none."""
        return one_line(self.dialect.close_title or "")

    def to_log(self) -> dict[str, Any]:
        """Return the layout as it is logged (docs/reference/log.md)."""
        dialect, is_table = self.dialect, self.format != TEXT
        names = dialect.header or ()
        title = (lambda index: one_line(names[index])) if is_table else dialect.column_name
        framing = {
            "delimiter": dialect.delimiter,
            "line_quoted": dialect.line_quoted,
            "header": dialect.header is not None,
        }
        marks = {"decimal": dialect.numbers.decimal, "thousands": dialect.numbers.thousands}
        return {
            **({"format": self.format} if is_table else framing),
            "close": title(dialect.close),
            **({"group_by": [title(each) for each in self.groups]} if self.groups else {}),
            **(marks if self.close_is_text else {}),
            "direction": self.time_column.direction,
        }
