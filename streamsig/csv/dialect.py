"""How the records and numbers of a delimited text are written: what `sniffer` detects and the readers obey."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamsig.fields.numbers import NumberFormat

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Dialect:
    """The layout of one delimited text, seen as UTF-8 without a byte order mark.

    `body_offset` is the byte at which the first data record starts, `body_line` its physical
    line, counted from 1. `header` holds the names as a person would write them (without quotes
    and surrounding blanks), or is `None` for a file without a header line. `close` and `time`
    are field indices that count from 0.
    """

    delimiter: str
    fields: int
    close: int
    header: tuple[str, ...] | None = None
    line_quoted: bool = False
    body_offset: int = 0
    body_line: int = 1
    time: int | None = None
    numbers: NumberFormat = field(default_factory=NumberFormat)

    @property
    def close_title(self) -> str | None:
        """The close as the header names it; `None` if there is no header, or it has fewer names."""
        return self.header[self.close] if self.header is not None and self.close < len(self.header) else None

    def field_name(self, index: int) -> str:
        """Name a field as its header does, else `column_5`."""
        named = self.header is not None and index < len(self.header) and self.header[index]
        return str(named).strip() if named else f"column_{index + 1}"

    def column_name(self, index: int) -> str:
        """Name a field for a message: `column 5 "close"`, or `column 5` where there is no header."""
        if self.header is None or index >= len(self.header):
            return f"column {index + 1}"
        return f'column {index + 1} "{one_line(self.header[index])}"'


def one_line(text: str) -> str:
    """Shorten a text of a file for a message."""
    return " ".join(text[: 10 * _SHOWN].split())[:_SHOWN]
