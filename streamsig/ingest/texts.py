"""Texts to Arrow and back, without a copy where that can be."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from streamsig.core.keys import Texts


def to_arrow(texts: Texts) -> pa.Array:
    """Return a string array."""
    buffers = [None, pa.py_buffer(texts.starts), pa.py_buffer(texts.content)]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def from_arrow(array: pa.Array) -> Texts:
    """Take a string array without nulls."""
    _, offsets, content = array.buffers()
    starts = np.frombuffer(offsets or b"\0\0\0\0", np.int32)[array.offset : array.offset + len(array) + 1]
    return Texts(starts if len(starts) else np.zeros(1, np.int32), np.frombuffer(content or b"", np.uint8))
