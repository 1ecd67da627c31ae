"""Segments to ticks: pyarrow where it can be trusted, our own reading where it cannot.

Four ways, each exact, tried in order; all agree wherever more than one can read a segment:

1. pyarrow splits the fields, and closes that are all written with one width are read by `digits`;
2. pyarrow parses the close straight to decimals, at the scale seen so far;
3. pyarrow splits the fields, and the texts are cleaned and cast column-wise
   (thousands separators, blanks, currency signs, a scale that rises);
4. `records` and `NumberFormat.parse`, field by field, which also names what is wrong and where.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from streamsig.core.ticks import Ticks, concat
from streamsig.ingest.digits import read_uniform
from streamsig.ingest.numbers import MAX_DIGITS, MISSING, NumberError
from streamsig.ingest.records import Record, split_records, unwrapped

if TYPE_CHECKING:
    from decimal import Decimal

    from streamsig.ingest.dialect import Dialect
    from streamsig.ingest.segments import Segment

BLOCK_BYTES = 1 << 20
_MAX_SHARED_SCALE = 18
_SHOWN_CHARACTERS = 60
_SIGNIFICAND = 20
_MOST_PATIENCE = 256
_CACHED_BYTES = 1 << 18

Texts = tuple[pa.Array, ...]


class BadRecordError(Exception):
    """A bad record in a segment; `line` counts physical lines from 1 at the segment's start.

    `column`, `text` and `reason` are for a message; `row` is the record as it stands in the file.
    """

    def __init__(self, line: int, column: str, text: str, reason: str, row: str) -> None:
        super().__init__(line, column, text, reason)
        self.line, self.column, self.text, self.reason, self.row = line, column, text, reason, row


@dataclass(frozen=True, slots=True)
class Reading:
    """What one segment holds: its closes in file order, its physical lines, and the records left out.

    `texts` are the other fields that were asked for, a string array each without nulls, a text per close.
    """

    ticks: Ticks
    lines: int
    rejected: tuple[BadRecordError, ...] = ()
    texts: tuple[pa.Array, ...] = ()


@dataclass(slots=True)
class SegmentReader:
    """Reads the closes of segments of one dialect; safe to call from several threads.

    `skip_bad` leaves bad records out instead of stopping at the first. `scale` is a hint that only
    saves time: the number of decimals to try first. `also` are indices of fields to return as text, none
    of them the close, in any order.
    """

    dialect: Dialect
    skip_bad: bool = False
    scale: int = 2
    also: tuple[int, ...] = ()
    _markers: list[str] = field(init=False)
    # hints too: how many segments not to try the shortest way on, and how many after the next failure
    _wait: int = 0
    _patience: int = 1

    def __post_init__(self) -> None:
        words = MISSING | {word.strip().casefold() for word in self.dialect.numbers.missing}
        # pyarrow compares to the letter: give it the usual spellings, the rest goes the second way
        self._markers = sorted({spell for word in words for spell in (word, word.upper(), word.title(), "NaN", "N/a")})

    def read(self, segment: Segment) -> Reading:
        """Return what the segment holds; raises BadRecordError for its first bad record, unless they are skipped."""
        rejected: tuple[BadRecordError, ...] = ()
        lines, has_nul = _survey(segment)
        text = _unwrap(segment.view) if self.dialect.line_quoted else segment.view
        try:
            if has_nul:
                raise pa.ArrowInvalid("NUL")  # noqa: TRY301 (pyarrow would take it for text)
            ticks, texts = self._read_uniform(text, quoted=segment.quoted) or self._read_fast(segment, text)
        except pa.ArrowInvalid:
            ticks, texts, rejected = self._read_records(bytes(segment.view))
        if ticks.scale > self.scale:
            self.scale = min(ticks.scale, _MAX_SHARED_SCALE)
        return Reading(ticks, lines, rejected, texts)

    def _read_uniform(self, text: memoryview | bytes, *, quoted: bool) -> tuple[Ticks, Texts] | None:
        """Read closes that are all written with one width; `None` where they are not, or lately were not."""
        numbers = self.dialect.numbers
        if numbers.thousands or numbers.missing:
            return None
        if self._wait:
            self._wait -= 1
            return None
        batches = self._batches(text, pa.string(), quoted=quoted)
        runs = [read_uniform(batch.column(0), numbers.decimal) for batch in batches]
        found = [run for run in runs if run is not None]
        if len(found) == len(runs):
            self._patience = 1
            return concat(found), self._texts(batches)
        # a vain try costs most of a reading: try ever more rarely
        self._patience = min(2 * self._patience, _MOST_PATIENCE)
        self._wait = self._patience
        return None

    def _read_fast(self, segment: Segment, text: memoryview | bytes) -> tuple[Ticks, Texts]:
        safe = not (_may_have_exponent(segment) and _has_unsafe_exponent(text))
        if safe and not self.dialect.numbers.thousands:
            try:
                # pyarrow does not always see that 128 bits overflow: fewer digits are let in, so that none can
                scale = min(self.scale, _MAX_SHARED_SCALE)
                decimals = pa.decimal128(MAX_DIGITS - scale, scale)
                batches = self._batches(text, decimals, quoted=segment.quoted)
                return concat([Ticks.from_arrow(batch.column(0)) for batch in batches]), self._texts(batches)
            except pa.ArrowInvalid as error:
                if "CSV parse error" in str(error):
                    raise
        batches = self._batches(text, pa.string(), quoted=segment.quoted)
        return concat([self._cast(batch.column(0)) for batch in batches]), self._texts(batches)

    def _texts(self, batches: list[pa.RecordBatch]) -> Texts:
        return tuple(
            pa.concat_arrays([pa.array([], pa.string()), *(batch.column(place) for batch in batches)])
            for place in range(1, len(self.also) + 1)
        )

    def _batches(self, text: memoryview | bytes, kind: pa.DataType, *, quoted: bool) -> list[pa.RecordBatch]:
        """Return the record batches, of the close as `kind` and the other fields as text."""
        dialect = self.dialect
        names = [f"f{index}" for index in (dialect.close, *self.also)]
        exact = kind != pa.string()
        with csv.open_csv(
            pa.BufferReader(pa.py_buffer(text)),
            csv.ReadOptions(
                use_threads=False,
                block_size=max(BLOCK_BYTES, len(text) if quoted else 0),
                column_names=[f"f{index}" for index in range(dialect.fields)],
            ),
            csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=quoted),
            csv.ConvertOptions(
                # a close that is no UTF-8 is no number; other texts go out as they are
                check_utf8=bool(self.also),
                column_types={**dict.fromkeys(names, pa.string()), names[0]: kind},
                include_columns=names,
                null_values=self._markers if exact else [],
                quoted_strings_can_be_null=exact,
                decimal_point=dialect.numbers.decimal if exact else ".",
            ),
        ) as batches:
            return list(batches)

    def _cast(self, texts: pa.Array) -> Ticks:
        """Clean and cast a column of texts; raises ArrowInvalid unless every one is surely a number or missing."""
        numbers = self.dialect.numbers
        texts = pc.ascii_trim_whitespace(texts)
        missing = pc.is_in(pc.ascii_lower(texts), value_set=pa.array(self._markers))
        mark, sep = re.escape(numbers.decimal), re.escape(numbers.thousands)
        whole = r"[0-9]{1,18}" + (rf"|[0-9]{{1,3}}(?:{sep}[0-9]{{2,3}}){{0,4}}{sep}[0-9]{{3}}" if sep else "")
        plain = pc.match_substring_regex(texts, rf"^[$€£]?[+-]?[$€£]?(?:{whole})(?:{mark}[0-9]{{0,18}})?$")
        if not pc.all(pc.or_(plain, missing)).as_py():
            msg = "not all plain numbers"
            raise pa.ArrowInvalid(msg)
        texts = pc.if_else(missing, pa.scalar(None, pa.string()), texts)
        for unwanted in filter(None, (numbers.thousands, "$", "€", "£")):
            texts = pc.replace_substring(texts, unwanted, "")
        if numbers.decimal != ".":
            texts = pc.replace_substring(texts, numbers.decimal, ".")
        point = pc.find_substring(texts, ".")
        decimals = pc.if_else(pc.less(point, 0), 0, pc.subtract(pc.subtract(pc.binary_length(texts), point), 1))
        scale = pc.max(decimals).as_py() or 0
        return Ticks.from_arrow(pc.cast(texts, pa.decimal128(MAX_DIGITS, scale)))

    def _read_records(self, text: bytes) -> tuple[Ticks, Texts, tuple[BadRecordError, ...]]:
        closes: list[Decimal | None] = []
        others: list[tuple[str, ...]] = []
        rejected: list[BadRecordError] = []
        for record in split_records(text, self.dialect.delimiter, line_quoted=self.dialect.line_quoted):
            try:
                closes.append(self._close(record))
            except _BadFieldError as bad:
                row = text[record.start : record.stop].decode("utf-8", "backslashreplace").rstrip("\r\n")
                error = BadRecordError(record.line, bad.column, shown(bad.text), bad.reason, row)
                if not self.skip_bad:
                    raise error from None
                rejected.append(error)
            else:
                others.append(tuple(record.fields[index] for index in self.also))
        texts = tuple(pa.array([row[place] for row in others], pa.string()) for place in range(len(self.also)))
        return Ticks.from_decimals(closes), texts, tuple(rejected)

    def _close(self, record: Record) -> Decimal | None:
        dialect, fields = self.dialect, record.fields
        if len(fields) != dialect.fields:
            reason = f"{len(fields)} fields where {dialect.fields} are expected"
            raise _BadFieldError("the whole row", dialect.delimiter.join(fields), reason)
        column = dialect.column_name(dialect.close)
        if any("\0" in field for field in fields):
            raise _BadFieldError(column, dialect.delimiter.join(fields), "a NUL byte in the row")
        text = fields[dialect.close]
        try:
            return dialect.numbers.parse(text)
        except NumberError as error:
            reason = str(error)
            if dialect.header and text.strip(' <>"') == dialect.header[dialect.close].strip(' <>"'):
                reason = "the header line is there again, as when files are joined"
            raise _BadFieldError(column, text, reason) from None


class _BadFieldError(Exception):
    def __init__(self, column: str, text: str, reason: str) -> None:
        super().__init__(column, text, reason)
        self.column, self.text, self.reason = column, text, reason


def shown(text: str) -> str:
    """Quote a text found in a file for a message: short, on one line, control characters escaped."""
    short = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
    return repr(short)


def _has_unsafe_exponent(text: memoryview | bytes) -> bool:
    """Tell whether there is a number that would take pyarrow beyond its 39 powers of ten.

    pyarrow <= 26.0.1 reads out of bounds there (apache/arrow GH-50964), and may overflow unseen where
    an exponent above 0 adds digits. A number is safe when its exponent is from -18 to 0 and its
    significand shorter than 20 characters. May err to the safe side.
    """
    octets = np.frombuffer(text, np.uint8)
    letters = np.flatnonzero((octets | 0x20) == ord("e"))
    # what lies beyond the ends is no digit
    padded = np.zeros(len(octets) + _SIGNIFICAND + 4, np.uint8)
    padded[_SIGNIFICAND:-4] = octets
    letters += _SIGNIFICAND
    digit = np.zeros(256, np.bool_)
    digit[ord("0") : ord("9") + 1] = True
    numeric = digit.copy()
    numeric[ord(".")] = True
    signed = (padded[letters + 1] == ord("+")) | (padded[letters + 1] == ord("-"))
    first = letters + 1 + signed
    exponents = numeric[padded[letters - 1]] & digit[padded[first]]
    letters, first = letters[exponents], first[exponents]
    tens, ones, more = padded[first], padded[first + 1], padded[first + 2]
    value = np.where(digit[ones], (tens - ord("0")) * 10 + (ones - ord("0")), tens - ord("0"))
    above_zero = (value > 0) & (padded[letters + 1] != ord("-"))
    unsafe = (digit[ones] & digit[more]) | (value > _MAX_SHARED_SCALE) | above_zero
    significand = letters[:, np.newaxis] - np.arange(1, _SIGNIFICAND + 1)
    return bool(unsafe.any() or numeric[padded[significand]].all(axis=1).any())


def _survey(segment: Segment) -> tuple[int, bool]:
    """Count line ends (LF, CRLF and CR alone), and look for NUL bytes; a piece at a time, in cache."""
    buffer, size = segment.buffer, segment.size
    octets = np.frombuffer(buffer, np.uint8, size)
    lines, has_nul, has_return = 0, False, False
    for start in range(0, size, _CACHED_BYTES):
        stop = min(start + _CACHED_BYTES, size)
        lines += int(np.count_nonzero(octets[start:stop] == ord("\n")))
        has_nul = has_nul or buffer.find(b"\0", start, stop) >= 0
        has_return = has_return or buffer.find(b"\r", start, stop) >= 0
    if has_return:
        returns = np.flatnonzero(octets[:-1] == ord("\r"))
        lines += int(np.count_nonzero(octets[returns + 1] != ord("\n"))) + int(octets[-1] == ord("\r"))
    return lines, has_nul


def _may_have_exponent(segment: Segment) -> bool:
    return segment.buffer.find(b"e", 0, segment.size) >= 0 or segment.buffer.find(b"E", 0, segment.size) >= 0


def _unwrap(text: memoryview) -> bytes:
    """Take away the quotes around every line."""
    whole = bytes(text)
    if b'""' not in whole:
        return whole.translate(None, b'"')
    return b"\n".join([unwrapped(line) or line for line in whole.splitlines()])
