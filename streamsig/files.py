"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from streamsig.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write; when the block ends well it takes the place of `path` in one step.

    Until then, and for good if the block raises, what was at `path` before stays as it is. A
    symbolic link is followed. What is there and is no regular file (`/dev/stdout`, a FIFO) is
    written to directly. Raises OutputError.
    """
    target = Path(os.path.realpath(path))
    mode = _mode(target)
    if mode is not None and not stat.S_ISREG(mode):
        with naming(path), target.open("wb") as file:
            yield file
        return
    partial = target.with_name(f".streamsig-{secrets.token_hex(4)}.partial")
    try:
        with naming(path), partial.open("xb") as file:
            if mode is not None:
                partial.chmod(stat.S_IMODE(mode))
            yield file
            settle(file)
        with naming(path):
            partial.replace(target)
    finally:
        # there only if something went wrong
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def writing_stdout() -> Iterator[BinaryIO]:
    """Yield standard output for bytes; raises OutputError, or BrokenPipeError when nobody reads on."""
    if sys.stdout is None:
        raise OutputError("<stdout>: cannot be written: it is closed")
    with naming(Path("<stdout>")), open(1, "wb", closefd=False) as file:
        yield file


def settle(file: BinaryIO) -> None:
    """Make what was written outlive the program, as far as the file can; raises OSError."""
    file.flush()
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        os.fsync(file.fileno())


def check_writable(path: Path) -> None:
    """Raise OutputError now if `replacing` could not work later."""
    try:
        target = Path(os.path.realpath(path))
        os.lstat(path)
    except FileNotFoundError:
        pass
    except NotADirectoryError:
        pass  # told below, with the folder
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be written: {reason_of(error)}; name another place") from error
    if os.path.isdir(target):  # noqa: PTH112 (Path.is_dir raises where a folder may not be looked into)
        raise OutputError(f"{path}: cannot be written: it is a directory; name a file in it")
    if not os.path.isdir(target.parent):  # noqa: PTH112
        raise OutputError(f"{path}: cannot be written: there is no folder {target.parent}; make it first")
    mode = _mode(target)
    place = target.parent if mode is None or stat.S_ISREG(mode) else target
    if not os.access(place, os.W_OK):
        reason = "it is on a read-only file system" if _is_read_only(place) else f"permission denied for {place}"
        raise OutputError(f"{path}: cannot be written: {reason}; name another place")


def reason_of(error: OSError | ValueError) -> str:
    """Return in words why the system refuses a path: a NUL or a lone surrogate in it is a ValueError."""
    if isinstance(error, OSError):
        return str(error.strerror or error)
    return "no file can have this name"


def digest(descriptor: int, start: int, stop: int) -> str | None:
    """Return a digest of the bytes `start:stop` of an open file, `None` where they are not all there."""
    piece = os.pread(descriptor, stop - start, start)
    return hashlib.blake2b(piece, digest_size=16).hexdigest() if len(piece) == stop - start else None


def _mode(target: Path) -> int | None:
    try:
        return target.stat().st_mode
    except OSError:
        return None


def _is_read_only(place: Path) -> bool:
    # not on Windows
    return hasattr(os, "statvfs") and bool(os.statvfs(place).f_flag & os.ST_RDONLY)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn what the system says of writing into an OutputError that names the file; a closed pipe stays what it is."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {reason_of(error)}") from error
