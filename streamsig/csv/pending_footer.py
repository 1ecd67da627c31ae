"""The end of a text, where rows without a time wait until it is known whether a row with one follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from streamsig.csv.footers import FOOTER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamsig.csv.chunks import Chunk


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
