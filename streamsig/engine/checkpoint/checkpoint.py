"""Saves the progress of a run to a file from which a later run continues (docs/explanation/reliability.md).

A checkpoint has the inputs that are counted, the position in the open one, and a snapshot of each stage and sink.
Inputs are identified by their bytes. A checkpoint is refused if an input, or a setting that changes the counts, has
changed.
"""

from __future__ import annotations

import contextlib
import json
import time
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.core.json_values import decoded
from streamsig.engine.batches.batch import Position  # noqa: TC001 (`decoded` reads it)
from streamsig.engine.checkpoint import fingerprint, snapshot_file
from streamsig.errors import CheckpointError, OutputError, SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streamsig.engine.batches.batch import OpenInput, Step
    from streamsig.engine.sink import Sink
    from streamsig.engine.stages.stage import Stage
    from streamsig.settings.settings import Settings
    from streamsig.sources.raw_input import RawInput
    from streamsig.sources.text_source import TextSource

SECONDS = 3.0
"""The shortest time between two commits; it is longer if a commit takes long."""

_SHARE = 20
_NO_MATTER = frozenset({"seed", "version", "threads", "memory_limit", "checkpoint", "fresh", "finished"})
"""Settings that do not change the counts."""

_WAY_OUT = "start over with `fresh=True`, or name another checkpoint"


class _Place(NamedTuple):
    """Where a checkpoint of the open input stands: after `members` of its texts, and some of the next one.

    That text, or table, is `opened`, and its rows up to `position` are counted; `None` if no row is.
    """

    members: int = 0
    opened: OpenInput | None = None
    text: TextSource | None = None
    position: Position | None = None


class _Body(NamedTuple):
    """The first document of a checkpoint; the others are the states of stages.

    `path` is the open input, of which `members` texts are counted, and `text` up to `position`. `open` is its
    fingerprint, unless that of the text suffices.
    """

    settings: dict[str, object]
    stages: tuple[str, ...]
    sinks: dict[str, dict[str, object]]
    ended: tuple[fingerprint.Fingerprint, ...]
    path: str | None
    members: int
    open: fingerprint.Fingerprint | None
    text: fingerprint.Fingerprint | None
    position: Position | None


class _StageState(NamedTuple):
    stage: str
    state: object


class Checkpoint:
    """Restores the stages and sinks of a run, and commits their snapshots every few seconds.

    The run goes through its inputs within `committing` and through the texts of each within `reading`. It begins a text
    within `beginning`, and changes the stages within `advancing` and `ending`. A failure within one of these two leaves
    the stages half changed, so nothing is committed after it.

    Does nothing if the settings have no checkpoint. Raises CheckpointError for a checkpoint that the run cannot
    continue, OutputError if the file cannot be written, and SourceError for an input that has changed since it was
    opened.
    """

    def __init__(
        self, settings: Settings, paths: Sequence[object], stages: Sequence[Stage[Any]], sinks: Mapping[str, Sink[Any]]
    ) -> None:
        self.is_on, self.name = settings.checkpoint is not None, str(settings.checkpoint)
        self._paths = [path for path in paths if isinstance(path, str)]
        if self.is_on and len(self._paths) < len(paths):
            raise UsageError("a checkpoint is for files; leave it out for frames")
        self._stages, self._sinks, self._path = {stage.name: stage for stage in stages}, sinks, Path(self.name)
        self._matters = {key: value for key, value in settings.as_json().items() if key not in _NO_MATTER}
        self._due = time.monotonic() + SECONDS
        self._ended: tuple[fingerprint.Fingerprint, ...] = ()
        self._raw: RawInput | None = None
        # `None` if nothing can be committed: nothing is counted yet, or the stages are half changed, or the run has not
        # reached the place of an earlier one, or the last text, which may grow, has ended
        self._place: _Place | None = None
        self._may_grow = False
        # the checkpoint of an earlier run, until this run continues its open input
        self._saved: _Body | None = None
        self._restored_inputs = 0
        if self.is_on:
            with self._refusing():
                if settings.fresh or not self._load():
                    for sink in sinks.values():
                        sink.restore(None)

    def has_ended(self, index: int) -> bool:
        """Return whether the input of this index is counted; refuses the checkpoint if the input has changed."""
        if index >= self._restored_inputs:
            return False
        self._check_same(self._ended[index], fingerprint.of_path(self._paths[index]))
        return True

    def has_ended_text(self, member: int) -> bool:
        """Return whether a text of the open input, by index, is counted."""
        return self._saved is not None and member < self._saved.members

    @contextlib.contextmanager
    def committing(self) -> Iterator[None]:
        """Commit at the end of the block; also if an error, or a signal, ends it."""
        with self._committing_on_failure():
            yield
            self.commit()

    @contextlib.contextmanager
    def reading(self, index: int, raw: RawInput) -> Iterator[None]:
        """Wrap the texts of an open input; raises SourceError if it has changed."""
        if not self.is_on:
            yield
            return
        path, self._raw, self._place, saved = self._paths[index], raw, _Place(), self._saved
        if saved is not None:
            self._place = _Place(saved.members) if saved.text is None else None
            if saved.open is not None:
                self._check_same(saved.open, fingerprint.of_input(path, raw))
        with self._committing_on_failure():
            yield
            if self._saved is not None and self._saved.text is not None:
                raise self._refusal(f"{path} no longer has the text that was being counted")
            self._saved = None
            self._ended = (*self._ended, fingerprint.of_input(path, raw))
            self._raw, self._place = None, self._place and _Place()

    @contextlib.contextmanager
    def beginning(
        self, opened: OpenInput, text: TextSource | None, first: Position, *, is_last: bool
    ) -> Iterator[Position]:
        """Wrap the `begin_input` of all stages; yields the position from which to count.

        Skips what is counted of a text, which is at its first row; rows of a table (no text) are left to skip. The last
        text of all (`is_last`) may grow later.
        """
        self._may_grow, saved = is_last, self._saved
        if saved is None:
            yield first
        else:
            with self._refusing():
                place = self._continue(saved, opened, text)
                yield place.position or first
            self._saved, self._place = None, place
        if self._place is not None:
            self._place = self._place._replace(opened=opened, text=text)

    @contextlib.contextmanager
    def advancing(self, step: Step) -> Iterator[None]:
        """Wrap the `push` of all stages; commits after it if that is due, and before a provisional step."""
        if step.provisional:
            self._seal()
        place, self._place = self._place, None
        yield
        if place is not None:
            self._place = place._replace(position=step.after)
            if time.monotonic() >= self._due:
                self.commit()

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """Wrap the `end_input` of all stages; commits before it what may grow."""
        self._seal()
        place, self._place = self._place, None
        yield
        self._place = place and _Place(place.members + 1)

    def commit(self) -> None:
        """Write the snapshots of all stages and sinks, unless no run could continue from here."""
        place, raw, path = self._place, self._raw, None
        if place is None:
            return
        started, position, text, stored = time.monotonic(), place.position, None, None
        if raw is not None:
            path = self._paths[len(self._ended)]
            is_table = position is not None and place.text is None
            if is_table and not raw.is_file:
                # it cannot be compared
                return
            stored = fingerprint.of_input(path, raw) if place.members or is_table else None
        if place.opened is not None and position is not None:
            text = fingerprint.of_text(place.opened, place.text, position.offset)
            if text is None:
                return
        sinks = {name: {**sink.snapshot()} for name, sink in self._sinks.items()}
        body = _Body(self._matters, (*self._stages,), sinks, self._ended, path, place.members, stored, text, position)
        states = (_StageState(name, it) for name, stage in self._stages.items() for it in stage.snapshot())
        snapshot_file.write(self._path, chain([body], states))
        self._due = time.monotonic() + max(SECONDS, _SHARE * (time.monotonic() - started))

    @contextlib.contextmanager
    def _committing_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with contextlib.suppress(OutputError, SourceError):  # the first failure is the one to report
                self.commit()
            # the input closes now
            self._place = None
            raise

    def _seal(self) -> None:
        """Commit the last text, and nothing after it: a later run continues here when the text has grown."""
        if self._may_grow:
            self.commit()
            self._place = None

    def _continue(self, saved: _Body, opened: OpenInput, text: TextSource | None) -> _Place:
        """Skip the counted part of a text; return the place after it."""
        position, before, name = saved.position, saved.text, opened.name
        if position is None or before is None:
            return _Place(saved.members)
        if min(position) < 0:
            raise ValueError("it is damaged")
        now = fingerprint.of_text(opened, text, position.offset)
        if before.name != name:
            raise self._refusal(f"it is of {before.name}, and {name} is next")
        if now is None:
            raise self._refusal(f"{name} is shorter than what is counted of it")
        if before.layout != now.layout:
            raise self._refusal(f"{name} is understood in another way than when it was counted")
        if before != now:
            raise self._refusal(f"the bytes of {name} that are counted have changed")
        if text is not None:
            skipped, crc = text.skip(position.offset)
            if skipped < position.offset:
                raise self._refusal(f"{name} has {skipped:,} of the {position.offset:,} bytes that are counted")
            if not text.is_plain and crc != position.crc:
                raise self._refusal(f"the bytes of {name} that are counted have changed")
        return _Place(saved.members, position=position)

    def _check_same(self, before: fingerprint.Fingerprint, now: fingerprint.Fingerprint | None) -> None:
        if before.head is None:
            raise self._refusal(f"{before.name} is not a file, so it cannot be compared")
        if before != now:
            raise self._refusal(f"{before.name} is not what it was when it was counted")

    def _load(self) -> bool:
        """Restore the checkpoint of an earlier run; return whether there is one."""
        try:
            documents = snapshot_file.read(self._path)
            body = decoded(_Body, next(documents))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._refusal(f"it cannot be read: {error.strerror or error}") from error
        self._check_run(body)
        self._ended, self._restored_inputs, self._saved = body.ended, len(body.ended), body
        left, states = dict(self._stages), (decoded(_StageState, each) for each in documents)
        for name, some in groupby(states, attrgetter("stage")):
            left.pop(name).restore(each.state for each in some)
        if left:
            raise ValueError(f"it has no {next(iter(left))}")
        for name, sink in self._sinks.items():
            sink.restore(body.sinks[name])
        return True

    def _check_run(self, body: _Body) -> None:
        for key, value in self._matters.items():
            # as JSON has it: tuples are lists there
            if json.loads(json.dumps(value)) != body.settings.get(key):
                raise self._refusal(f'it was written with another setting "{key}"')
        names = [it.name for it in body.ended]
        names += [] if body.path is None else [body.path]
        if names != self._paths[: len(names)]:
            raise self._refusal(f"it is of other inputs, {', '.join(names[:3])} to begin with")
        saved, current = {*body.stages, *body.sinks}, {*self._stages, *self._sinks}
        for name in sorted(saved ^ current):
            reason = f"it also has {name}, which this run does not have" if name in saved else f"it has no {name}"
            raise self._refusal(reason)

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        """Refuse the checkpoint if the block cannot read its contents, even if its CRC is right."""
        try:
            yield
        except ValueError as error:
            raise self._refusal(str(error)) from error
        except (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
            raise self._refusal("it is damaged") from error

    def _refusal(self, reason: str) -> CheckpointError:
        return CheckpointError(f"{self.name}: cannot resume from this checkpoint: {reason}; {_WAY_OUT}")
