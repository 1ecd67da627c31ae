"""How a text is split into records: the delimiter, and lines that are quoted as a whole."""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from itertools import islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

from streamsig.core import utf8
from streamsig.csv.records import Record, skip_lines, split_records, unwrapped
from streamsig.errors import LayoutError
from streamsig.fields.cells import Kind, kinds
from streamsig.fields.column_names import compact, roles

if TYPE_CHECKING:
    from streamsig.sniffer.layout import LayoutOptions

RECORDS = 4000
"""Most records of a sample."""

MAX_FIELDS = 1 << 14
"""As many columns as a spreadsheet has; more would take long to examine, and are not a table."""

DELIMITERS = (",", ";", "\t", "|", "^", "~", "\x01", "\x1f", "\x1e")
"""The characters that are tried where they occur, the most frequent first."""

_MAX_RECORDS = 200
_NAMED = 40
_WIDE, _WIDEST = 100, 1000
_NEARLY_ALL = 0.9
_BETWEEN_DIGITS = re.compile(rb"[0-9],(?=[0-9])")
_QUOTED = re.compile(rb'"[^"]*"')
_SEP_LINE = re.compile(rb'\s*"?sep=(?P<mark>[^"\r\n])"?[ \t,;]*(?:\r\n|\n|\r|\Z)', re.IGNORECASE)


class Framing(NamedTuple):
    """How a text is split into records, and the byte and physical line where they begin."""

    delimiter: str
    line_quoted: bool
    start: int
    line: int
    why: str


def find_framing(sample: bytes, options: LayoutOptions) -> Framing:
    """Choose the delimiter under which most records have the same number of fields that look like data.

    The options rule delimiters out: a comma between digits, where it is the decimal mark or separates thousands; a
    delimiter under which no field has the requested name.
    """
    skipped = options.skip_lines or 0
    start, line = skip_lines(sample, skipped), skipped + 1
    stated = _SEP_LINE.match(sample, start)
    mark = options.delimiter
    if stated:
        start, line = stated.end(), line + 1
        mark = mark or stated["mark"].decode("latin-1")
    quoted = (False, True) if _lines_are_quoted(sample[start:]) else (False,)
    if mark:
        marks: tuple[str, ...] = (mark,)
        why = "asked for" if options.delimiter else "stated by the line sep="
    else:
        absent = [each for each in DELIMITERS if sample.find(each.encode(), start) < 0]
        # one that splits nothing stands for all that do not
        marks = tuple(each for each in DELIMITERS if each not in absent[1:])
        why = "most even records"
    trials = {(each, one): _Trial(sample, start, each, one) for one in quoted for each in marks}
    scores = {key: (trial.suits(options), trial.score, trial.fields) for key, trial in trials.items()}
    delimiter, line_quoted = max(scores, key=lambda key: scores[key])
    if not mark and not trials[",", line_quoted].suits(options)[0]:
        why = f"{why}; a comma between digits is part of a number, as asked for"
    return Framing(delimiter, line_quoted, start, line, why)


def first_records(
    sample: bytes, framing: Framing, name: str, *, is_complete: bool, most: int | None = None
) -> tuple[list[Record], Record | None]:
    """Return the first records of a sample, and the one at its end that may be cut off, unless it `is_complete`.

    Raises LayoutError for records of too many fields.
    """
    split = split_records(
        sample, framing.delimiter, line_quoted=framing.line_quoted, start=framing.start, line=framing.line
    )
    records = list(islice(split, most or RECORDS))
    widest = max(records, key=lambda record: len(record.fields), default=None)
    if widest is not None and len(widest.fields) > MAX_FIELDS:
        raise LayoutError(
            f"{name}, line {widest.line}: {len(widest.fields):,} fields between {framing.delimiter!r}, more than the"
            f" {MAX_FIELDS:,} that are read; if another character separates fields, use `delimiter`"
        )
    cut = records.pop() if records and not is_complete and records[-1].stop == len(sample) else None
    return records, cut


def typical_fields(records: list[Record]) -> int:
    """Return the number of fields that most records have; of two as frequent ones, the larger."""
    counts = Counter(len(record.fields) for record in records)
    return max(counts, key=lambda count: (counts[count], count), default=1)


class _Trial:
    """The first records under one framing: how alike they are, from 0 to 1, and their number of fields."""

    def __init__(self, sample: bytes, start: int, delimiter: str, line_quoted: bool) -> None:  # noqa: FBT001
        self._sample, self._start, self._delimiter, self._line_quoted = sample, start, delimiter, line_quoted
        self.fields = typical_fields(self._records) if delimiter.encode() in sample else 1
        # a delimiter that splits nothing wins only where none splits anything
        self.score = 0.01 if self.fields == 1 else self._evenness()

    @cached_property
    def _records(self) -> list[Record]:
        records = split_records(self._sample, self._delimiter, line_quoted=self._line_quoted, start=self._start)
        return list(islice(records, _MAX_RECORDS))

    @cached_property
    def _typical(self) -> list[Record]:
        return [record for record in self._records if len(record.fields) == self.fields]

    @cached_property
    def _named(self) -> list[int]:
        """The number of known names in each of the first records."""
        return [sum(role is not None for role in roles(r.fields[:_WIDE])) for r in self._records[:_NAMED]]

    def _evenness(self) -> float:
        looks = kinds([text for record in self._typical for text in record.fields[:_WIDEST]])
        cells = len(looks) - looks.count(Kind.MISSING)
        look = (looks.count(Kind.NUMBER) + looks.count(Kind.TIME)) / cells if cells else 0.0
        named = min(1.0, max(self._named, default=0) / self.fields)
        return (len(self._typical) / len(self._records)) * (0.1 + 0.7 * look + 0.2 * named)

    @property
    def has_names(self) -> bool:
        """Whether nearly all records have as many fields as one of the first has names, some of them known."""
        most = max(self._named, default=0)
        named = self._records[self._named.index(most)] if most else None
        alike = len(self._typical) >= _NEARLY_ALL * len(self._records)
        return named is not None and alike and len(named.fields) == self.fields > 1

    def suits(self, options: LayoutOptions) -> tuple[bool, bool]:
        """Return whether the framing suits the requested marks of numbers, and the requested column."""
        marks = self._delimiter != "," or "," not in {options.decimal, options.thousands} or self._proves_commas()
        column = options.column
        if not isinstance(column, str) or column.isdecimal():
            return marks, True
        wanted = compact(column)
        return marks, any(wanted == compact(cell) for r in self._records[:_NAMED] for cell in r.fields)

    def _proves_commas(self) -> bool:
        """Return whether commas surely separate fields: next to quotes or texts, or under as many known names."""
        if self.has_names and max(self._named) > 1:
            return True
        between = sum(self._has_comma_between_digits(record) for record in self._typical)
        return between <= (1 - _NEARLY_ALL) * len(self._typical)

    def _has_comma_between_digits(self, record: Record) -> bool:
        if not self._line_quoted:
            raw = _QUOTED.sub(b'"', self._sample[record.start : record.stop])
            return _BETWEEN_DIGITS.search(raw) is not None
        # fields with a comma inside have quotes of their own
        sides = ((a[-1:] + b[:1]) for a, b in pairwise(record.fields) if "," not in a + b)
        return any(len(side) > 1 and side.isdecimal() for side in sides)


def _lines_are_quoted(text: bytes) -> bool:
    """Return whether nearly every line is one quoted text, and not just one quoted number."""
    if b'"' not in text:
        return False
    lines = [line for each in text.splitlines() if (line := each.strip())]
    if len(lines) > 1 and text[-1:] not in b"\r\n":
        lines.pop()  # it may be cut off
    # the header may have no quotes
    first, lines = (lines or [b""])[0], lines[1:_MAX_RECORDS] or lines
    inner = [unwrapped(line) for line in lines]
    texts = [utf8.from_bytes(text) for text in inner if text is not None]
    if len(texts) < 0.8 * len(lines) or not texts:
        return False
    numbers = sum(kind is not Kind.TEXT for kind in kinds(texts))
    return numbers <= 0.5 * len(texts) or _names_columns(first)


def _names_columns(line: bytes) -> bool:
    """Return whether a quoted line names several columns: then `"160,101"` under it is not one number."""
    header = utf8.from_bytes(unwrapped(line) or b"")
    return any(sum(role is not None for role in roles(header.split(mark))) > 1 for mark in DELIMITERS)
