"""A file that several runs write, each behind what the one before it has written."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamsig import files
from streamsig.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

ENDING = ".unfinished"
_DIGEST_BYTES = 1 << 16


def waiting_place(path: Path) -> Path:
    """Return where bytes wait to join the file at `path`."""
    return path.with_name(path.name + ENDING)


class GrowingFile:
    """Bytes that wait in `PATH.unfinished` until a run ends well, and join the file at `path` then.

    `keep` tells what is there up to a place; a later run that is told the same begins there, whatever was written
    behind it. What is at `path` stays as it is until `join`: it is replaced by a first run, and grows in place after
    that. Raises OutputError.
    """

    def __init__(self, path: Path) -> None:
        self._name, self._path = path, Path(os.path.realpath(path))
        self._unfinished = waiting_place(self._path)
        # what of the file is from earlier runs: these bytes, which joined it when one of them ended well
        self._joined_bytes = 0
        self._file: BinaryIO | None = None
        with files.naming(path):
            if self._path.exists() and not stat.S_ISREG(self._path.stat().st_mode):
                raise OutputError(f"{path}: cannot be written: it is no regular file, which a checkpoint needs")

    @property
    def file(self) -> BinaryIO:
        """Where to write."""
        if self._file is None:
            raise RuntimeError("begin comes first")
        return self._file

    @property
    def size_bytes(self) -> int:
        """How much is written, by earlier runs, too."""
        return self._joined_bytes + self.file.tell()

    def begin(self, kept: Mapping[str, Any] | None) -> None:
        """Go on behind what `keep` returned, or begin anew; raises ValueError where it is not there."""
        waiting_bytes = 0
        if kept is not None:
            waiting_bytes = self._find(kept["joined_bytes"], kept["waiting_bytes"], kept["joined"], kept["waiting"])
        with files.naming(self._name):
            self._file = self._unfinished.open("r+b" if waiting_bytes else "w+b")
            self._file.truncate(waiting_bytes)
            self._file.seek(waiting_bytes)

    def keep(self, size_bytes: int) -> dict[str, Any]:
        """Make the first `size_bytes` outlive the program; return what `begin` takes."""
        waiting_bytes = size_bytes - self._joined_bytes
        with files.naming(self._name):
            self.file.flush()
            os.fsync(self.file.fileno())
            return {
                "joined_bytes": self._joined_bytes,
                "joined": self._digest(self._path, self._joined_bytes) if self._joined_bytes else None,
                "waiting_bytes": waiting_bytes,
                "waiting": self._digest(self._unfinished, waiting_bytes),
            }

    def join(self) -> None:
        """Let what is written take its place in the file."""
        with files.naming(self._name), self.file as unfinished:
            unfinished.flush()
            os.fsync(unfinished.fileno())
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
        if self._file is not None:
            self._file.close()

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

    def _find(self, joined_bytes: int, waiting_bytes: int, joined: str | None, waiting: str) -> int:
        """Find what an earlier run kept; return how much of it still waits."""
        if joined_bytes and self._digest(self._path, joined_bytes) != joined:
            raise ValueError(f"{self._name} has other rows than those that are kept")
        self._joined_bytes = joined_bytes
        if not waiting_bytes:
            return 0
        if self._unfinished.exists():
            if self._digest(self._unfinished, waiting_bytes) != waiting:
                raise ValueError(f"{self._name}{ENDING} has other rows than those that are kept")
            return waiting_bytes
        # they have joined the file
        if self._digest(self._path, joined_bytes + waiting_bytes, most_bytes=waiting_bytes) != waiting:
            raise ValueError(f"the rows that are kept are neither in {self._name}{ENDING} nor in {self._name}")
        self._joined_bytes += waiting_bytes
        return 0

    @staticmethod
    def _digest(path: Path, stop: int, most_bytes: int = _DIGEST_BYTES) -> str | None:
        """Return a digest of the bytes before `stop`, `None` where they are not all there."""
        try:
            with path.open("rb") as file:
                return files.digest(file.fileno(), stop - min(stop, most_bytes, _DIGEST_BYTES), stop)
        except OSError:
            return None
