"""Keys of groups: distinct texts, numbered in order of first appearance."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from streamsig.core import utf8
from streamsig.core.json_values import pack, unpack
from streamsig.native import key_kernels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

_T = TypeVar("_T", bound=np.generic)
_ASCII, _CONTINUES = 0x80, 0xC0
_SLOTS, _BYTES = 1 << 13, 1 << 14


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """UTF-8 texts in one buffer.

    Attributes:
        starts: (texts + 1,) int32, the start of each text in `content` and the end of the last.
        content: (bytes,) uint8.

    """

    starts: NDArray[np.int32]
    content: NDArray[np.uint8]

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.starts) - 1

    @classmethod
    def of(cls, texts: Iterable[bytes]) -> Texts:
        """Join texts of at most 2 GiB in all."""
        texts = list(texts)
        starts = np.zeros(len(texts) + 1, np.int32)
        np.cumsum([len(text) for text in texts], out=starts[1:])
        return cls(starts, np.frombuffer(b"".join(texts), np.uint8))

    def to_json(self) -> dict[str, Any]:
        """Return the joined text and the size of each in bytes, for `from_json`."""
        return {"texts": self.content.tobytes().decode(), "sizes": pack(np.diff(self.starts))}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Texts:
        """Return the texts that `to_json` wrote; raises ValueError for anything else."""
        content, sizes = np.frombuffer(plain["texts"].encode(), np.uint8), unpack(plain["sizes"], (-1,))
        if (sizes < 0).any() or int(sizes.sum(dtype=np.int64)) != len(content):
            raise ValueError(f"texts of {len(content)} bytes that are not those of {len(sizes)} sizes")
        return cls(np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int32), content)

    def in_utf8(self) -> Texts:
        r"""Return the texts as valid UTF-8; bytes that are not valid become `\xNN`."""
        start, stop = int(self.starts[0]), int(self.starts[-1])
        content = self.content[start:stop]
        if content.max(initial=0) < _ASCII:
            return self
        # the whole may be valid although a text begins in the middle of a character
        begins = content[(self.starts - start)[self.starts < stop]]
        if not ((begins & _CONTINUES) == _ASCII).any():
            with contextlib.suppress(UnicodeDecodeError):
                content.tobytes().decode()
                return self
        return Texts.of(utf8.from_bytes(text).encode() for text in self.to_bytes())

    def to_bytes(self) -> list[bytes]:
        """Return the texts as separate bytes."""
        content, starts = self.content.tobytes(), self.starts.tolist()
        return [content[start:stop] for start, stop in pairwise(starts)]


def number_keys(columns: Sequence[Texts]) -> tuple[Texts, NDArray[np.int32]]:
    r"""Return the distinct keys of rows in order of first appearance, and the index of each row's key, (rows,).

    Each column has one text per row. The key is the text itself, or for several columns a CSV record, which keeps
    different combinations apart. Bytes that are not valid UTF-8 become `\xNN`.
    """
    if len(columns) == 1:
        return _number_texts(columns[0])
    parts = [_number_texts(column) for column in columns]
    places = np.stack([places for _, places in parts], axis=1)
    # a combination is numbered as the bytes of its indices
    width = places.itemsize * places.shape[1]
    starts = np.arange(0, (len(places) + 1) * width, width, dtype=np.int32)
    table = KeyTable()
    groups = table.number(Texts(starts, places.view(np.uint8).reshape(-1)))
    combinations = table.texts().content.view(places.dtype).reshape(-1, places.shape[1])
    known = [texts.to_bytes() for texts, _ in parts]
    keys = [
        b",".join(_quoted(texts[place]) for texts, place in zip(known, each, strict=True))
        for each in combinations.tolist()
    ]
    return Texts.of(keys), groups


def _number_texts(texts: Texts) -> tuple[Texts, NDArray[np.int32]]:
    table = KeyTable()
    places = table.number(texts)
    known = table.texts()
    readable = known.in_utf8()
    if readable is known:
        return known, places
    # two texts that are not valid UTF-8 may become the same
    merged = KeyTable()
    numbers = merged.number(readable)
    return merged.texts(), numbers[places]


def _quoted(text: bytes) -> bytes:
    return b'"' + text.replace(b'"', b'""') + b'"' if any(mark in text for mark in b',"\r\n') else text


class KeyTable:
    """Distinct texts and their numbers, which count from 0 and never change."""

    def __init__(self) -> None:
        # random, so that no file can be crafted to collide; the numbers do not depend on it
        seed = int.from_bytes(os.urandom(7), "little")
        self._table = key_kernels.TextTable(
            np.zeros(_SLOTS, np.uint64),
            np.zeros(_SLOTS // 2 + 1, np.int64),
            np.zeros(_BYTES, np.uint8),
            np.zeros(1, np.int64),
            seed,
        )

    def __len__(self) -> int:
        """Return the number of texts."""
        return int(self._table.known[0])

    @property
    def text_bytes(self) -> int:
        """The size of all texts."""
        return int(self._table.begins[len(self)])

    @property
    def needs_bytes(self) -> int:
        """The memory at the peak of the next growth, when the old and the new arrays coexist."""
        places, texts = self._table.slots.nbytes + self._table.begins.nbytes, self._table.texts.nbytes
        return places + 2 * places + texts + texts + texts // 2

    def number(self, texts: Texts) -> NDArray[np.int32]:
        """Return the number of each text, (texts,); new texts get the next numbers."""
        numbers = np.empty(len(texts), np.int32)
        done = 0
        while done < len(numbers):
            done += key_kernels.number_texts(texts.starts[done:], texts.content, self._table, numbers[done:])
            if done < len(numbers):
                self._grow(int(texts.starts[done + 1] - texts.starts[done]))
        return numbers

    def texts(self, start: int = 0, stop: int | None = None) -> Texts:
        """Return texts `start` (included) to `stop` (excluded)."""
        stop = len(self) if stop is None else min(stop, len(self))
        begins = self._table.begins[min(start, stop) : stop + 1]
        content = self._table.texts[int(begins[0]) : int(begins[-1])]
        return Texts((begins - begins[0]).astype(np.int32), content.copy())

    def _grow(self, size: int) -> None:
        """Grow the capacity: for one more text of `size` bytes at least, and by half the bytes or twice the slots."""
        slots, begins, texts, known, seed = self._table
        filled = int(begins[len(self)])
        if filled + size > len(texts):
            texts = _longer(texts, filled + max(size, filled // 2))
        if len(self) == len(slots) // 2:
            slots, begins = np.zeros(2 * len(slots), np.uint64), _longer(begins, len(slots) + 1)
            self._table = key_kernels.TextTable(slots, begins, texts, known, seed)
            key_kernels.fill_slots(self._table)
        else:
            self._table = key_kernels.TextTable(slots, begins, texts, known, seed)


def _longer(array: NDArray[_T], size: int) -> NDArray[_T]:
    longer = np.zeros(size, array.dtype)
    longer[: len(array)] = array
    return longer
