"""Messages about a library that is absent or broken; imports none of them itself."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGES = {"numpy": "numpy", "pyarrow": "pyarrow", "yaml": "PyYAML", "rich": "rich"}
"""The libraries by the names they are imported by, and the packages that bring them."""


def broken_library(error: BaseException) -> str | None:
    """Return a sentence about the library that caused an error, with what to do; `None` for other errors.

    The library is absent, raises while it is imported, or lacks a name that every supported version has.
    """
    library = next(filter(None, map(_library, _being_imported(error))), None)
    if library is None and isinstance(error, ImportError):
        library = _library(error.name or "")
        if library is None:
            # such as that of the kernels, which says what to do
            return str(error)
    if library is None and isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        library = _library(error.obj.__name__)
    if library is None:
        return None
    is_absent = isinstance(error, ModuleNotFoundError) and error.name == library
    reason = "is not installed" if is_absent else f"cannot be imported: {error or type(error).__name__}"
    return f"{library} {reason}; install it with: pip install --force-reinstall {_PACKAGES[library]}"


def _being_imported(error: BaseException) -> Iterator[str]:
    """Yield the names of the modules whose top-level code is in the traceback."""
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_name == "<module>":
            yield str(step.tb_frame.f_globals.get("__name__"))
        step = step.tb_next


def _library(module: str) -> str | None:
    name = module.partition(".")[0]
    return name if name in _PACKAGES else None
