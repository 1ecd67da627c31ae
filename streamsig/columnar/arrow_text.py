"""Texts to Arrow and back, without a copy where possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from streamsig.columnar.compute import call
from streamsig.core import utf8
from streamsig.core.keys import Texts

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN_CHARACTERS = 100


def to_arrow(texts: Texts) -> pa.Array:
    """Return a string array."""
    buffers = [None, pa.py_buffer(texts.starts), pa.py_buffer(texts.content)]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def from_arrow(array: pa.Array) -> Texts:
    """Return the texts of a string array without nulls."""
    _, offsets, content = array.buffers()
    starts = np.frombuffer(offsets or b"\0\0\0\0", np.int32)[array.offset : array.offset + len(array) + 1]
    return Texts(starts if len(starts) else np.zeros(1, np.int32), np.frombuffer(content or b"", np.uint8))


def join(columns: Sequence[pa.Array]) -> pa.Array:
    """Join the texts of a date and of a time of day with a blank, without blanks around them."""
    trimmed = [call("ascii_trim_whitespace", column) for column in columns]
    return trimmed[0] if len(trimmed) == 1 else call("binary_join_element_wise", *trimmed, pa.scalar(" "))


def shown(texts: pa.Array, row: int) -> str:
    """Return the beginning of a text, whose bytes need not be UTF-8."""
    raw: bytes = texts[row].as_buffer().to_pybytes()
    text = utf8.from_bytes(raw)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
