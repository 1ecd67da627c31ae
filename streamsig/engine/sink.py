"""The interface of sinks, to which a run writes its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

Item_contra = TypeVar("Item_contra", contravariant=True)


@runtime_checkable
class Sink(Protocol[Item_contra]):
    """A file that appears whole or not at all: `commit` makes it visible, `abort` discards it.

    All methods may raise OutputError.
    """

    def write(self, item: Item_contra, /) -> None:
        """Add a record batch, or a rejected row."""

    def snapshot(self) -> Mapping[str, Any]:
        """Write everything so far to disk; return what `restore` takes, as JSON."""

    def restore(self, snapshot: Mapping[str, Any] | None) -> None:
        """Continue after a snapshot of an earlier run, or start over for `None`; call this before `write`.

        Raises ValueError if the file no longer holds it.
        """

    def finish(self) -> None:
        """Write everything to disk, the end of the format included, so that `commit` is unlikely to fail."""

    def commit(self) -> None:
        """Finish, and make the file visible."""

    def abort(self) -> None:
        """Leave what was at the path unchanged; do nothing after `commit`."""
