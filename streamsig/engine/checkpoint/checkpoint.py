"""Saves the progress of a run to a file from which a later run continues (docs/explanation/reliability.md).

A checkpoint has the inputs that are counted, the position in the open one, and a snapshot of each stage and sink.
Inputs are identified by their bytes. A checkpoint is refused if an input, or a setting that changes the counts, has
changed.
"""

from __future__ import annotations

import contextlib
import json
import time
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.core.json_arrays import whole
from streamsig.engine.batches.batch import Position
from streamsig.engine.checkpoint import fingerprint, snapshot_file
from streamsig.errors import CheckpointError, OutputError, SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from streamsig.csv.dialect import Dialect
    from streamsig.engine.batches.batch import Step
    from streamsig.engine.sink import Sink
    from streamsig.engine.stages.stage import Document, Stage
    from streamsig.settings.settings import Settings
    from streamsig.sources.raw_input import RawInput
    from streamsig.sources.text_source import TextSource

SECONDS = 3.0
"""The shortest time between two commits; it is longer if a commit takes long."""

_SHARE = 20
_NO_MATTER = frozenset({"seed", "version", "threads", "memory_limit", "checkpoint", "fresh", "finished"})
"""Settings that do not change the counts."""

_WAY_OUT = "start over with `fresh=True`, or name another checkpoint"


class _OpenText(NamedTuple):
    """The open text, its dialect, and the position up to which it is counted."""

    source: TextSource
    dialect: Dialect
    position: Position


class Checkpoint:
    """Restores the stages and sinks of a run, and commits their snapshots every few seconds.

    Does nothing if the settings have no checkpoint. Raises CheckpointError for a checkpoint that the run cannot
    continue, OutputError if the file cannot be written, and SourceError for an input that has changed since it was
    opened.
    """

    def __init__(
        self,
        settings: Settings,
        paths: Sequence[object],
        stages: Sequence[Stage[Any]],
        sinks: Mapping[str, Sink[Any]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_on, self.name = settings.checkpoint is not None, str(settings.checkpoint)
        self._settings, self._clock = settings, clock
        self._paths = [path for path in paths if isinstance(path, str)]
        if self.is_on and len(self._paths) < len(paths):
            raise UsageError("a checkpoint is for files; leave it out for frames")
        self._stages, self._sinks, self._path = {stage.name: stage for stage in stages}, sinks, Path(self.name)
        self._matters = {key: value for key, value in settings.as_json().items() if key not in _NO_MATTER}
        self._due = clock() + SECONDS
        # inputs that have ended, and the number of texts of the open input that have
        self._ended: tuple[Document, ...] = ()
        self._members = 0
        self._raw: RawInput | None = None
        self._text: _OpenText | None = None
        # whether an input was begun, and whether a checkpoint was written
        self._has_begun = self._has_committed = False
        # whether the stages are between two batches, at a position from which a later run can continue
        self._is_consistent = True
        self._is_sealed = self._is_last_text = False
        # the open input of an earlier run, until this run has continued it
        self._restored_open: Document = {}
        self._restored_text: Document | None = None
        self._restored_members, self._restored_inputs = 0, 0
        self._is_restored = False
        if self.is_on:
            with self._refusing():
                self._is_restored = not settings.fresh and self._load()
                if not self._is_restored:
                    for sink in sinks.values():
                        sink.restore(None)

    def has_ended(self, index: int) -> bool:
        """Return whether the input of this index is counted; refuses the checkpoint if the input has changed."""
        if index >= self._restored_inputs:
            return False
        with self._refusing():
            self._check_same(self._ended[index], fingerprint.of_path(self._paths[index]))
        return True

    def has_ended_text(self, index: int, member: int, raw: RawInput) -> bool:
        """Return whether a text of the open input, by index, is counted; refuses if the input has changed."""
        if not self.is_on or index != self._restored_inputs or member >= self._restored_members:
            return False
        if member == 0:
            with self._refusing():
                self._check_same(self._restored_open, fingerprint.of_input(self._paths[index], raw))
        self._members = member + 1
        return True

    def begin_input(self, raw: RawInput) -> None:
        """Note that an input is open."""
        self._raw, self._members, self._has_begun = raw, 0, True

    def begin_text(self, source: TextSource, dialect: Dialect, start: Position, *, is_last: bool) -> Position:
        """Skip the rows of a text that are counted; return the position after them, `start` if there are none.

        The text is at its first row. The last text of all (`is_last`) may grow later.
        """
        self._is_last_text = is_last
        if not self.is_on:
            return start
        if self._restored_text is not None:
            with self._refusing():
                start = self._continue(self._restored_text, source, dialect, start)
        self._text = _OpenText(source, dialect, start)
        return start

    @contextlib.contextmanager
    def beginning(self) -> Iterator[None]:
        """Wrap the `begin_input` of all stages; refuses the checkpoint if the restored state does not fit the input."""
        with self._refusing() if self._is_restored else contextlib.nullcontext():
            yield
        self._restored_text = None

    def begin_table(self, name: str) -> None:
        """Note that the open input is a table: a run cannot continue within it."""
        if self._restored_text is not None:
            raise self._refusal(f"{name} is understood in another way than when it was counted")
        if not self._has_committed or self._clock() >= self._due:
            self.commit()
        self._is_consistent = not self.is_on

    def before(self, step: Step, position: Position) -> None:
        """Note that the stages are about to take a batch that begins at a position."""
        if step.provisional and self._is_last_text:
            self._seal(position)
        self._is_consistent = False

    def after(self, position: Position) -> None:
        """Note that all stages have the batch that ends at a position; commit if it is due."""
        if self._text is None:
            return
        self._text = self._text._replace(position=position)
        self._is_consistent = True
        if self._clock() >= self._due:
            self.commit()

    def before_end(self, position: Position) -> None:
        """Note that the stages are about to end an input; the last text is sealed, as it may grow later."""
        if self._is_last_text:
            self._seal(position)
        self._is_consistent = False

    def end_text(self) -> None:
        """Note that the open text, or table, is counted."""
        self._text, self._is_consistent, self._is_last_text = None, True, False
        self._members += 1

    def end_input(self, index: int) -> None:
        """Note that all texts of an input are counted; raises SourceError if it has changed."""
        if not self.is_on or self._raw is None:
            return
        if self._restored_text is not None:
            raise self._refusal(f"{self._paths[index]} no longer has the text that was being counted")
        self._ended = (*self._ended, fingerprint.of_input(self._paths[index], self._raw))
        self._raw, self._members, self._restored_members = None, 0, 0

    @contextlib.contextmanager
    def committing_on_failure(self) -> Iterator[None]:
        """Commit what is counted if an error, or a signal, ends the block."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(OutputError, SourceError):  # the first failure is the one to report
                self.commit()
            raise

    def commit(self) -> None:
        """Write the snapshots of all stages and sinks, unless no run could continue from here."""
        is_pending = self._restored_text is not None or self._members < self._restored_members
        if not self.is_on or not self._has_begun or self._is_sealed or not self._is_consistent or is_pending:
            return
        if self._raw is not None and self._raw.closed:
            return
        started, text = self._clock(), None
        if self._text is not None:
            text = self._text_document(self._text)
            if text is None:
                return
        path = None if self._raw is None else self._paths[len(self._ended)]
        body = {
            "settings": self._matters,
            "ended": self._ended,
            "path": path,
            "members": self._members,
            "open": fingerprint.of_input(path, self._raw) if path and self._raw and self._members else None,
            "text": text,
            "stages": list(self._stages),
            "sinks": {name: sink.snapshot() for name, sink in self._sinks.items()},
        }
        documents = ({"of": name, **it} for name, stage in self._stages.items() for it in stage.snapshot())
        snapshot_file.write(self._path, body, documents)
        self._has_committed = True
        self._due = self._clock() + max(SECONDS, _SHARE * (self._clock() - started))

    def _seal(self, position: Position) -> None:
        """Commit the last text up to a position, and nothing after it."""
        if self.is_on and self._text is not None:
            self._text = self._text._replace(position=position)
            self.commit()
            self._is_sealed = True

    def _text_document(self, text: _OpenText) -> Document | None:
        """Return fingerprint and position of a text; `None` if it has become shorter."""
        current = fingerprint.of_text(text.source, text.dialect, text.position.offset)
        return current and {"fingerprint": current, "position": text.position._asdict()}

    def _continue(self, text: Document, source: TextSource, dialect: Dialect, start: Position) -> Position:
        """Skip the counted part of a text; return the position after it."""
        position = Position(*whole(text["position"][name] for name in Position._fields))
        if not position.offset:
            # nothing is counted, and the layout may still change
            return start
        self._check_text(text["fingerprint"], source, dialect, position.offset)
        skipped, crc = source.skip(position.offset)
        if skipped < position.offset:
            raise self._refusal(f"{source.name} has {skipped:,} of the {position.offset:,} bytes that are counted")
        if not source.is_plain and crc != position.crc:
            raise self._refusal(f"the bytes of {source.name} that are counted have changed")
        return position

    def _check_text(self, saved: Document, source: TextSource, dialect: Dialect, offset: int) -> None:
        current = fingerprint.of_text(source, dialect, offset)
        if saved["input"] != source.name:
            raise self._refusal(f"it is of {saved['input']}, and {source.name} is next")
        if current is None:
            raise self._refusal(f"{source.name} is shorter than what is counted of it")
        if saved["dialect"] != current["dialect"]:
            raise self._refusal(f"{source.name} is understood in another way than when it was counted")
        if saved != current:
            raise self._refusal(f"the bytes of {source.name} that are counted have changed")

    def _check_same(self, before: Document, now: Document | None) -> None:
        if "head" not in before:
            raise self._refusal(f"{before['input']} is not a file, so it cannot be compared")
        if before != now:
            raise self._refusal(f"{before['input']} is not what it was when it was counted")

    def _load(self) -> bool:
        """Restore the checkpoint of an earlier run; return whether there is one."""
        try:
            documents = snapshot_file.read(self._path)
            body = next(documents)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._refusal(f"it cannot be read: {error.strerror or error}") from error
        self._check_run(body)
        self._ended, self._restored_inputs = tuple(body["ended"]), len(body["ended"])
        (self._restored_members,) = whole([body["members"]])
        self._restored_open, self._restored_text = body["open"] or {}, body["text"]
        left = dict(self._stages)
        for name, pieces in groupby(documents, itemgetter("of")):
            left.pop(name).restore(pieces)
        if left:
            raise ValueError(f"it has no {next(iter(left))}")
        for name, sink in self._sinks.items():
            sink.restore(body["sinks"][name])
        return True

    def _check_run(self, body: Document) -> None:
        for key, value in self._matters.items():
            # as JSON has it: tuples are lists there
            if json.loads(json.dumps(value)) != body["settings"].get(key):
                raise self._refusal(f'it was written with another setting "{key}"')
        names = [it["input"] for it in body["ended"]]
        names += [] if body["path"] is None else [body["path"]]
        if names != self._paths[: len(names)]:
            raise self._refusal(f"it is of other inputs, {', '.join(names[:3])} to begin with")
        saved, current = {*body["stages"], *body["sinks"]}, {*self._stages, *self._sinks}
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
