"""Footers: records below the data such as `Average,11`, which have no time although the data do.

Only the end of a text can be a footer. A record without a time above one with a time is a row.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeVar

from streamsig.timestamps.grammar import LONGEST, READINGS, form_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamsig.csv.chunks import Chunk

FOOTER_BYTES = 1 << 14
"""The longest footer: more records without a time are rows whose times are missing."""

NO_TIME = "the last rows have no time, so they may be totals below the data"
ADVICE = "leave such rows out with `on_bad_row='skip'`, or give them their times"


def has_time(text: str) -> bool:
    """Return whether a text may be a time in any reading, as a number may."""
    return len(text) <= LONGEST and _is_form(shape_of(text))


@lru_cache(maxsize=4096)
def _is_form(shape: str) -> bool:
    return any(form_of(shape, reading) is not None for reading in READINGS)


class _Piece(Protocol):
    """A chunk that was read, its number of rows, and the number of rows at its end without a time."""

    @property
    def chunk(self) -> Chunk: ...
    @property
    def rows(self) -> int: ...
    @property
    def untimed_rows(self) -> int: ...


_P = TypeVar("_P", bound=_Piece)


class Footer:
    """Holds back the parts of a text that are its footer if the text ends with them.

    `footer_bytes` is the size of the rows without a time at the end so far; more than `FOOTER_BYTES` is not a footer.
    """

    def __init__(self, footer_bytes: int) -> None:
        self.footer_bytes = footer_bytes
        self.chunks: list[Chunk] = []

    def settle(self, parts: Iterable[Iterable[_P]]) -> Iterator[_P]:
        """Yield parts in order once they are known to be rows; at the end, `chunks` is the footer."""
        waiting: list[_P] = []
        for part in (each for one in parts for each in one):
            size, rows = part.chunk.size, part.rows
            if rows > part.untimed_rows:
                self.footer_bytes = part.untimed_rows and FOOTER_BYTES + 1
            elif rows or self.footer_bytes:
                self.footer_bytes += size
            if 0 < self.footer_bytes <= FOOTER_BYTES:
                waiting.append(part)
                continue
            yield from waiting
            waiting.clear()
            yield part
        self.chunks = [part.chunk for part in waiting]
