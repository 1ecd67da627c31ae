"""How far a text is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamsig.core.window import Fold


@dataclass(slots=True)
class Passage:
    """The rows of a text that are counted: how far it is read, and what was found.

    `offset` counts bytes of the text from where its rows begin, `line` is the physical line there. `crc` is the
    CRC-32 of these bytes if the text is no plain file.
    """

    fold: Fold
    offset: int
    line: int
    rejected: int
    crc: int = 0
