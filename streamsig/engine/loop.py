"""The loop: every batch of an input goes through every stage, in file order."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from streamsig.engine.events import Advanced
from streamsig.stopping import check_stop

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from streamsig.engine.batches.batch import Batch, OpenInput, Position, Step
    from streamsig.engine.budget import Budget
    from streamsig.engine.checkpoint.checkpoint import Checkpoint
    from streamsig.engine.detection import LayoutDetector
    from streamsig.engine.events import Observer
    from streamsig.engine.stages.accumulator import Accumulator
    from streamsig.engine.stages.input_checks import InputChecks
    from streamsig.engine.stages.stage import Stage
    from streamsig.settings.settings import Settings

    Prepare = Callable[[Batch], tuple[object, ...]]


class BatchSource(Protocol):
    """An open input as a run of batches."""

    @property
    def opened(self) -> OpenInput:
        """The input as stages see it."""

    @property
    def first(self) -> Position:
        """The position of the first row."""

    @property
    def warnings(self) -> Sequence[str]:
        """Warnings that need the whole input; complete after the last step."""

    @property
    def consumed_bytes(self) -> int:
        """Bytes of the input, as stored, read so far."""

    def steps(self, prepare: Prepare, start: Position) -> Generator[Step, None, None]:
        """Yield the batches from a position on, in file order; `prepare` is called on any thread."""


class Run(NamedTuple):
    """What all inputs of a run share."""

    settings: Settings
    observe: Observer
    budget: Budget
    detector: LayoutDetector
    checkpoint: Checkpoint
    checks: InputChecks
    accumulator: Accumulator[Any]
    stages: Sequence[Stage[Any]]

    def prepare(self, batch: Batch) -> tuple[object, ...]:
        """Return what each stage prepares of a batch, in the order of the stages."""
        return tuple(stage.prepare(batch) for stage in self.stages)

    @property
    def needs_times(self) -> bool:
        """Whether a stage needs the times of rows."""
        return any(stage.needs_times for stage in self.stages)

    @property
    def needs_lines(self) -> bool:
        """Whether a stage needs the physical lines of rows."""
        return any(stage.needs_lines for stage in self.stages)

    @property
    def emits_rows(self) -> bool:
        """Whether a stage emits the rows."""
        return any(stage.emits_rows for stage in self.stages)


def count_input(source: BatchSource, start: Position, run: Run) -> None:
    """Count an input from a position on; raises the errors of its source and of the stages."""
    position, accumulator = start, run.accumulator
    with closing(source.steps(run.prepare, start)) as steps:
        for step in steps:
            with run.checkpoint.advancing(step):
                for stage, part in zip(run.stages, step.parts, strict=True):
                    stage.push(part, position)
            position = step.after
            run.observe(Advanced(source.consumed_bytes, accumulator.rows, accumulator.signals))
            check_stop()
            # free the parts before the next batch is read
            del step, part
    with run.checkpoint.ending():
        for stage in run.stages:
            stage.end_input()
    for message in source.warnings:
        run.checks.warn(source.opened.name, message)
