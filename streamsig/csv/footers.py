"""Records below the data that are no rows, such as `Average,11`: where the data have times, these have none.

Only the end of a text is judged. What has no time above a row that has one is a row.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeVar

from streamsig.timestamps.grammar import LONGEST, READINGS, form_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streamsig.csv.chunks import Chunk

FOOTER_BYTES = 1 << 14
"""A footer is not longer: what has no time for longer than that are rows whose times are missing."""

NO_TIME = "the last rows have no time, so they may be totals below the data"
ADVICE = "leave such rows out with `on_bad_row='skip'`, or give them their times"

_MOSTLY = 0.75
_FEWEST, _LONGER = 2, 4
_JUDGED = 300
"""Texts of a column that are judged, from all over it."""


def has_time(text: str) -> bool:
    """Tell whether a text may be a time in any reading; a number may."""
    return len(text) <= LONGEST and _is_form(shape_of(text))


@lru_cache(maxsize=4096)
def _is_form(shape: str) -> bool:
    return any(form_of(shape, reading) is not None for reading in READINGS)


def untimed_tail(texts: Sequence[str]) -> int:
    """Return how many of the last texts are no times."""
    return next((count for count, text in enumerate(reversed(texts)) if has_time(text)), len(texts))


def without_footer(texts: Sequence[str]) -> Sequence[str]:
    """Return a column that begins with a time without the last texts that are none; others come back unchanged.

    Two rows stand above a footer at least, and a quarter as many as it has.
    """
    if not texts or has_time(texts[-1]) or not has_time(texts[0]):
        return texts
    tail = untimed_tail(texts)
    rows = len(texts) - tail
    return texts if rows < _FEWEST or _LONGER * rows < tail else texts[:rows]


def are_timed(texts: Sequence[str]) -> bool:
    """Tell whether most texts of a column are times, the last ones left out that are none."""
    rows = texts[: len(texts) - untimed_tail(texts)]
    some = rows[:: len(rows) // _JUDGED + 1]
    return bool(some) and sum(map(has_time, some)) >= _MOSTLY * len(some)


class _Piece(Protocol):
    """A chunk that is read, how many rows it has, and how many of the last ones have no time."""

    @property
    def chunk(self) -> Chunk: ...
    @property
    def rows(self) -> int: ...
    @property
    def untimed(self) -> int: ...


_P = TypeVar("_P", bound=_Piece)


class Footer:
    """Parts of a text that are its footer if the text ends with them.

    `untimed` counts the bytes of the text since the first of the last rows without a time; what is longer than
    `FOOTER_BYTES` is no footer.
    """

    def __init__(self, untimed: int) -> None:
        self.untimed = untimed
        self.chunks: list[Chunk] = []

    def settle(self, parts: Iterable[Iterable[_P]]) -> Iterator[_P]:
        """Yield parts in order as soon as they are known to be rows; at the end, `chunks` are the footer."""
        waiting: list[_P] = []
        for part in (each for one in parts for each in one):
            size, rows = part.chunk.size, part.rows
            if rows > part.untimed:
                self.untimed = part.untimed and FOOTER_BYTES + 1
            elif rows or self.untimed:
                self.untimed += size
            if 0 < self.untimed <= FOOTER_BYTES:
                waiting.append(part)
                continue
            yield from waiting
            waiting.clear()
            yield part
        self.chunks = [part.chunk for part in waiting]
