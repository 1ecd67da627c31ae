"""streamsig: exact signal counts over price files larger than memory.

    >>> import streamsig
    >>> result = streamsig.run("data.csv", window=5)
    >>> result.signal_count, result.rows_processed
    (4641, 10000)

Tables and columns of other libraries are counted like files, and `scan` returns the rows with their signals:

    >>> import numpy as np
    >>> streamsig.run(np.array([1.5, 1.75, np.nan, 2.0, 2.25]), window=2).signal_count
    2
    >>> streamsig.scan("data.csv", window=5).read_next_batch().num_columns
    6

For closes from elsewhere, update a `WindowState` with `Ticks`:

    >>> import pyarrow as pa
    >>> from decimal import Decimal
    >>> state = streamsig.WindowState.empty([streamsig.Signal(fast=1, slow=2)])
    >>> batch = pa.array([Decimal("1.50"), Decimal("1.75"), None], pa.decimal128(38, 2))
    >>> state = state.update(streamsig.Ticks.from_arrow(batch))
    >>> state.rows, state.rows_missing, state.counts
    (3, 1, (1,))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from streamsig._version import __version__

if TYPE_CHECKING:
    from streamsig.api import run, scan
    from streamsig.core.signals import Signal
    from streamsig.core.ticks import Ticks
    from streamsig.core.window import Fold, WindowState
    from streamsig.engine.result import Result
    from streamsig.errors import (
        BadRowError,
        CheckpointError,
        ColumnError,
        ConfigError,
        LayoutError,
        OutputError,
        SourceError,
        StreamsigError,
        UsageError,
    )

__all__ = [
    "BadRowError",
    "CheckpointError",
    "ColumnError",
    "ConfigError",
    "Fold",
    "LayoutError",
    "OutputError",
    "Result",
    "Signal",
    "SourceError",
    "StreamsigError",
    "Ticks",
    "UsageError",
    "WindowState",
    "__version__",
    "run",
    "scan",
]

_HOMES = {
    "streamsig.api": {"run", "scan"},
    "streamsig.core.signals": {"Signal"},
    "streamsig.core.ticks": {"Ticks"},
    "streamsig.core.window": {"Fold", "WindowState"},
    "streamsig.engine.result": {"Result"},
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 (whatever has that name)
    # imported on first use: the command line must handle signals before that
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    home = next((home for home, names in _HOMES.items() if name in names), "streamsig.errors")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return __all__
