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
_CONTENT = re.compile(rb"[^ \t\r\n]")
_QUOTES = re.compile(rb'"+')
_PIECE_BYTES = 1 << 16


class Record(NamedTuple):
    """One record: its physical line, from 1, and its bytes `start:stop`, line end included.

    Fields are without quotes, but with surrounding blanks. `next_line` is the physical line after the
    record. `more` is the number of further fields.
    """

    line: int
    start: int
    stop: int
    fields: tuple[str, ...]
    next_line: int
    more: int = 0


def split_records(  # noqa: PLR0913 (independent options)
    sample: bytes,
    delimiter: str,
    *,
    line_quoted: bool = False,
    start: int = 0,
    line: int = 1,
    most_fields: int | None = None,
) -> Iterator[Record]:
    r"""Yield the records of UTF-8 bytes from `start` on, which begins physical line `line`.

    With `line_quoted` a line that is one quoted text is unwrapped before it is split. Undecodable bytes become
    `\\xNN`. Takes time linear in the bytes consumed. A record returns at most `most_fields` fields: short fields take
    thirty times their bytes as Python objects.
    """
    mark = delimiter.encode()
    # searching for a byte is faster than for a pattern, and few files have CR alone
    simple = sample.find(b"\r", start) < 0 or sample.count(b"\r", start) == sample.count(b"\r\n", start)
    blanks, content_of = b" \t" + mark, _content_pattern(mark)
    position, size = start, len(sample)
    while position < size:
        if simple:
            stop = sample.find(b"\n", position)
            line_stop = stop + 1 if stop >= 0 else size
            content = sample[position:line_stop].rstrip(b"\r\n")
        else:
            end = LINE_END.search(sample, position)
            stop, line_stop = end.span() if end else (size, size)
            content = sample[position:stop]
        first, line = line, line + 1
        if line_quoted:
            inner = unwrapped(content)
            content = content if inner is None else inner
        if not content.strip(blanks):
            position = skip_blank_lines(sample, line_stop, content_of)
            line += count_line_ends(sample, line_stop, position)
            continue
        after = line_stop
        if b'"' not in content:
            fields, more = _plain_fields(_text(content), delimiter, most_fields)
        elif line_quoted:
            fields, more, _ = _quoted_fields(content, 0, mark, most_fields)
        else:
            fields, more, after = _quoted_fields(sample, position, mark, most_fields)
            if after != line_stop:
                line = first + count_line_ends(sample, position, after)
        # a record of blanks without quotes is skipped above
        blank = b'"' in content and len(fields) > 1 and not more and not any(field.strip(" \t") for field in fields)
        if not blank:
            yield Record(first, position, after, tuple(fields), line, more)
        position = after


def count_line_ends(text: bytes, start: int, stop: int) -> int:
    """Count LF, CRLF and CR alone between two offsets, neither of which splits a CRLF."""
    return text.count(b"\n", start, stop) + text.count(b"\r", start, stop) - text.count(b"\r\n", start, stop)


def skip_blank_lines(text: bytes, start: int, content: re.Pattern[bytes] = _CONTENT) -> int:
    """Return the byte after the blank lines that begin at `start`."""
    match = content.search(text, start)
    stop = match.start() if match else len(text)
    return max(start, text.rfind(b"\n", start, stop) + 1, text.rfind(b"\r", start, stop) + 1)


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


def _plain_fields(text: str, delimiter: str, most: int | None) -> tuple[list[str], int]:
    """Return the first fields of a record without quotes, and the number of further ones."""
    if most is None:
        return text.split(delimiter), 0
    fields = text.split(delimiter, most)
    return fields[:most], 0 if len(fields) <= most else 1 + fields[most].count(delimiter)


def _quoted_fields(text: bytes, position: int, mark: bytes, most: int | None) -> tuple[list[str], int, int]:
    """Return the first fields of the record at `position`, the number of further ones, and the byte after it."""
    rest_of_field = _field_pattern(mark).match
    fields: list[str] = []
    more = 0
    while True:
        quoted = b""
        if text.startswith(b'"', position):
            closed = _closing_quote(text, position + 1)
            quoted, position = text[position + 1 : closed].replace(b'""', b'"'), min(closed + 1, len(text))
        match = rest_of_field(text, position)
        if match is None:  # for mypy: the pattern matches everywhere, even at the end
            return fields, more, len(text)
        if most is None or len(fields) < most:
            fields.append(_text(quoted + match[1]))
        else:
            more += 1
        position = match.end()
        if match[2] != mark:
            return fields, more, position


def _closing_quote(text: bytes, start: int) -> int:
    """Return the position of the quote that closes the one before `start`, or the end of the text.

    Pairs of quotes are escaped ones; a single regex for that would remember every pair.
    """
    for run in _QUOTES.finditer(text, start):
        if (run.end() - run.start()) % 2:
            return run.end() - 1
    return len(text)


@lru_cache(maxsize=16)
def _content_pattern(mark: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"[^ \t\r\n" + re.escape(mark) + b"]")


@lru_cache(maxsize=16)
def _field_pattern(mark: bytes) -> re.Pattern[bytes]:
    mark = re.escape(mark)
    return re.compile(rb"([^\r\n" + mark + rb"]*)(" + mark + rb"|\r\n|\n|\r|\Z)")


def _text(raw: bytes) -> str:
    return utf8.from_bytes(raw)
