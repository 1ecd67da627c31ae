"""What goes on from a checkpoint beside the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from streamsig.core.groups import GroupState
    from streamsig.core.window import WindowState
    from streamsig.engine.stages.accumulator import Total


class Resumable(Protocol):
    """Follows the rows of a run as they are counted, and goes on behind them in a later run."""

    def mark(self) -> Any:  # noqa: ANN401 (its own affair)
        """Return how far it is; nothing that comes later changes the mark."""

    def keep(self, mark: Any) -> Any:  # noqa: ANN401 (JSON)
        """Make what is before a mark outlive the program; return, as JSON has it, what the two others take."""

    def resume(self, kept: Any, total: Total) -> None:  # noqa: ANN401 (JSON)
        """Go on behind whole inputs, which `total` has counted; begin anew if `kept` is `None`.

        Raises ValueError where what was kept is not there.
        """

    def go_on(self, kept: Any, state: WindowState | GroupState) -> None:  # noqa: ANN401 (JSON)
        """Go on behind the first rows of an input as well, which `state` has counted; it has begun.

        Raises ValueError where the input is not what it was.
        """
