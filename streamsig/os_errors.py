"""Errors of the operating system, in words that name the file."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from streamsig.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """Raise the OSErrors of the block as OutputErrors that name the file; a BrokenPipeError passes unchanged."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {reason_of(error)}") from error


def reason_of(error: OSError | ValueError) -> str:
    """Return why the system refuses a path; a NUL or a lone surrogate in it is a ValueError."""
    if isinstance(error, OSError):
        return str(error.strerror or error)
    return "no file can have this name"
