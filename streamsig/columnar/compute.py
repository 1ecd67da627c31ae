"""Functions of Arrow: `pyarrow.compute` has these, too, but makes a wrapper for each of 300 first, in 25 ms."""

from __future__ import annotations

from typing import Any

try:
    from pyarrow._compute import CastOptions, call_function
except ImportError:
    from pyarrow.compute import CastOptions, call_function


def cast(array: Any, kind: Any) -> Any:  # noqa: ANN401 (pyarrow has no types)
    """Return an array with its values as another type; raises ArrowInvalid if one has no exact value in it."""
    return call_function("cast", [array], CastOptions.safe(kind))


def call(name: str, *arguments: Any) -> Any:  # noqa: ANN401 (as above)
    """Return the result of a function without options."""
    return call_function(name, [*arguments])
