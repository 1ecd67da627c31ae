"""How many cases the tests try: a few by default, all in `make long`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

Case = TypeVar("Case")

LONG = settings().max_examples > 100
"""True in `make long`."""


def some(cases: Sequence[Case], number: int) -> list[Case]:
    """Return this many of the cases, evenly spaced from the first one; all of them in `make long`."""
    if LONG or number >= len(cases):
        return list(cases)
    return [cases[index * len(cases) // number] for index in range(number)]
