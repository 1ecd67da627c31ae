"""Fingerprints of inputs: sizes, digests and layout at the time of counting."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from streamsig.sources.inputs import opened

if TYPE_CHECKING:
    from streamsig.engine.batches.batch import OpenInput
    from streamsig.sources.raw_input import RawInput
    from streamsig.sources.text_source import TextSource

_DIGEST_BYTES = 1 << 16


class Fingerprint(NamedTuple):
    """The first bytes of an input: how many, and digests of both their ends; `None` if it is not a file.

    `layout` is how a text is read, as JSON.
    """

    name: str
    size_bytes: int | None = None
    head: str | None = None
    tail: str | None = None
    layout: str = ""


def of_input(path: str, raw: RawInput) -> Fingerprint:
    """Return the fingerprint of an open input.

    If it has grown meanwhile, the size is the number of bytes read. Raises SourceError if it has changed.
    """
    if not raw.is_file:
        return Fingerprint(path)
    made = _of_bytes(path, raw, max(raw.size_bytes or 0, raw.consumed_bytes))
    # after the digests, which must be those of the bytes read
    raw.check_unchanged()
    return made


def of_path(path: str) -> Fingerprint | None:
    """Return the current fingerprint of a path, `None` if it is not a file."""
    if not os.path.isfile(path):  # noqa: PTH113 (a path stays as given)
        return None
    with opened(path) as raw:
        return of_input(path, raw)


def of_text(opened: OpenInput, text: TextSource | None, offset: int) -> Fingerprint | None:
    """Return the fingerprint of a text up to an offset, or of a table, without digests if the text is no plain file.

    Return `None` if the file is shorter. Raises SourceError for a file that has changed since it was opened.
    """
    dialect, made = opened.layout.dialect, Fingerprint(opened.name)
    if text is not None and text.is_plain:
        made = _of_bytes(opened.name, text.raw, text.mark_bytes + dialect.body_offset + offset)
        if None in made:
            return None
    if text is not None:
        text.raw.check_unchanged()
    numbers = {**asdict(dialect.numbers), "missing": sorted(dialect.numbers.missing)}
    stored = None if text is None else (text.encoding, text.compression)
    # the time column does not change the counts, and is only known once there are rows
    layout = {**asdict(dialect), "numbers": numbers, "stored": stored, "time": None}
    return made._replace(layout=json.dumps(layout))


def _of_bytes(name: str, raw: RawInput, stop: int) -> Fingerprint:
    head, tail = raw.digest(0, min(stop, _DIGEST_BYTES)), raw.digest(max(0, stop - _DIGEST_BYTES), stop)
    return Fingerprint(name, stop, head, tail)
