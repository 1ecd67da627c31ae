"""Loads the best library of kernels that the processor can run, and calls the kernels with checked arrays."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = ("baseline", "avx2", "avx512")
"""The libraries, indexed by the result of `processor_level`."""

INTERFACE = 8
"""Changes with the arguments of any kernel, together with `interface_version` in processor.c."""

_NOTHING = ctypes.c_char * 0


class _Array(NamedTuple):
    """An array argument: contiguous, with an element type and a number of dimensions."""

    kind: np.dtype[Any]
    sizes: int

    def pointer_to(self, array: NDArray[Any]) -> Any:  # noqa: ANN401 (what ctypes takes as a pointer)
        """Return an array as an argument; raises TypeError for the wrong type."""
        if array.dtype == self.kind and array.ndim == self.sizes:
            try:
                # several times as fast as `array.ctypes`; refuses arrays that are read-only or not contiguous
                return _NOTHING.from_buffer(array.data)
            except TypeError:
                if array.flags.c_contiguous:
                    return int(array.ctypes.data)
        given, needed = f"{array.dtype} of {array.ndim} dimensions", f"{self.kind} of {self.sizes}"
        raise TypeError(f"an array of {given} where contiguous {needed} is needed")


_int = ctypes.c_int64
_bytes, _flags = (_Array(np.dtype(np.uint8), sizes) for sizes in (1, 2))
_places, _pairs = (_Array(np.dtype(np.int32), sizes) for sizes in (1, 2))
_ticks, _table, _sums = (_Array(np.dtype(np.int64), sizes) for sizes in (1, 2, 3))
_slots, _floats = _Array(np.dtype(np.uint64), 1), _Array(np.dtype(np.float64), 1)
_rows = (_int, _ticks, _int, _flags, _sums, _places)
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "read_regular": (_bytes, *[_int] * 3, _places, *[_int] * 2, _bytes, _int, _ticks, _bytes, _pairs, _pairs, _ticks),
    "last_record_end": (_bytes, _int, _int),
    "split_records": (_bytes, *[_int] * 3, _places, _int, _ticks, _pairs, _pairs, _int),
    "read_numbers": (_bytes, _places, *[_int] * 3, _bytes, _int, _ticks, _bytes, _places, _ticks),
    "read_wide_numbers": (_bytes, _places, *[_int] * 3, _bytes, _table, _bytes, _bytes, _places),
    "copy_texts": (_bytes, _int, _places, *[_int] * 3, _places, _bytes),
    "count_signals": (_ticks, _bytes, _int, _int, _table, *[_int] * 3, _ticks, _ticks, _ticks, _int, _flags),
    "number_texts": (_places, _bytes, _int, _int, _slots, _int, _int, _ticks, _bytes, _int, _ticks, _places),
    "fill_slots": (_ticks, _bytes, _int, _int, _slots, _int),
    "scale_floats": (_floats, _int, _int, _ticks, _bytes),
    "shortest_floats": (_floats, _int, _int, _ticks, _bytes, _bytes),
    "narrow_words": (_table, _int, _int, _int, _int, _ticks),
    "widen_ticks": (_ticks, _int, _int, _table),
    "count_groups": (_places, _table, _bytes, _int, _int, _table, *[_int] * 3, _sums, _sums, _pairs, _table, *_rows),
}


def load(level: str) -> ctypes.CDLL:
    """Return the library of a level; raises ImportError if it is missing or built from other sources."""
    path = Path(__file__).with_name(f"{level}.so")
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ImportError(f"{path} cannot be loaded ({error}); install streamsig with pip, which builds it") from error
    version = getattr(library, "interface_version", lambda: None)()
    if version != INTERFACE:
        raise ImportError(f"{path} is built from other sources; install streamsig with pip again, which builds it")
    for name, arguments in SIGNATURES.items():
        kernel = getattr(library, name)
        # not `ndpointer`: ctypes turns a signal that arrives in its Python code into an ArgumentError
        kernel.argtypes = [ctypes.c_void_p if isinstance(each, _Array) else each for each in arguments]
        kernel.restype = _int
    return library


def call(name: str, *arguments: Any) -> int:  # noqa: ANN401 (arrays and numbers)
    """Call a kernel; raises TypeError for arrays of the wrong type."""
    kinds = SIGNATURES[name]
    plain = [each if kind is _int else kind.pointer_to(each) for kind, each in zip(kinds, arguments, strict=True)]
    return int(getattr(library, name)(*plain))


library = load(LEVELS[load("baseline").processor_level()])
"""The library in use."""
