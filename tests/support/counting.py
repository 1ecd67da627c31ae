"""Counts in this process, with chunks and a sample of any size."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from streamsig.engine.pipeline import count_signals
from streamsig.settings.settings import Settings, make_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamsig.engine.result import Result

DEFAULT = Settings()


def sized(
    chunk_bytes: int = DEFAULT.chunk_bytes, sample_bytes: int = DEFAULT.sample_bytes, **settings: Any
) -> Settings:
    """Return settings with these sizes."""
    return replace(make_settings(settings), chunk_bytes=chunk_bytes, sample_bytes=sample_bytes)


def count(*paths: Path, emit: Callable[[Any], None] | None = None, **settings: Any) -> Result:
    """Count as `streamsig.run` does; the settings may contain `chunk_bytes` and `sample_bytes`."""
    return count_signals([str(path) for path in paths], sized(**settings), emit=emit)
