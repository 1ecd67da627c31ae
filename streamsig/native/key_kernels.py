"""The kernels that number distinct texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamsig.native import library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TextTable(NamedTuple):
    """Distinct texts in an open-addressing hash table.

    Attributes:
        slots: (a power of two,) 0 for an empty one; at most half are filled.
        begins: (capacity + 1,) the start of each text in `texts`, and the end of the last.
        texts: (bytes,) the texts, joined.
        known: (1,) the number of texts.
        seed: The seed of the hash.

    """

    slots: NDArray[np.uint64]
    begins: NDArray[np.int64]
    texts: NDArray[np.uint8]
    known: NDArray[np.int64]
    seed: int


def number_texts(
    starts: NDArray[np.int32], content: NDArray[np.uint8], table: TextTable, numbers: NDArray[np.int32]
) -> int:
    """Write the number of each text to `numbers`, (rows,), and add new texts to the table.

    `starts`, (rows + 1,), has the start of each text in `content`, and the end of the last. Stops at a new text that
    does not fit in the table; returns the number of rows done. Raises ValueError for arrays that do not fit together.
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
    """Fill the slots, all empty, with the known texts."""
    library.call(
        "fill_slots", table.begins, table.texts, int(table.known[0]), table.seed, table.slots, len(table.slots) - 1
    )
