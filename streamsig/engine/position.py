"""How far a text is counted."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """The first rows of a text: how many, how far it is read for them, and what was found.

    `rows` are those that are counted, `rejected` those left out. `offset` counts bytes of the text from where its
    rows begin, `line` is the physical line there. `crc` is the CRC-32 of these bytes if the text is no plain file.
    `untimed` counts the bytes before the offset that a footer would have if it began there.
    """

    rows: int
    offset: int
    line: int
    rejected: int
    crc: int = 0
    untimed: int = 0
