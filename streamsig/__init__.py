"""streamsig: exact signal counts over price files larger than memory.

    >>> import streamsig
    >>> result = streamsig.run("data.csv", window=5)
    >>> result.signal_count, result.rows_processed
    (4641, 10000)

For closes that come from elsewhere, feed `WindowState` with `Ticks`:

    >>> import pyarrow as pa
    >>> from decimal import Decimal
    >>> state = streamsig.WindowState.empty([streamsig.Signal(fast=1, slow=2)])
    >>> batch = pa.array([Decimal("1.50"), Decimal("1.75"), None], pa.decimal128(38, 2))
    >>> state = state.update(streamsig.Ticks.from_arrow(batch))
    >>> state.rows, state.rows_missing, state.counts
    (3, 1, (1,))
"""

from __future__ import annotations

import os
from typing import Any

from streamsig._version import __version__
from streamsig.config import make_settings
from streamsig.core.signals import Signal
from streamsig.core.ticks import Ticks
from streamsig.core.window import Fold, WindowState
from streamsig.errors import (
    BadRowError,
    ConfigError,
    LayoutError,
    OutputError,
    SourceError,
    StreamsigError,
    UsageError,
)
from streamsig.run.pipeline import Result, count_signals

__all__ = [
    "BadRowError",
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
]


def run(*paths: str | os.PathLike[str], **settings: Any) -> Result:  # noqa: ANN401 (checked by make_settings)
    """Count on how many rows of price files the close is above its rolling mean, exactly.

    `paths` name files, plain or compressed, globs or folders, or are `-` for standard input; several
    are one series in natural order. `settings` are those of the config file (`window=5`,
    `column="close"`, `order="newest-first"`, ...); no config file is read.
    Memory does not grow with the files, time is linear in them. A file of no rows gives zeros.
    Raises UsageError for settings, SourceError, LayoutError and BadRowError for the inputs.
    """
    return count_signals([os.fspath(path) for path in paths], make_settings(settings))
