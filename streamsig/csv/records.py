"""Splits a CSV text into records, with the byte and the physical line at which each one starts.

The grammar is that of pyarrow's reader: `"` quotes only at the start of a field, is doubled inside,
and text after the closing quote is literal; a line ends with LF, CRLF or CR; empty lines, lines of
only delimiters and blanks, and records of several fields that are all empty or blank are skipped.
The kernel in `native/records.c` reads the same grammar.
"""

from __future__ import annotations

import re
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from streamsig.core import utf8

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_END = re.compile(rb"\r\n|\n|\r")
_QUOTES = re.compile(rb'"+')
_PIECE_BYTES = 1 << 16


class Record(NamedTuple):
    """One record: its physical line, from 1, and its bytes `start:stop`, line end included.

    Fields are without quotes, but with surrounding blanks. `next_line` is the physical line after the record.
    """

    line: int
    start: int
    stop: int
    fields: tuple[str, ...]
    next_line: int


def split_records(
    sample: bytes, delimiter: str, *, line_quoted: bool = False, start: int = 0, line: int = 1
) -> Iterator[Record]:
    r"""Yield the records of UTF-8 bytes from `start` on, which begins physical line `line`.

    With `line_quoted` a line that is one quoted text is unwrapped before it is split. Undecodable bytes become
    `\\xNN`. Takes time linear in the bytes of the sample.
    """
    mark, position, stop = delimiter.encode(), start, start
    for number, text in enumerate(sample[start:].splitlines(keepends=True), line):
        begin, position = position, position + len(text)
        if begin < stop:
            # inside the quotes of the record before
            continue
        content = text.rstrip(b"\r\n")
        if line_quoted and (inner := unwrapped(content)) is not None:
            content = inner
        if not content.strip(b" \t" + mark):
            continue
        stop, next_line = position, number + 1
        if b'"' not in content:
            yield Record(number, begin, stop, tuple(utf8.from_bytes(content).split(delimiter)), next_line)
            continue
        if line_quoted:
            fields, _ = _quoted_fields(content, 0, mark)
        else:
            fields, stop = _quoted_fields(sample, begin, mark)
        if stop != position:
            next_line = number + count_line_ends(sample, begin, stop)
        if len(fields) == 1 or any(field.strip(" \t") for field in fields):
            yield Record(number, begin, stop, tuple(fields), next_line)


def count_line_ends(text: bytes, start: int, stop: int) -> int:
    """Count LF, CRLF and CR alone between two offsets, neither of which splits a CRLF."""
    return text.count(b"\n", start, stop) + text.count(b"\r", start, stop) - text.count(b"\r\n", start, stop)


def unwrapped(line: bytes) -> bytes | None:
    """Return the content of a line that is one quoted text, or `None` for any other line."""
    line = line.strip()
    if len(line) < len('""') or line[:1] != b'"' or line[-1:] != b'"':
        return None
    inner = line[1:-1]
    return inner.replace(b'""', b'"') if b'"' not in inner.replace(b'""', b"") else None


def unwrapped_lines(text: memoryview) -> bytes:
    """Return a text with LF line ends and with each line that is one quoted text unwrapped."""
    source, pieces = BytesIO(text), []
    # in pieces: lines as Python objects take ten times their bytes
    while piece := b"".join(source.readlines(_PIECE_BYTES)):
        lines = piece.splitlines()
        if piece.count(b'"') == 2 * len(lines) and all(len(it) > 1 and it[:1] == it[-1:] == b'"' for it in lines):
            pieces += [b"\n".join([line[1:-1] for line in lines]), b"\n"]
        else:
            pieces += [b"\n".join([line if (inner := unwrapped(line)) is None else inner for line in lines]), b"\n"]
    if pieces and text[-1] not in b"\r\n":
        pieces.pop()
    return b"".join(pieces)


def skip_lines(sample: bytes, count: int) -> int:
    """Return the byte after the first `count` physical lines, ignoring quotes."""
    position = 0
    for _ in range(count):
        end = LINE_END.search(sample, position)
        if end is None:
            return len(sample)
        position = end.end()
    return position


def _quoted_fields(text: bytes, position: int, mark: bytes) -> tuple[list[str], int]:
    """Return the fields of the record at `position`, and the byte after it."""
    rest_of_field = _field_pattern(mark).match
    fields: list[str] = []
    while True:
        quoted = b""
        if text.startswith(b'"', position):
            closed = _closing_quote(text, position + 1)
            quoted, position = text[position + 1 : closed].replace(b'""', b'"'), min(closed + 1, len(text))
        match = rest_of_field(text, position)
        if match is None:  # for mypy: the pattern matches everywhere, even at the end
            return fields, len(text)
        fields.append(utf8.from_bytes(quoted + match[1]))
        position = match.end()
        if match[2] != mark:
            return fields, position


def _closing_quote(text: bytes, start: int) -> int:
    """Return the position of the quote that closes the one before `start`, or the end of the text.

    Pairs of quotes are escaped ones; a single regex for that would remember every pair.
    """
    for run in _QUOTES.finditer(text, start):
        if (run.end() - run.start()) % 2:
            return run.end() - 1
    return len(text)


@lru_cache(maxsize=16)
def _field_pattern(mark: bytes) -> re.Pattern[bytes]:
    mark = re.escape(mark)
    return re.compile(rb"([^\r\n" + mark + rb"]*)(" + mark + rb"|\r\n|\n|\r|\Z)")
