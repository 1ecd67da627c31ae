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
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.core.groups import MAX_BYTES, GroupState, TooManyGroupsError
from streamsig.core.json_arrays import whole
from streamsig.core.window import WindowState
from streamsig.engine.checkpoint import fingerprint, snapshot_file
from streamsig.engine.position import Position
from streamsig.engine.stages.accumulator import NEWEST_FIRST, Total, too_many
from streamsig.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from streamsig.config import Settings
    from streamsig.csv.dialect import Dialect
    from streamsig.engine.checkpoint.resumable import Resumable
    from streamsig.engine.stages.accumulator import Tally
    from streamsig.sources.raw_input import RawInput
    from streamsig.sources.text_source import TextSource

SECONDS = 3.0
"""At most so often it is written; less often where that takes long."""

_SHARE = 20
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
    before: tuple[Position, _Marks]
    after: tuple[Position, _Marks]

    @property
    def reached(self) -> tuple[Position, _Marks] | None:
        """How far it is, `None` where the tally is no longer that of this text alone."""
        rows = self.tally.rows
        return next((reached for reached in (self.after, self.before) if reached[0].rows == rows), None)


class _Progress(NamedTuple):
    """How far the run is: the inputs that are counted, and of the one that is open so many texts, and one more in part.

    `total` and `marks` are of all before that text.
    """

    finished: tuple[Mapping[str, Any], ...]
    members: int
    total: Total
    marks: _Marks
    raw: RawInput | None = None
    text: _Text | None = None


class _Saved(NamedTuple):
    """The text in which an earlier run has stopped, and what it had counted of it."""

    text: Mapping[str, Any]
    state: WindowState | GroupState
    beside: Mapping[str, Any]


class Checkpoint:
    """A file that is read when a run begins, and written every few seconds.

    `total` is what the inputs before the one that the run goes on with hold. `beside` names what goes on beside the
    counts. Raises CheckpointError for what the run cannot go on from, OutputError where the file cannot be written, and
    SourceError for an input that has changed since it was opened.
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
        self.total = Total(settings, groups_bytes)
        # of an earlier run: the inputs that are counted, the place behind them, and a text in which it stopped
        self._finished: tuple[Mapping[str, Any], ...] = ()
        self._next, self._members = 0, 0
        self._open: Mapping[str, Any] = {}
        self._pending: _Saved | None = None
        # all that is to be written, replaced in one step: a signal may arrive at any time
        self._latest: _Progress | None = None
        self._is_written = False
        with self._refusing():
            kept = None if settings.fresh else self._load()
            for name, it in self._beside.items():
                it.resume(None if kept is None else kept[name], self.total)

    def has_finished(self, index: int) -> bool:
        """Tell whether the path of this index is counted, and is still what it was."""
        if index >= self._next:
            return False
        with self._refusing():
            self._check_same(self._finished[index], fingerprint.of_path(self._paths[index]))
        return True

    def has_finished_text(self, index: int, member: int, raw: RawInput) -> bool:
        """Tell whether this text of an open input, counted from 0, is counted, and the input is still what it was."""
        if index != self._next or member >= self._members:
            return False
        if member == 0:
            with self._refusing():
                self._check_same(self._open, fingerprint.of_input(self._paths[index], raw))
        return True

    def begin(self, index: int, member: int, total: Total, raw: RawInput) -> None:
        """Note that a text of an open input is read next, the one of this number in it."""
        progress = _Progress(self._finished, member, total.copy(), self._marks(), raw)
        # what is kept of this text is not to be lost before the run has gone on from it
        self._latest = None if self._pending is not None and index == self._next else progress
        self._begun = progress

    def resume(self, source: TextSource, dialect: Dialect, tally: Tally, none: Position) -> Position:
        """Leave out of a text, which is at its first row, the rows that are counted; put them into the tally.

        Returns how far they reach, or `none`, if there are none.
        """
        position, pending = none, self._pending
        if pending is not None:
            with self._refusing():
                position = self._go_on(pending, source, dialect, tally, none)
            self._pending = None
        reached = (position, self._marks())
        self._latest = self._begun._replace(text=_Text(source, dialect, tally, reached, reached))
        return position

    def begin_table(self, name: str) -> None:
        """Note that what is read next is no text, but a table, which is kept as a whole."""
        if self._pending is not None:
            raise self._refusal(f"{name} is understood in another way than when it was counted")

    def advance(self, position: Position) -> None:
        """Note how far a text will be counted by what is put into the tally next; write down how far it is, if due.

        All that goes on beside the counts is there by now.
        """
        if self._latest is not None and self._latest.text is not None:
            text, reached = self._latest.text, (position, self._marks())
            self._latest = self._latest._replace(text=text._replace(before=text.after, after=reached))
        if self._clock() >= self._due:
            self.write()

    def end_growing(self) -> None:
        """Write down the last text of all, to which rows may be added another time: no more of it is kept."""
        self.write()
        self._is_written = True

    def end_text(self, total: Total) -> None:
        """Note that the text is counted and in the total."""
        if self._latest is not None:
            member = self._latest.members + 1
            self._latest = _Progress(self._finished, member, total.copy(), self._marks(), self._latest.raw)

    def end_input(self, index: int, total: Total, raw: RawInput) -> None:
        """Note that all texts of an input are in the total; raises SourceError where it is not what it was."""
        if self._pending is not None:
            raise self._refusal(f"{self._paths[index]} no longer has the text that was being counted")
        if not self._is_written:
            self._finished = (*self._finished, fingerprint.of_input(self._paths[index], raw))
            self._latest = _Progress(self._finished, 0, total.copy(), self._marks())

    def write(self) -> None:
        """Write down how far the run is, if that can be told."""
        latest = self._latest
        if latest is None or self._is_written or (latest.raw is not None and latest.raw.closed):
            return
        started = self._clock()
        total, marks, text, state = latest.total, latest.marks, None, None
        if total.groups is not None and (total.groups.is_torn or total.groups.rows != total.rows):
            # a text is just being joined to it
            return
        if latest.text is not None:
            reached = None if latest.text.tally.is_torn else latest.text.reached
            if reached is None:
                return
            position, marks = reached
            state = latest.text.tally.result()
            text = self._plain_text(latest.text, position, state)
            if text is None:
                return
        path = None if latest.raw is None else self._paths[len(latest.finished)]
        body = {
            "settings": self._matters,
            "finished": latest.finished,
            "path": path,
            "members": latest.members,
            "open": fingerprint.of_input(path, latest.raw) if path and latest.raw and latest.members else None,
            "text": text,
            "beside": {name: self._beside[name].keep(mark) for name, mark in marks.items()},
            "total": total.to_json(),
        }
        groups = {_TOTAL: total.groups, _TEXT: state if isinstance(state, GroupState) else None}
        pieces = ({"of": name, **piece} for name, it in groups.items() if it is not None for piece in it.to_json())
        snapshot_file.write(self._path, body, pieces)
        self._due = self._clock() + max(SECONDS, _SHARE * (self._clock() - started))

    def _marks(self) -> _Marks:
        return {name: it.mark() for name, it in self._beside.items()}

    def _plain_text(self, text: _Text, position: Position, state: WindowState | GroupState) -> dict[str, Any] | None:
        """Return what is to be known of a text; `None` where it is no longer what was read."""
        found = fingerprint.of_text(text.source, text.dialect, position.offset)
        plain = state.to_json() if isinstance(state, WindowState) else None
        return found and {"fingerprint": found, "position": position._asdict(), "state": plain}

    def _go_on(self, saved: _Saved, source: TextSource, dialect: Dialect, tally: Tally, none: Position) -> Position:
        """Put what is kept of a text into the tally, and leave it out of the text."""
        position = Position(*whole(saved.text["position"][name] for name in Position._fields))
        if not position.offset:
            # nothing is counted, not even how it is written
            position = none
        else:
            self._check_text(saved.text["fingerprint"], source, dialect, position.offset)
            skipped, crc = source.skip(position.offset)
            if skipped < position.offset:
                raise self._refusal(f"{source.name} has {skipped:,} of the {position.offset:,} bytes that are counted")
            if not source.is_plain and crc != position.crc:
                raise self._refusal(f"the bytes of {source.name} that are counted have changed")
        tally.go_on(saved.state)
        if tally.rows != position.rows:
            raise self._refusal("it is damaged")
        for name, it in self._beside.items():
            it.go_on(saved.beside[name], saved.state)
        return position

    def _check_text(self, saved: Mapping[str, Any], source: TextSource, dialect: Dialect, offset: int) -> None:
        found = fingerprint.of_text(source, dialect, offset)
        if saved["input"] != source.name:
            raise self._refusal(f"it is of {saved['input']}, and {source.name} is next")
        if found is None:
            raise self._refusal(f"{source.name} is shorter than what is counted of it")
        if saved["dialect"] != found["dialect"]:
            raise self._refusal(f"{source.name} is understood in another way than when it was counted")
        if saved != found:
            raise self._refusal(f"the bytes of {source.name} that are counted have changed")

    def _check_same(self, before: Mapping[str, Any], now: Mapping[str, Any] | None) -> None:
        if "head" not in before:
            raise self._refusal(f"{before['input']} is no file that could be looked at again")
        if before != now:
            raise self._refusal(f"{before['input']} is not what it was when it was counted")

    def _load(self) -> Mapping[str, Any] | None:
        """Take what an earlier run has written down, if it has; return what it kept beside the counts."""
        try:
            documents = snapshot_file.read(self._path)
            body = next(documents)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refusal(f"it cannot be read: {error.strerror or error}") from error
        text, finished = body["text"], body["finished"]
        self._check_asked(body)
        states: dict[str, GroupState | None] = {_TOTAL: None, _TEXT: None}
        if self._settings.group_by:
            states = {name: self._group_state(()) for name in states}
            for name, pieces in groupby(documents, itemgetter("of")):
                states[name] = self._group_state(pieces)
        self.total = Total.from_json(self._settings, body["total"], states[_TOTAL])
        self._finished, self._next = tuple(finished), len(finished)
        (self._members,) = whole([body["members"]])
        self._open = body["open"] or {}
        if text is not None:
            plain = text.pop("state")
            state = WindowState.from_json(self._settings.counted, plain) if plain is not None else states[_TEXT]
            if state is None:
                raise ValueError("it has no state of the text")
            self._pending = _Saved(text, state, body["beside"])
        kept: Mapping[str, Any] = body["beside"]
        return kept

    def _group_state(self, pieces: Iterable[Mapping[str, Any]]) -> GroupState:
        backwards = self._settings.order == NEWEST_FIRST
        return GroupState.from_json(self._settings.counted, pieces, backwards=backwards, max_bytes=self._groups_bytes)

    def _check_asked(self, body: Mapping[str, Any]) -> None:
        for key, value in self._matters.items():
            # as JSON has it: tuples are lists there
            if json.loads(json.dumps(value)) != body["settings"].get(key):
                raise self._refusal(f'it was written with another setting "{key}"')
        names = [it["input"] for it in body["finished"]]
        names += [] if body["path"] is None else [body["path"]]
        if names != self._paths[: len(names)]:
            raise self._refusal(f"it is of other inputs, {', '.join(names[:3])} to begin with")
        for name in sorted(body["beside"].keys() ^ self._beside.keys()):
            is_kept = name in body["beside"]
            raise self._refusal(f"it has {name}, too, and none are asked for now" if is_kept else f"it has no {name}")

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        """Refuse what cannot be understood of a checkpoint, whoever wrote it."""
        try:
            yield
        except TooManyGroupsError as error:
            raise too_many(error) from None
        except ValueError as error:
            raise self._refusal(str(error)) from error
        except (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
            raise self._refusal("it is damaged") from error

    def _refusal(self, reason: str) -> CheckpointError:
        return CheckpointError(f"{self.name}: cannot go on from this checkpoint: {reason}; {_WAY_OUT}")
