"""Runs kernels on arrays next to guard pages, so that an access outside of them kills the process."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from streamsig.native import library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NOTHING = 0


@contextlib.contextmanager
def guarded_kernels() -> Iterator[None]:
    """Guard all arrays of all kernel calls in this context.

    Each kernel is called twice, on arrays that end at a guard page and on arrays that begin after one. Both calls must
    have the same results and leave read-only arguments unchanged.
    """
    with patch.object(library, "call", partial(_call_guarded, library.call)):
        yield


def _call_guarded(call: Callable[..., int], name: str, *arguments: Any) -> int:  # noqa: ANN401 (arrays and numbers)
    arrays = [it for it in arguments if isinstance(it, np.ndarray)]
    # the kernel's own check sees only the copies, which are always contiguous
    assert all(array.flags.c_contiguous for array in arrays)
    late, early = (
        [_guarded(it, place, at_end=at_end) for place, it in enumerate(arguments)] for at_end in (True, False)
    )
    result = call(name, *late)
    assert call(name, *early) == result
    copies = ([it for it in each if isinstance(it, np.ndarray)] for each in (late, early))
    for array, one, other in zip(arrays, *copies, strict=True):
        assert one.tobytes() == other.tobytes()
        if array.flags.writeable:
            array[...] = one
        else:
            assert one.tobytes() == array.tobytes()
    return result


def _guarded(argument: Any, place: int, *, at_end: bool) -> Any:  # noqa: ANN401 (arrays, and numbers as they are)
    """Return a copy of an array that ends, or begins, at a guard page.

    It is valid until another argument at the same position is copied.
    """
    if not isinstance(argument, np.ndarray):
        return argument
    page = mmap.PAGESIZE
    size = -(-argument.nbytes // page) * page
    offset = page + size - argument.nbytes if at_end else page
    copy = np.frombuffer(_pages(size, place, at_end), argument.dtype, argument.size, offset).reshape(argument.shape)
    copy[...] = argument
    return copy


@lru_cache(maxsize=200)
def _pages(size: int, *_user: int) -> mmap.mmap:
    """Return whole pages of at least this many bytes, between two guard pages.

    Pages are reused, since allocating them takes longer than the kernels.
    """
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, size + 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for place in (start, start + page + size):
        if _protect()(place, page, _NOTHING):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return memory


@cache
def _protect() -> Any:  # noqa: ANN401 (ctypes)
    function = ctypes.CDLL(None, use_errno=True).mprotect
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return function
