"""What all inputs of a run share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamsig.config import Settings
    from streamsig.engine.budget import Budget, Plan
    from streamsig.engine.checkpoint.checkpoint import Checkpoint
    from streamsig.engine.events import Observer
    from streamsig.engine.stages.accumulator import Total
    from streamsig.engine.stages.rows_out import Teller
    from streamsig.engine.stages.time_order import SeriesOrder


@dataclass(frozen=True, slots=True)
class Run:
    """A run: what was asked, who is told, and what has come of the inputs so far.

    What is `None` was not asked for.
    """

    settings: Settings
    observe: Observer
    budget: Budget
    total: Total
    checkpoint: Checkpoint | None = None
    teller: Teller | None = None
    order: SeriesOrder | None = None

    @property
    def plan(self) -> Plan:
        """How the run keeps within its memory."""
        return self.budget.plan

    def end_input(self) -> None:
        """Let what goes on beside the counts know that an input has ended."""
        if self.teller is not None:
            self.teller.end()
        if self.order is not None:
            self.order.end()
