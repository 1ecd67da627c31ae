"""A file to which several runs append, one after another."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamsig import files
from streamsig.core.json_values import checked_counts
from streamsig.errors import OutputError
from streamsig.os_errors import naming

try:
    # not on Windows
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

ENDING = ".unfinished"
_DIGEST_BYTES = 1 << 16


def unfinished_path(path: Path) -> Path:
    """Return the path of the bytes that wait to be appended to `path`, or to the target of a link there."""
    real = Path(os.path.realpath(path)) if path.is_symlink() else path
    return real.with_name(real.name + ENDING)


class AppendingFile:
    """Bytes that wait in `PATH.unfinished`, and are appended to the file at `path` with `commit`.

    `snapshot` describes everything written so far. A later run that restores it continues there, and overwrites what
    was written after it. The first commit replaces what is at `path`, later ones append to it. `abort` leaves the
    waiting bytes for a later run. One run at a time holds the file. Raises OutputError.
    """

    def __init__(self, path: Path) -> None:
        self._name, self._path = path, Path(os.path.realpath(path))
        self._unfinished = unfinished_path(path)
        # bytes of earlier runs: those in the file at `path`, and those that wait
        self._committed_bytes = 0
        self._pending_bytes = 0
        self._file: BinaryIO | None = None
        self._is_new = self._is_used = False
        with naming(path):
            if path.exists() and not stat.S_ISREG(path.stat().st_mode):
                raise OutputError(f"{path}: cannot be written: it is not a regular file, which a checkpoint needs")

    @property
    def file(self) -> BinaryIO:
        """The file to write; the first use discards bytes that no snapshot describes."""
        if self._file is None:
            raise RuntimeError("restore comes first")
        if not self._is_used:
            self._file.truncate(self._pending_bytes)
            self._file.seek(self._pending_bytes)
            self._is_used = True
        return self._file

    @property
    def size_bytes(self) -> int:
        """Bytes written by this run and earlier ones."""
        return self._committed_bytes + (self.file.tell() if self._is_used else self._pending_bytes)

    def restore(self, snapshot: Mapping[str, Any] | None) -> None:
        """Lock the file, and continue after a snapshot; raises ValueError if its bytes are not there."""
        with naming(self._name):
            self._file = self._open()
        if snapshot is not None:
            committed_bytes, pending_bytes = checked_counts([snapshot["committed_bytes"], snapshot["pending_bytes"]])
            self._find(committed_bytes, pending_bytes, snapshot)

    def snapshot(self) -> dict[str, Any]:
        """Write everything to disk; return what `restore` takes."""
        pending_bytes = self.size_bytes - self._committed_bytes
        with naming(self._name):
            if self._is_used:
                files.sync(self.file)
            return {
                "committed_bytes": self._committed_bytes,
                "committed": self._digest(self._path, self._committed_bytes) if self._committed_bytes else None,
                "pending_bytes": pending_bytes,
                "pending": self._digest(self._unfinished, pending_bytes),
            }

    def sync(self) -> None:
        """Write everything to disk."""
        with naming(self._name):
            files.sync(self.file)

    def commit(self) -> None:
        """Append the waiting bytes to the file at `path`, or replace it the first time."""
        self.sync()
        with naming(self._name), self.file as unfinished:
            if not self._committed_bytes:
                if self._path.exists():
                    self._unfinished.chmod(stat.S_IMODE(self._path.stat().st_mode))
                self._unfinished.replace(self._path)
                return
            unfinished.seek(0)
            if self._path.stat().st_size == self._committed_bytes:
                self._append(unfinished)
            else:
                # the last run committed rows after its snapshot, such as that of a last open line
                self._replace(unfinished)
        self._unfinished.unlink()

    def abort(self) -> None:
        """Leave the waiting bytes for a later run."""
        if self._file is None:
            return
        if self._is_new and not self._is_used:
            self._unfinished.unlink(missing_ok=True)
        # no snapshot describes what cannot be written now
        with contextlib.suppress(OSError):
            self._file.close()

    def _open(self) -> BinaryIO:
        """Open and lock the waiting bytes."""
        self._is_new = not self._unfinished.exists()
        # a link could lead to any file
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(self._unfinished, flags, 0o666), "r+b")
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = os.path.samestat(os.fstat(file.fileno()), self._unfinished.stat())
        except (BlockingIOError, FileNotFoundError):
            is_there = False
        if not is_there:
            file.close()
            raise OutputError(f"{self._name}: another run is writing it; wait until it ends, or name another file")
        return file

    def _append(self, unfinished: BinaryIO) -> None:
        with self._path.open("r+b") as file:
            try:
                file.seek(self._committed_bytes)
                shutil.copyfileobj(unfinished, file)
                files.sync(file)
            except BaseException:
                with contextlib.suppress(OSError):
                    file.flush()
                os.truncate(self._path, self._committed_bytes)
                raise

    def _replace(self, unfinished: BinaryIO) -> None:
        with files.replacing(self._name) as whole, self._path.open("rb") as file:
            shutil.copyfileobj(file, whole)
            whole.truncate(self._committed_bytes)
            whole.seek(self._committed_bytes)
            shutil.copyfileobj(unfinished, whole)

    def _find(self, committed_bytes: int, pending_bytes: int, snapshot: Mapping[str, Any]) -> None:
        """Find the bytes of a snapshot, in the file or waiting to be appended."""
        if committed_bytes and self._digest(self._path, committed_bytes) != snapshot["committed"]:
            raise ValueError(f"{self._name} has other rows than the checkpoint describes")
        self._committed_bytes = committed_bytes
        if not pending_bytes:
            return
        if self._digest(self._unfinished, pending_bytes) == snapshot["pending"]:
            self._pending_bytes = pending_bytes
        elif self._digest(self._path, committed_bytes + pending_bytes, most_bytes=pending_bytes) == snapshot["pending"]:
            # already committed; the bytes that wait now are of a later, failed run
            self._committed_bytes += pending_bytes
        else:
            raise ValueError(f"the rows it describes are neither in {self._name}{ENDING} nor in {self._name}")

    @staticmethod
    def _digest(path: Path, stop: int, most_bytes: int = _DIGEST_BYTES) -> str | None:
        """Return a digest of the bytes before `stop`, `None` if some are missing."""
        try:
            with path.open("rb") as file:
                return files.digest(file.fileno(), stop - min(stop, most_bytes, _DIGEST_BYTES), stop)
        except OSError:
            return None
