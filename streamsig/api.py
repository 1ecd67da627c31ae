"""What Python programs call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from streamsig.config import make_settings
from streamsig.engine.pipeline import count_signals

if TYPE_CHECKING:
    from streamsig.engine.result import Result


def run(*paths: str | os.PathLike[str], **settings: Any) -> Result:  # noqa: ANN401 (checked by make_settings)
    """Count on how many rows of price files the close is above its rolling mean, exactly.

    `paths` name files, plain or compressed, globs or folders, or are `-` for standard input; several
    are one series in natural order. `settings` are those of the config file (`window=5`,
    `column="close"`, `order="newest-first"`, ...); no config file is read.
    Memory does not grow with the files, time is linear in them. A file of no rows gives zeros.
    Raises UsageError for settings, SourceError, LayoutError and BadRowError for the inputs.
    """
    return count_signals([os.fspath(path) for path in paths], make_settings(settings))
