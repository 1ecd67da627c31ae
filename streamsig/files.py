"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from streamsig.errors import OutputError
from streamsig.os_errors import naming, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class ReplacingFile:
    """A file that takes the place of `path` in one step with `commit`, and disappears with `abort`.

    Until then, what was at `path` stays unchanged. A symbolic link is followed, and the mode is preserved. A target
    that is not a regular file (`/dev/stdout`, a FIFO) is written directly. Raises OutputError.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._target = path, Path(os.path.realpath(path))
        self._partial: Path | None = None
        mode = _mode(self._target)
        with naming(path), contextlib.ExitStack() as undo:
            if mode is not None and not stat.S_ISREG(mode):
                self.file: BinaryIO = self._target.open("wb")
                return
            self._partial = self._target.with_name(f".streamsig-{os.urandom(4).hex()}.partial")
            undo.callback(self.abort)
            self.file = self._partial.open("xb")
            if mode is not None:
                self._partial.chmod(stat.S_IMODE(mode))
            undo.pop_all()

    def sync(self) -> None:
        """Write everything to disk, so that `commit` is unlikely to fail."""
        with naming(self._path):
            sync(self.file)

    def commit(self) -> None:
        """Replace what is at `path`."""
        self.sync()
        with naming(self._path), self.file:
            if self._partial is not None:
                self._partial.replace(self._target)

    def abort(self) -> None:
        """Discard what was written; do nothing after `commit`."""
        with contextlib.suppress(OSError, AttributeError):
            self.file.close()
        if self._partial is not None:
            with contextlib.suppress(OSError):
                self._partial.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write, which replaces `path` if the block succeeds; raises OutputError (`ReplacingFile`)."""
    output = ReplacingFile(path)
    try:
        with naming(path):
            yield output.file
        output.commit()
    finally:
        output.abort()


@contextlib.contextmanager
def writing_stdout() -> Iterator[BinaryIO]:
    """Yield standard output for bytes; raises OutputError, or BrokenPipeError if its reader is gone."""
    if sys.stdout is None:
        raise OutputError("<stdout>: cannot be written: it is closed")
    with naming("<stdout>"), open(1, "wb", closefd=False) as file:
        yield file


def sync(file: BinaryIO) -> None:
    """Write what was written to disk, as far as the file allows; raises OSError."""
    file.flush()
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        os.fsync(file.fileno())


def check_writable(path: Path) -> None:
    """Raise OutputError now if `ReplacingFile` could not work later."""
    try:
        target = Path(os.path.realpath(path))
        os.lstat(path)
    except FileNotFoundError:
        pass
    except NotADirectoryError:
        pass  # reported below, with the folder
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be written: {reason_of(error)}; name another place") from error
    if os.path.isdir(target):  # noqa: PTH112 (Path.is_dir raises if a folder must not be read)
        raise OutputError(f"{path}: cannot be written: it is a directory; name a file in it")
    if not os.path.isdir(target.parent):  # noqa: PTH112
        raise OutputError(f"{path}: cannot be written: there is no folder {target.parent}; make it first")
    mode = _mode(target)
    place = target.parent if mode is None or stat.S_ISREG(mode) else target
    if not os.access(place, os.W_OK):
        reason = "it is on a read-only file system" if _is_read_only(place) else f"permission denied for {place}"
        raise OutputError(f"{path}: cannot be written: {reason}; name another place")


def digest(descriptor: int, start: int, stop: int) -> str | None:
    """Return a digest of the bytes `start:stop` of an open file, `None` where they are not all there."""
    import hashlib  # noqa: PLC0415 (it loads OpenSSL, and only checkpoints need it)

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
