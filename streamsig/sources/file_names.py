"""The order of file names, and whether they are those of tables."""

from __future__ import annotations

import re
from pathlib import PurePath

SURELY_TABLES = frozenset({".csv", ".tsv", ".tab", ".parquet", ".arrow", ".feather", ".ipc"})
"""Endings that only tables have."""

TABLES = SURELY_TABLES | {".txt", ".dat", ".prn", ".zip"}
"""Endings that price files may have."""

_PACKED = frozenset({".gz", ".bz2", ".zst", ".lz4", ".xz"})


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts names as people do: `2024-2` before `2024-10`."""
    parts = re.split(r"([0-9]{1,1000})", name)  # more digits at once Python does not take for a number
    return tuple((0, int(part), "") if place % 2 else (1, 0, part) for place, part in enumerate(parts))


def ending(name: str) -> str:
    """Return the ending of a name in lower case, without that of a compression: `.csv` of `X.CSV.gz`."""
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""
