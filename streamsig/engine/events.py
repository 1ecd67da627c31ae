"""What happens in a run, as values; progress bars, logs and reports listen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins; `settings` are those that it will obey, `versions` name the program and its libraries."""

    settings: Mapping[str, Any]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class InputFound:
    """An input is open and its layout known; `size_bytes` is `None` for a pipe."""

    name: str
    size_bytes: int | None
    layout: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resumed:
    """A checkpoint has the first rows of an input: so many bytes of its text, and rows of the run with those before."""

    input: str
    bytes_skipped: int
    rows_processed: int


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that a person should know, and that does not stop the run."""

    message: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A bad row was left out: the physical line it starts on, what is wrong, and the row as it stands in the file."""

    name: str
    line: int
    column: str
    reason: str
    row: str


@dataclass(frozen=True, slots=True)
class Advanced:
    """More is counted: bytes of the input that was found last, rows and signals since the start of the run."""

    bytes_read: int
    rows_processed: int
    signal_count: int


@dataclass(frozen=True, slots=True)
class OrderChecked:
    """The times of all rows were compared; `order` is what the metrics say of it."""

    order: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run ended well, with these metrics."""

    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunFailed:
    """A run ended in an error; `kind` is the error's class name, `trace` is there only for a bug."""

    kind: str
    message: str
    exit_code: int
    trace: str | None = None


Event = RunStarted | InputFound | Resumed | Warned | Rejected | Advanced | OrderChecked | RunFinished | RunFailed
"""Every event there is; in a run they come in this order, those about an input for each of them."""

if TYPE_CHECKING:
    Observer = Callable[[Event], None]
