"""The interface of stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from streamsig.engine.batches.batch import Batch, OpenInput, Position

Part = TypeVar("Part")

if TYPE_CHECKING:
    Document = Mapping[str, Any]
    """A JSON object."""


class Stage(Protocol[Part]):
    """A step that every batch of a run goes through.

    The loop calls `begin_input`, then `push` for each batch, then `end_input`, for each input in order. Between two
    calls a snapshot may be taken.
    """

    @property
    def name(self) -> str:
        """The name of the stage in a checkpoint."""

    def prepare(self, batch: Batch, /) -> Part:
        """Return what `push` needs of a batch. A pure function: it is called on any thread, in any order."""

    def push(self, part: Part, start: Position, /) -> None:
        """Add a batch, in file order; it begins at `start`."""

    def begin_input(self, opened: OpenInput, start: Position, /) -> None:
        """Begin an input; `start` is where a checkpoint continues it.

        Raises ValueError if the input contradicts what was restored.
        """

    def end_input(self) -> None:
        """End the input."""

    def snapshot(self) -> Iterator[Document]:
        """Yield the state in pieces of bounded size."""

    def restore(self, documents: Iterable[Document], /) -> None:
        """Take the state of an earlier run, before any other call; raises ValueError if it is no snapshot."""

    def finish(self) -> None:
        """End the run."""
