"""The events of a run, for progress bars, logs and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class RunStarted(NamedTuple):
    """A run begins with these settings; `versions` are those of the program and its libraries.

    `sizes` are the names and sizes of all its inputs, in order; empty if one size is unknown.
    """

    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    sizes: Sequence[tuple[str, int]] = ()


class InputFound(NamedTuple):
    """An input is open and its layout known; `size_bytes` is `None` for a pipe."""

    name: str
    size_bytes: int | None
    layout: Mapping[str, Any]


class Resumed(NamedTuple):
    """A run continues from a checkpoint: bytes of the text that it skips, and rows of all inputs counted so far."""

    input: str
    bytes_skipped: int
    rows_processed: int


class Warned(NamedTuple):
    """A warning for a person; the run continues."""

    message: str


class Rejected(NamedTuple):
    """A bad row was left out: the physical line on which it starts, what is wrong, and the row as it is in the file."""

    name: str
    line: int
    column: str
    reason: str
    row: str


class Advanced(NamedTuple):
    """Progress: bytes of the open input, and rows and signals since the start of the run."""

    bytes_read: int
    rows_processed: int
    signal_count: int


class OrderChecked(NamedTuple):
    """The times of all rows were compared; `order` is the key of the metrics."""

    order: Mapping[str, Any]


class RunFinished(NamedTuple):
    """A run succeeded, with these metrics."""

    metrics: Mapping[str, Any]


class RunFailed(NamedTuple):
    """A run failed; `kind` is the class name of the error, and `trace` the traceback of a bug."""

    kind: str
    message: str
    exit_code: int
    trace: str | None = None


Event = RunStarted | InputFound | Resumed | Warned | Rejected | Advanced | OrderChecked | RunFinished | RunFailed
"""All events, in the order in which a run emits them; those about an input come for each input."""

if TYPE_CHECKING:
    Observer = Callable[[Event], None]
