"""What is counted so far, kept in a file from which a later run goes on (docs/reliability.md).

A checkpoint has the totals of the inputs before the one that is being read, and of this one the state of its
first rows up to an offset. It names every input by what its bytes are, and the settings that the answer depends
on; where one of them is not what it was, it is refused.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.core.groups import MAX_BYTES, GroupState, TooManyGroupsError
from streamsig.core.window import WindowState
from streamsig.engine import snapshot
from streamsig.engine.tally import NEWEST_FIRST, Total, too_many
from streamsig.errors import CheckpointError
from streamsig.ingest.sources import open_raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from streamsig.config import Settings
    from streamsig.engine.passage import Passage
    from streamsig.engine.resumable import Resumable
    from streamsig.engine.tally import Tally
    from streamsig.ingest.dialect import Dialect
    from streamsig.ingest.sources import TextSource

SECONDS = 3.0
"""At most so often it is written; less often where that takes long."""

_SHARE = 20
_DIGEST_BYTES = 1 << 16
_NO_MATTER = frozenset({"seed", "version", "threads", "memory_limit", "checkpoint", "fresh", "finished"})
"""Settings that the counts do not depend on."""

_WAY_OUT = "count anew with --fresh, or name another checkpoint"
_TOTAL, _TEXT = "total", "text"


_Marks = Mapping[str, Any]
"""How far all is that goes on beside the counts, by its name."""


class _Text(NamedTuple):
    """A text that is being counted: the tally is at one of two passages, and its rows tell at which."""

    source: TextSource
    dialect: Dialect
    tally: Tally
    before: tuple[Passage, _Marks]
    after: tuple[Passage, _Marks]

    @property
    def reached(self) -> tuple[Passage, _Marks]:
        rows = self.tally.rows
        for reached in (self.after, self.before):
            if reached[0].rows == rows:
                return reached
        raise RuntimeError(f"{rows} rows are counted at {self.before} or {self.after}")


class _Progress(NamedTuple):
    """How far the run is: the texts of the path that are counted, all that was before the text that follows."""

    member: int
    total: Total
    marks: _Marks
    text: _Text | None = None


class Checkpoint:
    """A file that is read when a run begins, and written every few seconds.

    `beside` names what goes on beside the counts. Raises CheckpointError for what the run cannot go on from,
    OutputError where the file cannot be written.
    """

    def __init__(
        self,
        settings: Settings,
        paths: Sequence[str],
        beside: Mapping[str, Resumable] | None = None,
        groups_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = str(settings.checkpoint)
        self._settings, self._paths, self._beside, self._clock = settings, list(paths), dict(beside or {}), clock
        self._path, self._groups_bytes = Path(self.name), groups_bytes
        self._matters = {key: value for key, value in settings.as_json().items() if key not in _NO_MATTER}
        self._due = clock() + SECONDS
        self._finished: list[dict[str, Any]] = []
        self._saved: Mapping[str, Any] = {}
        self._groups: dict[str, GroupState | None] = {_TOTAL: None, _TEXT: None}
        # the path that the saved text is of, by its index
        self._next = 0
        self._index = 0
        self._pending: Mapping[str, Any] | None = None
        self._before = _Progress(0, Total(settings), {})
        # all that is to be saved, replaced in one step: a signal may arrive at any time
        self._latest: _Progress | None = None
        self._has_ended = self._is_written = False
        if not settings.fresh:
            self._load()
        self._resume_beside()

    @property
    def total(self) -> Total:
        """What was counted before the input that the run goes on with."""
        if not self._saved:
            return Total(self._settings, self._groups_bytes)
        return Total.from_json(self._settings, self._saved["total"], self._groups[_TOTAL])

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
        self._has_ended = self._is_written = False
        self._before = _Progress(member, total.copy(), self._marks())
        # what is kept of this text is not to be lost before the run has gone on from it
        self._latest = None if self._pending else self._before

    def resume(self, source: TextSource, dialect: Dialect, tally: Tally, none: Passage) -> Passage:
        """Leave out of a text, which is at its first row, the rows that are counted; put them into the tally.

        Returns how far they reach, or `none`, if there are none.
        """
        saved, passage = self._pending, none
        if saved is not None:
            self._check(saved, source, dialect)
            skipped, crc = source.skip(saved["offset"])
            if skipped < saved["offset"]:
                raise self._refusal(f"{source.name} has {skipped:,} of the {saved['offset']:,} bytes that are counted")
            if not source.is_plain and crc != saved["crc32"]:
                raise self._refusal(f"the bytes of {source.name} that are counted have changed")
            state: WindowState | GroupState | None = self._groups[_TEXT]
            if state is None:
                state = WindowState.from_json(self._settings.counted, saved["state"])
            tally.go_on(state)
            for name, it in self._beside.items():
                with self._refusing():
                    it.go_on(self._saved["beside"][name], state)
            passage = none._replace(
                rows=tally.rows, offset=saved["offset"], line=saved["line"], rejected=saved["rows_rejected"], crc=crc
            )
        reached = (passage, self._marks())
        self._latest = self._before._replace(text=_Text(source, dialect, tally, reached, reached))
        return passage

    def advance(self, passage: Passage) -> None:
        """Note how far a text will be counted by what is put into the tally next; write down how far it is, if due.

        All that goes on beside the counts is there by now.
        """
        if self._latest is not None and self._latest.text is not None:
            text, reached = self._latest.text, (passage, self._marks())
            self._latest = self._latest._replace(text=text._replace(before=text.after, after=reached))
        if self._clock() >= self._due:
            self.write()

    def end(self) -> None:
        """Note that no more of the text will be kept than `advance` was told; it is still open.

        Of the last text that is written down, for rows may be added to it another time.
        """
        if self._latest is None or self._latest.text is None or self._has_ended:
            return
        if self._index == len(self._paths) - 1 and not self._latest.member:
            self.write()
            self._is_written = True
        # what the tally gets from here on is not for the checkpoint
        self._has_ended = True

    def write(self) -> None:
        """Write down how far the run is."""
        if self._latest is None or self._has_ended:
            return
        started = self._clock()
        member, total, marks, text = self._latest
        if text is not None and text.tally.is_torn:
            return
        body: dict[str, Any] = {"members": member, "archive": _identity(self._paths[self._index]) if member else None}
        if text is not None:
            passage, marks = text.reached
            body["text"] = self._text(text, passage)
            if body["text"] is None:
                return
        self._put(body, total, marks, text and text.tally.result())
        self._due = self._clock() + max(SECONDS, _SHARE * (self._clock() - started))

    def finish(self, total: Total) -> None:
        """Write down that all inputs are counted."""
        if self._is_written:
            return
        while len(self._finished) < len(self._paths):
            self._finished.append(_identity(self._paths[len(self._finished)]))
        self._put({"members": 0, "archive": None}, total, self._marks(), None)

    def _marks(self) -> _Marks:
        return {name: it.mark() for name, it in self._beside.items()}

    def _put(
        self, body: Mapping[str, Any], total: Total, marks: _Marks, state: WindowState | GroupState | None
    ) -> None:
        whole = {
            "settings": self._matters,
            "finished": self._finished,
            "text": None,
            "beside": {name: self._beside[name].keep(mark) for name, mark in marks.items()},
            "total": total.to_json(),
            **body,
        }
        groups = {_TOTAL: total.groups, _TEXT: state if isinstance(state, GroupState) else None}
        pieces = ({"of": name, **piece} for name, it in groups.items() if it is not None for piece in it.to_json())
        snapshot.write(self._path, whole, pieces)

    def _text(self, text: _Text, passage: Passage) -> dict[str, Any] | None:
        """Return what is to be known of a text; `None` where it is no longer what was read."""
        source, dialect, state = text.source, text.dialect, text.tally.result()
        digests = _digests(source, dialect, passage.offset)
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
            "state": state.to_json() if isinstance(state, WindowState) else None,
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
            documents = snapshot.read(self._path)
            body = next(documents)
            self._check_asked(body)
            if self._settings.group_by:
                self._groups = {name: self._group_state(()) for name in self._groups}
                for name, pieces in groupby(documents, itemgetter("of")):
                    self._groups[name] = self._group_state(pieces)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._refusal(f"it cannot be read: {error.strerror or error}") from error
        except TooManyGroupsError as error:
            raise too_many(error) from None
        except ValueError as error:
            raise self._refusal(str(error)) from error
        except (KeyError, TypeError) as error:
            raise self._refusal("it is damaged") from error
        self._finished, self._saved, self._next = body["finished"], body, len(body["finished"])

    def _group_state(self, pieces: Iterable[Mapping[str, Any]]) -> GroupState:
        backwards = self._settings.order == NEWEST_FIRST
        return GroupState.from_json(self._settings.counted, pieces, backwards=backwards, max_bytes=self._groups_bytes)

    def _check_asked(self, body: Mapping[str, Any]) -> None:
        for key, value in self._matters.items():
            # as JSON has it: tuples are lists there
            if json.loads(json.dumps(value)) != body["settings"].get(key):
                raise self._refusal(f'it was written with another setting "{key}"')
        names = [it["input"] for it in body["finished"]]
        if names != self._paths[: len(names)]:
            raise self._refusal(f"it is of other inputs, {', '.join(names[:3])} to begin with")

    def _resume_beside(self) -> None:
        """Let what goes on beside the counts go on behind what is kept of it, or begin anew."""
        kept = self._saved.get("beside", {})
        if self._saved:
            for name in sorted(kept.keys() ^ self._beside.keys()):
                reason = f"it has {name}, too, and none are asked for now" if name in kept else f"it has no {name}"
                raise self._refusal(reason)
        for name, it in self._beside.items():
            with self._refusing():
                it.resume(kept.get(name), self.total)

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            raise self._refusal(str(error)) from error

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
