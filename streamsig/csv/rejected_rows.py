"""The rejected records of a chunk, in few bytes each: in the worst case every row is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.core import utf8

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_AT_ONCE = 1024


class Rejected(NamedTuple):
    """A rejected record.

    `line` counts physical lines from 1 at the chunk's start, `row` is the record as written in the file.
    """

    line: int
    column: str
    reason: str
    row: str


class Rejects:
    """The rejected records of a text, in file order."""

    def __init__(self, text: bytes = b"") -> None:
        self.text = text
        # (records, 4): line, start, stop, index of the reason
        self._blocks: list[NDArray[np.int32]] = []
        self._why: dict[tuple[str, str], int] = {}

    def extend(
        self,
        lines: NDArray[np.int32],
        starts: NDArray[np.int32],
        stops: NDArray[np.int32],
        which: NDArray[np.int64],
        reasons: Sequence[tuple[str, str]],
    ) -> None:
        """Add records with bytes `starts:stops` of the text; `which` are indices into `reasons`, (column, reason)."""
        known = np.array([self._why.setdefault(each, len(self._why)) for each in reasons], np.int32)
        self._blocks.append(np.stack([lines, starts, stops, known[which]], axis=1, dtype=np.int32))

    def lines_at(self, lines: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the start and the stop of these lines of the text."""
        ends = np.cumsum([0, *map(len, self.text.splitlines(keepends=True))], dtype=np.int32)
        return ends[lines - 1], ends[lines]

    @property
    def lines(self) -> NDArray[np.int32]:
        """The lines on which the records start, (records,)."""
        return np.concatenate([np.empty(0, np.int32), *(block[:, 0] for block in self._blocks)])

    def __len__(self) -> int:
        return sum(map(len, self._blocks))

    def __iter__(self) -> Iterator[Rejected]:
        why = list(self._why)
        # in batches: as Python objects they take ten times the memory
        for block in self._blocks:
            for first in range(0, len(block), _AT_ONCE):
                fours: list[list[int]] = block[first : first + _AT_ONCE].tolist()
                for line, start, stop, reason in fours:
                    yield Rejected(line, *why[reason], row_of(self.text, start, stop))


def row_of(text: bytes, start: int, stop: int) -> str:
    r"""Return a record as text, without its line end; undecodable bytes become `\\xNN`."""
    return utf8.from_bytes(text[start:stop]).rstrip("\r\n")
