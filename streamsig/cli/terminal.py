"""Standard output, messages on standard error, and the exit codes of failures."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, TextIO

from streamsig.cli.advice import with_flags
from streamsig.errors import OutputError, StreamsigError
from streamsig.libraries import broken_library
from streamsig.sinks.printable import printable
from streamsig.stopping import Interrupted, Terminated

if TYPE_CHECKING:
    from collections.abc import Iterable

UNEXPECTED, INTERRUPTED, TERMINATED = 1, 130, 143

_LONGEST = 5000
"""The most characters of a message: a path of 4096, and text about it."""


def failure(error: BaseException) -> tuple[str, str, int]:
    """Return an error's name, its message on one line, and the exit code."""
    kind, message, code = type(error).__name__, str(error), UNEXPECTED
    if isinstance(error, StreamsigError):
        code = error.exit_code
    elif isinstance(error, Interrupted | KeyboardInterrupt):
        message, code = "interrupted before the end; there is no result", INTERRUPTED
    elif isinstance(error, Terminated):
        message, code = "terminated before the end; there is no result", TERMINATED
    elif isinstance(error, MemoryError):
        message = "out of memory; use fewer `threads` or a smaller `window`"
    elif (library := broken_library(error)) is not None:
        message = library
    else:
        message = f"unexpected: {kind}: {message}; this is a bug, please report it with the log"
    return kind, printable(" ".join(with_flags(message[:_LONGEST]).split())), code


def trace(error: BaseException) -> str:
    """Return an error's traceback, for the log of a bug."""
    import traceback  # noqa: PLC0415 (only for bugs)

    return "".join(traceback.format_exception(error))


def write_stdout(pieces: Iterable[str]) -> None:
    """Write texts, with `?` for what the terminal cannot encode; raises OutputError, or BrokenPipeError if unread."""
    if sys.stdout is None:  # closed from the start
        raise BrokenPipeError
    try:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        sys.stdout.writelines(piece.encode(encoding, "replace").decode(encoding) for piece in pieces)
        sys.stdout.flush()
    except BrokenPipeError:
        leave(sys.stdout)
        raise
    except OSError as error:
        leave(sys.stdout)
        raise OutputError(f"standard output cannot be written: {error.strerror or error}") from error


def say(message: str) -> None:
    """Write one line to standard error, if it is open."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"streamsig: {printable(message)}\n")
        settle(sys.stderr)


def say_if_waiting() -> None:
    """If rows are read from a terminal, say so and how to end them."""
    if sys.stdin is not None and sys.stdin.isatty():
        end = "Ctrl-Z and Enter" if os.name == "nt" else "Ctrl-D"
        say(f"waiting for rows from the terminal; end them with {end}, or stop with Ctrl-C")


def settle(stream: TextIO) -> None:
    """Flush a standard stream, or detach it."""
    try:
        stream.flush()
    except (OSError, ValueError):
        leave(stream)


def leave(stream: TextIO | None) -> None:
    """Redirect a standard stream to the null device: the interpreter flushes it at exit, which would fail."""
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
