"""A file that several runs write, each behind what the one before it has written."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamsig import files
from streamsig.core.json_arrays import whole
from streamsig.errors import OutputError

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


def waiting_place(path: Path) -> Path:
    """Return where bytes wait to join the file at `path`, or that to which a link there leads."""
    real = Path(os.path.realpath(path)) if path.is_symlink() else path
    return real.with_name(real.name + ENDING)


class GrowingFile:
    """Bytes that wait in `PATH.unfinished` until a run ends well, and join the file at `path` then.

    `keep` tells what is there up to a place; a later run that is told the same begins there, whatever was written
    behind it. What is at `path` stays as it is until `join`: it is replaced by a first run, and grows in place after
    that. One run at a time has it. Raises OutputError.
    """

    def __init__(self, path: Path) -> None:
        self._name, self._path = path, Path(os.path.realpath(path))
        self._unfinished = waiting_place(path)
        # what of the file is from earlier runs: these bytes, which joined it when one of them ended well
        self._joined_bytes = 0
        # what waits from earlier runs; whatever is behind it stays until something is written
        self._waiting_bytes = 0
        self._file: BinaryIO | None = None
        self._is_new = self._is_used = False
        with files.naming(path):
            if path.exists() and not stat.S_ISREG(path.stat().st_mode):
                raise OutputError(f"{path}: cannot be written: it is no regular file, which a checkpoint needs")

    @property
    def file(self) -> BinaryIO:
        """Where to write."""
        if self._file is None:
            raise RuntimeError("begin comes first")
        if not self._is_used:
            self._file.truncate(self._waiting_bytes)
            self._file.seek(self._waiting_bytes)
            self._is_used = True
        return self._file

    @property
    def size_bytes(self) -> int:
        """How much is written, by earlier runs, too."""
        return self._joined_bytes + (self.file.tell() if self._is_used else self._waiting_bytes)

    def begin(self, kept: Mapping[str, Any] | None) -> None:
        """Go on behind what `keep` returned, or begin anew; raises ValueError where it is not there."""
        with files.naming(self._name):
            self._file = self._open()
        if kept is not None:
            joined_bytes, waiting_bytes = whole([kept["joined_bytes"], kept["waiting_bytes"]])
            self._find(joined_bytes, waiting_bytes, kept["joined"], kept["waiting"])

    def keep(self, size_bytes: int) -> dict[str, Any]:
        """Make the first `size_bytes` outlive the program; return what `begin` takes."""
        waiting_bytes = size_bytes - self._joined_bytes
        with files.naming(self._name):
            if self._is_used:
                files.settle(self.file)
            return {
                "joined_bytes": self._joined_bytes,
                "joined": self._digest(self._path, self._joined_bytes) if self._joined_bytes else None,
                "waiting_bytes": waiting_bytes,
                "waiting": self._digest(self._unfinished, waiting_bytes),
            }

    def settle(self) -> None:
        """Make sure that what is written can take its place."""
        with files.naming(self._name):
            files.settle(self.file)

    def join(self) -> None:
        """Let what is written take its place in the file."""
        with files.naming(self._name), self.file as unfinished:
            files.settle(unfinished)
            if not self._joined_bytes:
                if self._path.exists():
                    self._unfinished.chmod(stat.S_IMODE(self._path.stat().st_mode))
                self._unfinished.replace(self._path)
                return
            unfinished.seek(0)
            if self._path.stat().st_size == self._joined_bytes:
                self._append(unfinished)
            else:
                # what the last run wrote behind what it kept: rows that it could tell only for being at the end
                self._replace(unfinished)
        self._unfinished.unlink()

    def close(self) -> None:
        """Leave what is written for a later run."""
        if self._file is None:
            return
        if self._is_new and not self._is_used:
            self._unfinished.unlink(missing_ok=True)
        # what cannot be written now was not kept either
        with contextlib.suppress(OSError):
            self._file.close()

    def _open(self) -> BinaryIO:
        """Open what waits, as it is, for this run alone."""
        self._is_new = not self._unfinished.exists()
        # a link there would be somebody else's file
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
            raise OutputError(f"{self._name}: another run is writing it; wait until that ends, or name another place")
        return file

    def _append(self, unfinished: BinaryIO) -> None:
        with self._path.open("r+b") as file:
            try:
                file.seek(self._joined_bytes)
                shutil.copyfileobj(unfinished, file)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                with contextlib.suppress(OSError):
                    file.flush()
                os.truncate(self._path, self._joined_bytes)
                raise

    def _replace(self, unfinished: BinaryIO) -> None:
        with files.replacing(self._name) as whole, self._path.open("rb") as file:
            shutil.copyfileobj(file, whole)
            whole.truncate(self._joined_bytes)
            whole.seek(self._joined_bytes)
            shutil.copyfileobj(unfinished, whole)

    def _find(self, joined_bytes: int, waiting_bytes: int, joined: str | None, waiting: str) -> None:
        """Find what an earlier run kept, in the file, or waiting to join it."""
        if joined_bytes and self._digest(self._path, joined_bytes) != joined:
            raise ValueError(f"{self._name} has other rows than those that are kept")
        self._joined_bytes = joined_bytes
        if not waiting_bytes:
            return
        if self._digest(self._unfinished, waiting_bytes) == waiting:
            self._waiting_bytes = waiting_bytes
        elif self._digest(self._path, joined_bytes + waiting_bytes, most_bytes=waiting_bytes) == waiting:
            # they have joined it, and what waits now is of a run that came to nothing
            self._joined_bytes += waiting_bytes
        else:
            raise ValueError(f"the rows that are kept are neither in {self._name}{ENDING} nor in {self._name}")

    @staticmethod
    def _digest(path: Path, stop: int, most_bytes: int = _DIGEST_BYTES) -> str | None:
        """Return a digest of the bytes before `stop`, `None` where they are not all there."""
        try:
            with path.open("rb") as file:
                return files.digest(file.fileno(), stop - min(stop, most_bytes, _DIGEST_BYTES), stop)
        except OSError:
            return None
