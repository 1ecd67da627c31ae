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
    modules = [*_being_imported(error)]
    if isinstance(error, ImportError):
        modules.append(error.name or "")
    elif isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        modules.append(error.obj.__name__)
    library = next((name for name in (module.partition(".")[0] for module in modules) if name in _PACKAGES), None)
    if library is None:
        # such as that of the kernels, which says what to do
        return str(error) if isinstance(error, ImportError) else None
    is_absent = isinstance(error, ModuleNotFoundError) and error.name == library
    reason = "is not installed" if is_absent else f"cannot be imported: {error or type(error).__name__}"
    return f"{library} {reason}; install it with: pip install --force-reinstall {_PACKAGES[library]}"


def _being_imported(error: BaseException) -> Iterator[str]:
    """Yield the names of the modules whose top-level code is in the traceback."""
    from traceback import walk_tb  # noqa: PLC0415 (only for errors)

    for frame, _ in walk_tb(error.__traceback__):
        if frame.f_code.co_name == "<module>":
            yield str(frame.f_globals.get("__name__"))
