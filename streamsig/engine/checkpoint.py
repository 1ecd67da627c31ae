"""What is counted so far, kept in a file from which a later run goes on (docs/reliability.md).

A checkpoint has the totals of the inputs before the one that is being read, and of this one the state of its
first rows up to an offset. It names every input by what its bytes are, and the settings that the answer depends
on; where one of them is not what it was, it is refused.
"""

from __future__ import annotations

import json
import time
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamsig import files
from streamsig.core.window import WindowState
from streamsig.engine.tally import Total
from streamsig.errors import CheckpointError
from streamsig.ingest.sources import open_raw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamsig.config import Settings
    from streamsig.engine.passage import Passage
    from streamsig.ingest.dialect import Dialect
    from streamsig.ingest.sources import TextSource

FORMAT = 1
SECONDS = 3.0
"""At most so often it is written; less often where that takes long."""

_SHARE = 20
_DIGEST_BYTES = 1 << 16
_NO_MATTER = frozenset({"seed", "version", "threads", "memory_limit", "checkpoint", "fresh", "finished"})
"""Settings that the counts do not depend on."""

_WAY_OUT = "count anew with --fresh, or name another checkpoint"


class Checkpoint:
    """A file that is read when a run begins, and written every few seconds.

    Raises CheckpointError for what the run cannot go on from, OutputError where the file cannot be written.
    """

    def __init__(self, settings: Settings, paths: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self.name = str(settings.checkpoint)
        self._settings, self._paths, self._clock = settings, list(paths), clock
        self._path = Path(self.name)
        self._matters = {key: value for key, value in settings.as_json().items() if key not in _NO_MATTER}
        self._due = clock() + SECONDS
        self._finished: list[dict[str, Any]] = []
        self._saved: Mapping[str, Any] = {}
        # the path that the saved text is of, by its index
        self._next = 0
        self._index = 0
        self._digests: dict[str, str] | None = None
        self._pending: Mapping[str, Any] | None = None
        self._before = (0, Total(settings))
        # all that is to be saved, replaced in one step: a signal may arrive at any time
        self._latest: tuple[int, Total, TextSource | None, Dialect | None, Passage | None] | None = None
        if not settings.fresh:
            self._load()

    @property
    def total(self) -> Total:
        """What was counted before the input that the run goes on with."""
        if not self._saved:
            return Total(self._settings)
        return Total.from_json(self._settings, self._saved["total"])

    def has_finished(self, index: int) -> bool:
        """Tell whether the path of this index is counted, and is still what it was."""
        if index >= len(self._finished):
            return False
        self._check_same(self._paths[index], self._finished[index])
        return True

    def has_finished_member(self, index: int, member: int) -> bool:
        """Tell whether this text of a path, counted from 0, is counted, and the path is still what it was."""
        if not self._saved or index != self._next or member >= self._saved["members"]:
            return False
        if member == 0:
            self._check_same(self._paths[index], self._saved["archive"])
        return True

    def begin(self, index: int, member: int, total: Total) -> None:
        """Note that a text is read next, the one of this number in its path."""
        resumed = bool(self._saved) and (index, member) == (self._next, self._saved["members"])
        self._index, self._pending = index, self._saved["text"] if resumed else None
        while len(self._finished) < index:
            self._finished.append(_identity(self._paths[len(self._finished)]))
        self._digests = None
        self._before = (member, total.copy())
        # what is kept of this text is not to be lost before the run has gone on from it
        self._latest = None if self._pending else (*self._before, None, None, None)

    def resume(self, source: TextSource, dialect: Dialect, passage: Passage) -> Passage:
        """Leave out of a text, which is at its first row, the rows that are counted; return them with `passage`."""
        saved = self._pending
        if saved is not None:
            self._check(saved, source, dialect)
            passage.fold.push(WindowState.from_json(self._settings.counted, saved["state"]))
            passage.offset, passage.line, passage.rejected = saved["offset"], saved["line"], saved["rows_rejected"]
            skipped, passage.crc = source.skip(passage.offset)
            if skipped < passage.offset:
                raise self._refusal(f"{source.name} has {skipped:,} of the {passage.offset:,} bytes that are counted")
            if not source.is_plain and passage.crc != saved["crc32"]:
                raise self._refusal(f"the bytes of {source.name} that are counted have changed")
        return passage

    def advance(self, source: TextSource, dialect: Dialect, passage: Passage) -> None:
        """Note how far a text is counted; write it down if it is time to."""
        self._latest = (*self._before, source, dialect, passage)
        if self._clock() >= self._due:
            self.write()

    def end(self) -> None:
        """Look at the bytes that are counted of a text before it is closed, for what is written down later."""
        if self._latest is not None:
            _, _, source, dialect, passage = self._latest
            if source is not None and dialect is not None and passage is not None:
                self._digests = _digests(source, dialect, passage.offset)

    def write(self) -> None:
        """Write down what is noted."""
        if self._latest is None:
            return
        started = self._clock()
        member, total, source, dialect, passage = self._latest
        text = None
        if source is not None and dialect is not None and passage is not None:
            text = self._text(source, dialect, passage)
            if text is None:
                return
        archive = _identity(self._paths[self._index]) if member else None
        self._put({"members": member, "archive": archive, "total": total.to_json(), "text": text})
        self._due = self._clock() + max(SECONDS, _SHARE * (self._clock() - started))

    def finish(self, total: Total) -> None:
        """Write down that all inputs are counted; to the last one rows may be added, if it is a text."""
        if self._latest is not None and self._latest[2] is not None and self._latest[0] == 0:
            self.write()
            return
        while len(self._finished) < len(self._paths):
            self._finished.append(_identity(self._paths[len(self._finished)]))
        self._put({"members": 0, "archive": None, "total": total.to_json(), "text": None})

    def _put(self, progress: dict[str, Any]) -> None:
        body = {"settings": self._matters, "finished": self._finished, **progress}
        text = json.dumps(body)
        with files.replacing(self._path) as file:
            file.write(f'{{"streamsig_checkpoint": {FORMAT}, "crc32": {zlib.crc32(text.encode())},\n'.encode())
            file.write(f'"body": {text}}}\n'.encode())

    def _text(self, source: TextSource, dialect: Dialect, passage: Passage) -> dict[str, Any] | None:
        """Return what is to be known of a text; `None` where it is no longer what was read."""
        digests = _digests(source, dialect, passage.offset) if self._digests is None else self._digests
        if digests is None:
            return None
        return {
            "input": source.name,
            "size_bytes": source.size_bytes,
            "dialect": _plain(dialect, source),
            "offset": passage.offset,
            "line": passage.line,
            "rows_rejected": passage.rejected,
            "crc32": passage.crc,
            **digests,
            "state": passage.fold.copy().result().to_json(),
        }

    def _check_same(self, path: str, before: Mapping[str, Any]) -> None:
        if "head" not in before:
            raise self._refusal(f"{path} is no file that could be looked at again")
        if _identity(path) != before:
            raise self._refusal(f"{path} is not what it was when it was counted")

    def _check(self, saved: Mapping[str, Any], source: TextSource, dialect: Dialect) -> None:
        if saved["input"] != source.name:
            raise self._refusal(f"it is of {saved['input']}, and {source.name} is next")
        if saved["offset"] and saved["dialect"] != _plain(dialect, source):
            raise self._refusal(f"{source.name} is understood in another way than when it was counted")
        found = _digests(source, dialect, saved["offset"])
        if found is None:
            raise self._refusal(f"{source.name} is shorter than what is counted of it")
        if found != {key: saved[key] for key in found}:
            raise self._refusal(f"the bytes of {source.name} that are counted have changed")

    def _load(self) -> None:
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._refusal(f"it cannot be read: {error.strerror or error}") from error
        try:
            found = json.loads(text)
            written_by, body = found["streamsig_checkpoint"], found.get("body")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self._refusal("it is damaged, or no checkpoint") from error
        if written_by != FORMAT:
            raise self._refusal(f"it is of format {written_by!s:.20}, and this streamsig writes {FORMAT}")
        if zlib.crc32(json.dumps(body).encode()) != found.get("crc32") or not isinstance(body, dict):
            raise self._refusal("it is damaged")
        for key, value in self._matters.items():
            # as JSON has it: tuples are lists there
            if json.loads(json.dumps(value)) != body["settings"].get(key):
                raise self._refusal(f'it was written with another setting "{key}"')
        names = [it["input"] for it in body["finished"]]
        if names != self._paths[: len(names)]:
            raise self._refusal(f"it is of other inputs, {', '.join(names[:3])} to begin with")
        self._finished, self._saved, self._next = body["finished"], body, len(names)

    def _refusal(self, reason: str) -> CheckpointError:
        return CheckpointError(f"{self.name}: cannot go on from this checkpoint: {reason}; {_WAY_OUT}")


def _identity(path: str) -> dict[str, Any]:
    """Return what an input is: its name, its size, and digests of its beginning and its end."""
    raw = open_raw(path)
    try:
        ends = _ends(raw.digest, raw.size_bytes or 0) if raw.is_file else {}
        return {"input": path, "size_bytes": raw.size_bytes, **ends}
    finally:
        raw.close()


def _digests(source: TextSource, dialect: Dialect, offset: int) -> dict[str, str] | None:
    """Return digests of the beginning and the end of what is counted of a plain file, none of other texts."""
    if not source.is_plain:
        return {}
    found = _ends(source.raw.digest, source.mark_bytes + dialect.body_offset + offset)
    return {key: value for key, value in found.items() if value is not None} if all(found.values()) else None


def _ends(digest: Callable[[int, int], str | None], stop: int) -> dict[str, str | None]:
    return {"head": digest(0, min(stop, _DIGEST_BYTES)), "tail": digest(max(0, stop - _DIGEST_BYTES), stop)}


def _plain(dialect: Dialect, source: TextSource) -> dict[str, Any]:
    numbers = {**asdict(dialect.numbers), "missing": sorted(dialect.numbers.missing)}
    plain = {**asdict(dialect), "numbers": numbers, "encoding": source.encoding, "compression": source.compression}
    # which column tells the time is no matter of the counts, and shows only when there are rows
    del plain["time"]
    found: dict[str, Any] = json.loads(json.dumps(plain))
    return found
