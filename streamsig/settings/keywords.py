"""The keyword arguments of `streamsig.run()` and `scan()`, for type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, TypedDict

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from streamsig.core.signals import Signal


class RunSettings(TypedDict, total=False):
    """Settings as a config file has them (docs/reference/settings.md); `None` is the default."""

    seed: SupportsIndex | None
    window: SupportsIndex | None
    version: str | None
    signals: Mapping[str, Signal | Mapping[str, Any]] | None
    column: str | SupportsIndex | None
    delimiter: str | None
    header: bool | None
    skip_lines: SupportsIndex | None
    encoding: str | None
    decimal: Literal[".", ","] | None
    thousands: str | None
    missing: Sequence[str] | None
    order: Literal["file", "newest-first"] | None
    on_bad_row: Literal["fail", "skip"] | None
    check_order: bool | None
    per_file: bool | None
    group_by: str | SupportsIndex | Sequence[str | SupportsIndex] | None
    rows_means: Literal["all", "none"] | None
    checkpoint: str | os.PathLike[str] | None
    fresh: bool | None
    finished: bool | None
    threads: SupportsIndex | None
    memory_limit: str | SupportsIndex | None
