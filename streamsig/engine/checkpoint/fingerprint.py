"""What an input was when it was counted: sizes, digests and layout, as JSON has them."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from streamsig.sources.inputs import opened

if TYPE_CHECKING:
    from streamsig.csv.dialect import Dialect
    from streamsig.sources.raw_input import RawInput
    from streamsig.sources.text_source import TextSource

_DIGEST_BYTES = 1 << 16


def of_input(path: str, raw: RawInput) -> dict[str, Any]:
    """Return what an open input of this name is: its size, and digests of its beginning and its end.

    The size is that which was read, if it has grown while it was. Raises SourceError for one that has changed.
    """
    if not raw.is_file:
        return {"input": path, "size_bytes": None}
    size_bytes = max(raw.size_bytes or 0, raw.consumed_bytes)
    found = {"input": path, "size_bytes": size_bytes, **_ends(raw, size_bytes)}
    # behind the digests: they are of what was read
    raw.check_unchanged()
    return found


def of_path(path: str) -> dict[str, Any] | None:
    """Return what the input of a name is by now, `None` where it is no file."""
    if not os.path.isfile(path):  # noqa: PTH113 (names stay as given)
        return None
    with opened(path) as raw:
        return of_input(path, raw)


def of_text(source: TextSource, dialect: Dialect, offset: int) -> dict[str, Any] | None:
    """Return what a text is up to an offset; `None` where there is less of it.

    Of a plain file digests of the beginning and the end of that, none of other texts. Raises SourceError for a file
    that has changed since it was opened.
    """
    ends = _ends(source.raw, source.mark_bytes + dialect.body_offset + offset) if source.is_plain else {}
    if None in ends.values():
        return None
    source.raw.check_unchanged()
    return {"input": source.name, "dialect": _plain(dialect, source), **ends}


def _ends(raw: RawInput, stop: int) -> dict[str, str | None]:
    head, tail = raw.digest(0, min(stop, _DIGEST_BYTES)), raw.digest(max(0, stop - _DIGEST_BYTES), stop)
    return {"head": head, "tail": tail}


def _plain(dialect: Dialect, source: TextSource) -> dict[str, Any]:
    numbers = {**asdict(dialect.numbers), "missing": sorted(dialect.numbers.missing)}
    plain = {**asdict(dialect), "numbers": numbers, "encoding": source.encoding, "compression": source.compression}
    # which column tells the time is no matter of the counts, and shows only when there are rows
    del plain["time"]
    found: dict[str, Any] = json.loads(json.dumps(plain))
    return found
