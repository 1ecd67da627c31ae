"""How records are marked off in a text: the delimiter, and lines that are quoted as a whole."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from streamsig.ingest.cells import Kind, kinds
from streamsig.ingest.names import roles
from streamsig.ingest.records import LINE_END, Record, skip_blank_lines, split_records, unwrapped

DELIMITERS = (",", ";", "\t", "|")

_LOOKED_AT = 200
_WIDE, _WIDEST = 100, 1000
_SEP_LINE = re.compile(rb'\s*"?sep=(?P<mark>[^"\r\n])"?[ \t,;]*(?:\r\n|\n|\r|\Z)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Framing:
    """How records are marked off, and the byte and physical line from which on they are."""

    delimiter: str
    line_quoted: bool
    start: int
    line: int
    why: str


def find_framing(sample: bytes, start: int, line: int, asked: str | None) -> Framing:
    """Choose the delimiter under which most records have the same number of fields that look like data."""
    stated = _SEP_LINE.match(sample, start)
    if stated:
        start, line = stated.end(), line + 1
        asked = asked or stated["mark"].decode("latin-1")
    marks = (asked,) if asked else DELIMITERS
    why = "asked for" if asked and not stated else "stated by the line sep=" if stated else "most even records"
    trials = [(mark, quoted) for quoted in (False, True) for mark in marks]
    if not _lines_are_quoted(sample, start):
        trials = trials[: len(marks)]
    scores = {trial: _score(sample, start, *trial) for trial in trials}
    delimiter, line_quoted = max(scores, key=lambda trial: scores[trial])
    return Framing(delimiter, line_quoted, start, line, why)


def typical_fields(records: list[Record]) -> int:
    """Return the number of fields that most records have; of two as frequent ones, the larger."""
    counts = Counter(len(record.fields) for record in records)
    return max(counts, key=lambda count: (counts[count], count), default=1)


def _score(sample: bytes, start: int, delimiter: str, line_quoted: bool) -> tuple[float, int]:  # noqa: FBT001
    """Rate one framing, from 0 to 1, then by its number of fields."""
    found = split_records(sample, delimiter, line_quoted=line_quoted, start=start)
    records = list(islice(found, _LOOKED_AT))
    fields = typical_fields(records)
    if fields == 1:
        # what splits nothing is the answer only if nothing else is one
        return 0.01, 1
    typical = [record.fields for record in records if len(record.fields) == fields]
    data = cells = 0
    for record in typical:
        looks = [kind for kind in kinds(record[:_WIDEST]) if kind is not Kind.MISSING]
        data += sum(kind.typed for kind in looks)
        cells += len(looks)
    named = max((sum(role is not None for role in roles(record.fields[:_WIDE])) for record in records[:40]), default=0)
    look = data / cells if cells else 0.0
    return (len(typical) / len(records)) * (0.1 + 0.7 * look + 0.2 * min(1.0, named / fields)), fields


def _lines_are_quoted(sample: bytes, start: int) -> bool:
    """Tell whether nearly every line is one quoted text, and not just one quoted number."""
    lines: list[bytes] = []
    position = start
    while len(lines) < _LOOKED_AT and position < len(sample):
        position = skip_blank_lines(sample, position)
        end = LINE_END.search(sample, position)
        line = sample[position : end.start() if end else len(sample)].strip()
        position = end.end() if end else len(sample)
        if line:
            lines.append(line)
    if len(lines) > 1 and position >= len(sample) and sample[-1:] not in b"\r\n":
        lines.pop()  # it may be cut off
    # a header may stand above without quotes
    first, lines = (lines or [b""])[0], lines[1:] or lines
    inner = [unwrapped(line) for line in lines]
    texts = [text.decode("utf-8", "backslashreplace") for text in inner if text is not None]
    if len(texts) < 0.8 * len(lines) or not texts:
        return False
    numbers = sum(kind is not Kind.TEXT for kind in kinds(texts))
    return numbers <= 0.5 * len(texts) or _names_columns(first)


def _names_columns(line: bytes) -> bool:
    """Tell whether a quoted line names several columns: then `"160,101"` below it is no number with a comma."""
    header = (unwrapped(line) or b"").decode("utf-8", "backslashreplace")
    return any(sum(role is not None for role in roles(header.split(mark))) > 1 for mark in DELIMITERS)
