"""The base of sinks that are files: they replace the file at a path, or with a checkpoint append to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from streamsig.errors import UsageError
from streamsig.files import ReplacingFile
from streamsig.sinks.append_file import AppendingFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Item = TypeVar("Item")


class FileSink(ABC, Generic[Item]):
    """The part of a `Sink` that all formats share; as a context manager it commits if the block succeeds.

    With `appends` a later run can continue it: it begins with `restore`. Raises OutputError.
    """

    def __init__(self, path: Path, *, appends: bool = False) -> None:
        self._path = path
        self._appending = AppendingFile(path) if appends else None
        self._output = self._appending or ReplacingFile(path)
        self._has_header = False

    @abstractmethod
    def write(self, item: Item, /) -> None:
        """Write an item, or buffer it."""

    @abstractmethod
    def _flush(self) -> None:
        """Write what is buffered and end the format, so that the bytes so far are a whole file."""

    def snapshot(self) -> dict[str, Any]:
        """Write everything so far to disk; return what `restore` takes."""
        self._flush()
        return self._resumable.snapshot()

    def restore(self, snapshot: Mapping[str, Any] | None) -> None:
        """Continue after a snapshot of an earlier run, or start over; raises ValueError if its bytes are not there."""
        if self._appending is not None or snapshot is not None:
            self._resumable.restore(snapshot)
            self._has_header = self._resumable.size_bytes > 0

    def finish(self) -> None:
        """Write everything to disk."""
        self._flush()
        self._output.sync()

    def commit(self) -> None:
        """Make the file visible."""
        self.finish()
        self._output.commit()

    def abort(self) -> None:
        """Discard what was written, or leave it for a later run; do nothing after `commit`."""
        self._output.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.abort()

    @property
    def _resumable(self) -> AppendingFile:
        if self._appending is None:
            raise UsageError(f"{self._path}: a file that is replaced cannot resume from a checkpoint")
        return self._appending
