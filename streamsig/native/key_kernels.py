"""The kernels that number distinct texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamsig.native import library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TextTable(NamedTuple):
    """Distinct texts, and where to find each by its hash.

    Attributes:
        slots: (a power of two,) 0 where empty; at most half are ever filled.
        begins: (most texts + 1,) where each begins in `texts`, and the last ends.
        texts: (bytes,) one after another.
        known: (1,) how many there are.
        seed: What the hash depends on.

    """

    slots: NDArray[np.uint64]
    begins: NDArray[np.int64]
    texts: NDArray[np.uint8]
    known: NDArray[np.int64]
    seed: int


def number_texts(
    starts: NDArray[np.int32], content: NDArray[np.uint8], table: TextTable, numbers: NDArray[np.int32]
) -> int:
    """Put the number of each text into `numbers`, (rows,), and texts that are new into the table.

    `starts`, (rows + 1,), holds where each begins in `content`, and the last ends. Stops at a new text for which the
    table has no space; returns how many rows are done.
    """
    rows, most = len(numbers), min(len(table.slots) // 2, len(table.begins) - 1)
    if len(starts) != rows + 1 or int(starts[-1]) > len(content):
        raise ValueError(f"{len(starts)} starts of {rows} texts in {len(content)} bytes")
    slots, begins, texts, known, seed = table
    capacity = len(texts)
    last = len(slots) - 1
    known_texts = (begins, texts, capacity, known)
    return library.call("number_texts", starts, content, rows, seed, slots, last, most, *known_texts, numbers)


def fill_slots(table: TextTable) -> None:
    """Find a slot for each text that is known; all must be empty."""
    library.call(
        "fill_slots", table.begins, table.texts, int(table.known[0]), table.seed, table.slots, len(table.slots) - 1
    )
