"""The interface of stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamsig.engine.batches.batch import Batch, OpenInput, Position

Part = TypeVar("Part")


class Stage(Protocol[Part]):
    """A step that every batch of a run goes through.

    The loop calls `begin_input`, then `push` for each batch, then `end_input`, for each input in order. Between two
    calls a snapshot may be taken.
    """

    name: ClassVar[str]
    """The name of the stage in a checkpoint."""
    needs_times: ClassVar[bool] = False
    """Whether batches need the times of their rows."""
    needs_lines: ClassVar[bool] = False
    """Whether batches need the physical lines of their rows."""
    emits_rows: ClassVar[bool] = False
    """Whether the rows stay in memory until they are written."""

    def prepare(self, batch: Batch, /) -> Part:
        """Return what `push` needs of a batch; called on any thread, in any order.

        The result must not depend on other batches, and the call must not change the stage.
        """

    def push(self, part: Part, start: Position, /) -> None:
        """Add a batch, in file order; it begins at `start`."""

    def begin_input(self, opened: OpenInput, start: Position, /) -> None:
        """Begin an input; `start` is where a checkpoint continues it.

        Raises ValueError if the input contradicts what was restored.
        """

    def end_input(self) -> None:
        """End the input."""

    def snapshot(self) -> Iterator[object]:
        """Yield the state in pieces of bounded size, each a value for JSON (`core.json_values`)."""

    def restore(self, pieces: Iterable[object], /) -> None:
        """Take what JSON made of a snapshot, before any other call; raises ValueError if it is none."""

    def finish(self) -> None:
        """End the run; most stages have nothing left to do."""
        return
