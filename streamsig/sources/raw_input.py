"""An input as it is stored: a path or standard input."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from typing import BinaryIO

from streamsig import files, stopping
from streamsig.errors import SourceError
from streamsig.os_errors import reason_of

try:
    # not on Windows
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

STDIN = "-"

_PEEK_BYTES = 16
_PIPE_BYTES = 1 << 20


class RawInput(io.RawIOBase):
    """An open input as it is stored; it counts the bytes that were read, and shows the next ones.

    `is_file` says that `name` is the path of a regular file. `size_bytes` is `None` where it is unknown (a pipe).
    `opened` is the status of a regular file when it was opened. Raises SourceError where reading fails.
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        size_bytes: int | None,
        *,
        is_file: bool = False,
        opened: os.stat_result | None = None,
    ) -> None:
        self.name, self.size_bytes, self.consumed_bytes, self.is_file = name, size_bytes, 0, is_file
        self._file, self._opened = file, opened
        self._ahead = b""
        # a terminal would wait for more input
        self._has_ended = False

    def readable(self) -> bool:
        """Return true; pyarrow calls this."""
        return True

    def peek(self, size: int = _PEEK_BYTES) -> bytes:
        """Return the next `size` bytes, fewer only at the end, without consuming them."""
        while len(self._ahead) < size:
            piece = bytearray(size - len(self._ahead))
            count = self._fetch(memoryview(piece))
            if not count:
                break
            self._ahead += piece[:count]
        return self._ahead[:size]

    def readinto(self, view: memoryview, /) -> int:  # type: ignore[override]  # of bytes
        """Fill the start of `view`; return the number of bytes, 0 at the end."""
        if self._ahead:
            count = min(len(view), len(self._ahead))
            view[:count], self._ahead = self._ahead[:count], self._ahead[count:]
        else:
            count = self._fetch(view)
        self.consumed_bytes += count
        return count

    def skip(self, size: int) -> None:
        """Leave out the next `size` bytes of a regular file without reading them."""
        ahead = min(size, len(self._ahead))
        self._ahead = self._ahead[ahead:]
        self._file.seek(size - ahead, os.SEEK_CUR)
        self.consumed_bytes += size

    def digest(self, start: int, stop: int) -> str | None:
        """Return a digest of the bytes `start:stop` of a regular file, `None` where they are not all there."""
        try:
            return files.digest(self._file.fileno(), start, stop)
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def check_unchanged(self) -> None:
        """Raise SourceError where a regular file was replaced, cut or changed since it was opened.

        One that has only grown is unchanged, as far as it was read.
        """
        if self._opened is None or self.closed:
            return
        before, now = self._opened, os.fstat(self._file.fileno())
        if now.st_size < before.st_size:
            what = f"shrank from {before.st_size:,} to {now.st_size:,} bytes"
        elif now.st_size == before.st_size and now.st_mtime_ns != before.st_mtime_ns:
            what = "was changed"
        elif self.is_file and not _is_still_there(self.name, now):
            what = "was replaced by another file"
        else:
            return
        raise SourceError(f"{self.name}: {what} while it was read; run again when nothing writes it")

    def close(self) -> None:
        """Close the file; standard input stays open for its owner."""
        if not self.closed:
            self._file.close()
        super().close()

    def _fetch(self, view: memoryview) -> int:
        if self._has_ended:
            return 0
        stopping.check_stop()
        if self._opened is None:
            # a read that waits for a pipe cannot be stopped; members of archives have no descriptor
            with contextlib.suppress(AttributeError, io.UnsupportedOperation):
                stopping.wait_readable(self._file.fileno())
        try:
            count = int(self._file.readinto(view))  # type: ignore[attr-defined]
        except OSError as error:
            raise _unreadable(self.name, error) from error
        self._has_ended = not count and self._opened is None
        return count


def open_raw(path: str) -> RawInput:
    """Open a path, or standard input for `-`, as it is stored.

    Raises SourceError for what cannot be opened: no such file, a directory, no permission.
    """
    if path == STDIN:
        return _open_stdin()
    try:
        # RawInput closes it, and the name stays as given
        file = open(path, "rb", buffering=0, opener=_open_at_once)  # noqa: SIM115
        status = os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return _of(file, path, status, is_file=stat.S_ISREG(status.st_mode))


def _open_at_once(path: str, flags: int) -> int:
    """Open a named pipe without waiting for its writer, as that wait could not be stopped; reading waits instead."""
    if sys.platform != "linux":
        return os.open(path, flags)
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


def _open_stdin() -> RawInput:
    if sys.stdin is None:
        raise SourceError("<stdin>: standard input is closed; give a file, or feed one: streamsig run - < FILE")
    file = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 (not ours to close)
    status = os.fstat(0)
    if stat.S_ISDIR(status.st_mode):
        raise SourceError("<stdin>: standard input is a directory; give a file")
    # a larger pipe takes fewer, longer reads; Linux has it, and may refuse
    if stat.S_ISFIFO(status.st_mode) and fcntl is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):
            fcntl.fcntl(0, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return _of(file, "<stdin>", status, is_file=False)


def _of(file: BinaryIO | io.FileIO, name: str, status: os.stat_result, *, is_file: bool) -> RawInput:
    size_bytes, opened = (status.st_size, status) if stat.S_ISREG(status.st_mode) else (None, None)
    return RawInput(file, name, size_bytes, is_file=is_file, opened=opened)


def _is_still_there(path: str, opened: os.stat_result) -> bool:
    """Return whether a path names the open file or, as it was removed, no file at all."""
    try:
        return os.path.samestat(os.stat(path), opened)  # noqa: PTH116 (names stay as given)
    except OSError:
        return True


def _unreadable(name: str, error: OSError | ValueError) -> SourceError:
    reason = {
        "FileNotFoundError": "no such file; check the path",
        "IsADirectoryError": "is a directory; name a file in it",
        "PermissionError": "permission denied; make the file readable for this user",
    }.get(type(error).__name__, f"cannot be read: {reason_of(error)}")
    return SourceError(f"{name}: {reason}")
