"""The dialect of a delimited text: `sniffer` detects it, the readers use it."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamsig.fields.messages import column_title
from streamsig.fields.numbers import NumberFormat


@dataclass(frozen=True, slots=True)
class Dialect:
    """The layout of one delimited text, as UTF-8 without a byte order mark.

    `body_offset` is the byte at which the first data record starts, `body_line` its physical
    line, from 1. `header` holds the names without quotes and surrounding blanks, or is `None`
    for a file without a header line. `close` and `time` are field indices from 0.
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
        """Return the name of a field in the header, or else `column_5`."""
        named = self.header is not None and index < len(self.header) and self.header[index]
        return str(named).strip() if named else f"column_{index + 1}"

    def column_name(self, index: int) -> str:
        """Return the name of a field for a message: `column 5 "close"`, or `column 5` without a name."""
        names = self.header or ()
        return column_title(index, names[index] if index < len(names) else None)
