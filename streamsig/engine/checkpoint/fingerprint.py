"""Fingerprints of inputs, as JSON: sizes, digests and layout at the time of counting."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from streamsig.sources.inputs import opened

if TYPE_CHECKING:
    from streamsig.csv.dialect import Dialect
    from streamsig.engine.batches.batch import OpenInput
    from streamsig.sources.raw_input import RawInput
    from streamsig.sources.text_source import TextSource

_DIGEST_BYTES = 1 << 16


def of_input(path: str, raw: RawInput) -> dict[str, Any]:
    """Return the size of an open input, and digests of its beginning and end.

    If it has grown meanwhile, the size is the number of bytes read. Raises SourceError if it has changed.
    """
    if not raw.is_file:
        return {"input": path, "size_bytes": None}
    size_bytes = max(raw.size_bytes or 0, raw.consumed_bytes)
    fingerprint = {"input": path, "size_bytes": size_bytes, **_ends(raw, size_bytes)}
    # after the digests, which must be those of the bytes read
    raw.check_unchanged()
    return fingerprint


def of_path(path: str) -> dict[str, Any] | None:
    """Return the current fingerprint of a path, `None` if it is not a file."""
    if not os.path.isfile(path):  # noqa: PTH113 (a path stays as given)
        return None
    with opened(path) as raw:
        return of_input(path, raw)


def of_text(opened: OpenInput, text: TextSource | None, offset: int) -> dict[str, Any] | None:
    """Return the dialect of a text or table, and for a plain file digests of both ends of the bytes before an offset.

    Return `None` if the file is shorter. Raises SourceError for a file that has changed since it was opened.
    """
    dialect, ends = opened.layout.dialect, {}
    if text is not None and text.is_plain:
        ends = _ends(text.raw, text.mark_bytes + dialect.body_offset + offset)
    if None in ends.values():
        return None
    if text is not None:
        text.raw.check_unchanged()
    return {"input": opened.name, "dialect": _plain(dialect, text), **ends}


def _ends(raw: RawInput, stop: int) -> dict[str, str | None]:
    head, tail = raw.digest(0, min(stop, _DIGEST_BYTES)), raw.digest(max(0, stop - _DIGEST_BYTES), stop)
    return {"head": head, "tail": tail}


def _plain(dialect: Dialect, text: TextSource | None) -> dict[str, Any]:
    numbers = {**asdict(dialect.numbers), "missing": sorted(dialect.numbers.missing)}
    stored = None if text is None else (text.encoding, text.compression)
    plain = {**asdict(dialect), "numbers": numbers, "stored": stored}
    # the time column does not change the counts, and is only known once there are rows
    del plain["time"]
    as_json: dict[str, Any] = json.loads(json.dumps(plain))
    return as_json
