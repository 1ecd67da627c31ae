"""Arrays that end where memory does: whoever reads or writes beyond one is killed by the system."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import Any

import numpy as np

_NOTHING = 0


def guarded(size: int, kind: Any) -> Any:  # noqa: ANN401 (what numpy takes)
    """Return an array of `size` zeros, with a page behind it that may not be touched."""
    length, page = size * np.dtype(kind).itemsize, mmap.PAGESIZE
    pages = -(-length // page) * page
    memory = mmap.mmap(-1, pages + page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if ctypes.CDLL(None, use_errno=True).mprotect(ctypes.c_void_p(start + pages), page, _NOTHING):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return np.frombuffer(memory, kind, size, pages - length)


class GuardedNumpy:
    """`numpy`, but that new arrays are guarded."""

    empty = staticmethod(guarded)
    zeros = staticmethod(guarded)

    @staticmethod
    def full(size: int, value: int, kind: Any) -> Any:  # noqa: ANN401
        """Return a guarded array of one value."""
        array = guarded(size, kind)
        array[:] = value
        return array

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(np, name)
