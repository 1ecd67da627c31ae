"""One sentence for each event that people read: warnings and the order of times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamsig.engine.events import OrderChecked, Warned
from streamsig.sinks.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamsig.engine.events import Event

_KINDS = (
    ("steps_back", "first_step_back", "step back", "steps back"),
    ("duplicates", "first_duplicate", "duplicate", "duplicates"),
    ("gaps", "first_gap", "gap", "gaps"),
    ("unreadable", "first_unreadable", "time that cannot be read", "times that cannot be read"),
)


def message_of(event: Event) -> str | None:
    """Return a warning or the result of `check_order` in one sentence, `None` for other events."""
    if isinstance(event, Warned):
        return f"warning: {event.message}"
    return _order_sentence(event.order) if isinstance(event, OrderChecked) else None


def _order_sentence(order: Mapping[str, Any]) -> str:
    """Return the number of findings of each kind, and the place of the first."""
    parts = []
    for key, first, one, many in _KINDS:
        count, place = order[key], order[first]
        if count is None:
            parts.append("no usual step, so gaps are unknown")
            continue
        where = f" (the first at {place['file']}, line {place['line']}: {place['time']!r})" if place else ""
        parts.append(f"{count:,} {one if count == 1 else many}{where}")
    if order["usual_step_seconds"] is not None:
        parts.append(f"the usual step is {order['usual_step_seconds']:,.15g} s")
    return printable(f"order of times: {'; '.join(parts)}")
