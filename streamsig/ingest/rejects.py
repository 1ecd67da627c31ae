"""Bad records that were left out of a segment, in few bytes each: in the worst case there are as many as rows."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Rejected(NamedTuple):
    """A record that was left out.

    `line` counts physical lines from 1 at the segment's start, `row` is the record as it stands in the file.
    """

    line: int
    column: str
    reason: str
    row: str


class Rejects:
    """The records of a text that were left out, in file order."""

    def __init__(self, text: bytes = b"") -> None:
        self.text = text
        self._places = array("q")
        self._why: dict[tuple[str, str], int] = {}

    def add(self, line: int, start: int, stop: int, column: str, reason: str) -> None:
        """Add the record that covers the bytes `start:stop` of the text."""
        self._places.extend((line, start, stop, self._why.setdefault((column, reason), len(self._why))))

    @property
    def lines(self) -> set[int]:
        """The lines on which they start."""
        return set(self._places[::4])

    def __len__(self) -> int:
        return len(self._places) // 4

    def __iter__(self) -> Iterator[Rejected]:
        why = list(self._why)
        fours = iter(self._places)
        for line, start, stop, reason in zip(fours, fours, fours, fours, strict=True):
            yield Rejected(line, *why[reason], row_of(self.text, start, stop))


def row_of(text: bytes, start: int, stop: int) -> str:
    r"""Return a record as text, without its line end; undecodable bytes show as `\\xNN`."""
    return text[start:stop].decode("utf-8", "backslashreplace").rstrip("\r\n")
