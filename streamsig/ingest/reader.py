"""Segments to ticks, and to the texts of further fields.

Three ways, each exact, tried in order; all agree wherever more than one can read a segment:

1. `scan`, for regular records and plain numbers, as nearly all files have them;
2. `arrowcsv`, for blank lines, thousands separators, currency signs, more than 18 digits;
3. `records` and `NumberFormat.parse`, field by field, which also names what is wrong and where.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from streamsig import native
from streamsig.core.keys import Texts
from streamsig.core.ticks import Ticks, concat
from streamsig.ingest.cells import CONVENTIONS
from streamsig.ingest.numbers import NumberError
from streamsig.ingest.records import Record, split_records, unwrapped
from streamsig.ingest.rejects import Rejects
from streamsig.ingest.scan import Scanner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from streamsig.ingest.arrowcsv import ArrowReader
    from streamsig.ingest.dialect import Dialect
    from streamsig.ingest.numbers import NumberFormat
    from streamsig.ingest.segments import Segment

ADVICE = "mend the row, leave such rows out with --on-bad-row skip, or name another column with --column"
"""What helps with most bad records."""

_SHOWN_CHARACTERS = 60
_CACHED_BYTES = 1 << 18
_RUN_RECORDS = 4096


class BadRecordError(Exception):
    """A bad record in a segment; `line` counts physical lines from 1 at the segment's start.

    `column`, `text` and `reason` are for a message. `advice` says what to do about it.
    """

    def __init__(self, line: int, column: str, text: str, reason: str, advice: str = ADVICE) -> None:
        super().__init__(line, column, text, reason)
        self.line, self.column, self.text, self.reason, self.advice = line, column, text, reason, advice


@dataclass(frozen=True, slots=True)
class Reading:
    """What one segment holds: its closes in file order, its physical lines, and the records left out.

    `texts` has those of each field that was asked for besides, with one per close.
    """

    ticks: Ticks
    lines: int
    rejected: Rejects = field(default_factory=Rejects)
    texts: tuple[Texts, ...] = ()


@dataclass
class SegmentReader:
    """Reads the closes of segments of one dialect; safe to call from several threads.

    `skip_bad` leaves bad records out instead of stopping at the first. `scale` is a hint that only
    saves time: the number of decimals to try first. `also` are further fields, counted from 0, to be
    read as texts without their quotes. Without `by_arrow` the second way is left out, for it takes pyarrow's memory.
    """

    dialect: Dialect
    skip_bad: bool = False
    scale: int = 2
    also: tuple[int, ...] = ()
    by_arrow: bool = True
    _scanner: Scanner = field(init=False)

    def __post_init__(self) -> None:
        self._scanner = Scanner(self.dialect)
        self.scale = min(self.scale, native.MAX_SCALE)

    def read(self, segment: Segment) -> Reading:
        """Return what the segment holds; raises BadRecordError for its first bad record, unless they are skipped."""
        reading = self._read(segment)
        ticks = self.dialect.numbers.mark_missing(reading.ticks)
        return reading if ticks is reading.ticks else replace(reading, ticks=ticks)

    def _read(self, segment: Segment) -> Reading:
        text = _unwrap(segment.view) if self.dialect.line_quoted else segment.view
        reading = self._scanned(text)
        if self.dialect.numbers.doubtful and (reading is None or reading.ticks.scale) and self._maybe_either(text):
            # only the last way knows doubt
            return self._by_records(segment)
        if self.dialect.numbers.by_custom and reading is None:
            return self._by_records(segment)
        reading = reading or self._by_arrow(segment, text) or self._by_records(segment)
        if reading.ticks.scale > self.scale:
            self.scale = min(reading.ticks.scale, native.MAX_SCALE)
        return reading

    def _maybe_either(self, text: memoryview | bytes) -> bool:
        """Tell whether any field has a mark before three digits, which may be either; may err to the safe side."""
        mark = re.escape(self.dialect.numbers.decimal.encode())
        return re.search(rb"(?<![0-9%b])[1-9][0-9]{0,2}%b[0-9]{3}(?![0-9])" % (mark, mark), text) is not None

    def _scanned(self, text: memoryview | bytes) -> Reading | None:
        scanned = self._scanner.read(text, self.scale, self.also)
        return scanned and Reading(scanned.ticks, scanned.lines, texts=scanned.texts)

    def _by_arrow(self, segment: Segment, text: memoryview | bytes) -> Reading | None:
        if not self.by_arrow:
            return None
        read = self._arrow.read(text, quoted=segment.quoted, scale=self.scale, also=self.also)
        return read and Reading(read[0], _count_lines(segment), texts=read[1])

    @cached_property
    def _arrow(self) -> ArrowReader:
        # most files never need it, and it takes long to import
        from streamsig.ingest.arrowcsv import ArrowReader  # noqa: PLC0415

        return ArrowReader(self.dialect)

    def _by_records(self, segment: Segment) -> Reading:
        rejects = Rejects(bytes(segment.view))
        records = self._sound_records(rejects)
        runs: list[Ticks] = []
        texts: list[list[Texts]] = [[] for _ in self.also]
        # a run at a time: as Python objects, the closes of a segment take fifty times its bytes
        while run := list(islice(records, _RUN_RECORDS)):
            runs.append(Ticks.from_decimals(close for close, _ in run))
            for place, parts in enumerate(texts):
                parts.append(Texts.of(fields[place] for _, fields in run))
        return Reading(concat(runs), _count_lines(segment), rejects, tuple(map(_joined, texts)))

    def _sound_records(self, rejects: Rejects) -> Iterator[tuple[Decimal | None, tuple[bytes, ...]]]:
        """Yield close and further fields of each record; the bad ones are added to `rejects`, which has the text."""
        dialect = self.dialect
        # as many as a message can show
        most = max(dialect.fields, 2 * _SHOWN_CHARACTERS)
        for record in split_records(rejects.text, dialect.delimiter, line_quoted=dialect.line_quoted, most_fields=most):
            try:
                close = self._close(record)
            except _BadFieldError as bad:
                if not self.skip_bad:
                    raise BadRecordError(record.line, bad.column, shown(bad.text), bad.reason, bad.advice) from None
                rejects.add(record.line, record.start, record.stop, bad.column, bad.reason)
            else:
                yield close, tuple(record.fields[index].encode() for index in self.also)

    def _close(self, record: Record) -> Decimal | None:
        dialect, fields = self.dialect, record.fields
        if len(fields) + record.more != dialect.fields:
            reason = f"{len(fields) + record.more} fields where {dialect.fields} are expected"
            raise _BadFieldError("the whole row", dialect.delimiter.join(fields), reason)
        column = dialect.column_name(dialect.close)
        if any("\0" in field for field in fields):
            raise _BadFieldError(column, dialect.delimiter.join(fields), "a NUL byte in the row")
        text = fields[dialect.close]
        try:
            return dialect.numbers.parse(text)
        except NumberError as error:
            reason, advice = explain(error, text, dialect.numbers)
            if dialect.header and text.strip(' <>"') == dialect.header[dialect.close].strip(' <>"'):
                reason, advice = "the header line is there again, as when files are joined", ADVICE
            raise _BadFieldError(column, text, reason, advice) from None


def _joined(parts: list[Texts]) -> Texts:
    parts = parts or [Texts.of([])]
    offsets = np.cumsum([0, *(int(part.starts[-1]) for part in parts)], dtype=np.int32)
    starts = [part.starts[:-1] + offset for part, offset in zip(parts, offsets, strict=False)]
    return Texts(np.concatenate([*starts, offsets[-1:]]), np.concatenate([part.content for part in parts]))


class _BadFieldError(Exception):
    def __init__(self, column: str, text: str, reason: str, advice: str = ADVICE) -> None:
        super().__init__(column, text, reason)
        self.column, self.text, self.reason, self.advice = column, text, reason, advice


def explain(error: NumberError, text: str, numbers: NumberFormat) -> tuple[str, str]:
    """Return why a text is not a close, and what to do about it."""
    if text.strip() and not any(letter.isdigit() for letter in text):
        return str(error), f"{ADVICE}; if it stands for a missing close, say --missing {shown(text.strip())}"
    if not numbers.fits(text) and any(convention.fits(text) for convention in CONVENTIONS):
        advice = "mend the row, or say how all are written with --decimal and --thousands"
        return "a number written otherwise than those above", advice
    return str(error), error.advice or ADVICE


def shown(text: str) -> str:
    """Quote a text found in a file for a message: short, on one line, control characters escaped."""
    short = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
    return repr(short)


def _count_lines(segment: Segment) -> int:
    """Count line ends (LF, CRLF and CR alone); a piece at a time, in cache."""
    octets = np.frombuffer(segment.buffer, np.uint8, segment.size)
    lines, has_return = 0, False
    for start in range(0, len(octets), _CACHED_BYTES):
        piece = octets[start : start + _CACHED_BYTES]
        lines += int(np.count_nonzero(piece == ord("\n")))
        has_return = has_return or bool((piece == ord("\r")).any())
    if has_return:
        returns = np.flatnonzero(octets[:-1] == ord("\r"))
        lines += int(np.count_nonzero(octets[returns + 1] != ord("\n"))) + int(octets[-1] == ord("\r"))
    return lines


def _unwrap(text: memoryview) -> bytes:
    """Take away the quotes around every line."""
    whole = bytes(text)
    if b'""' not in whole:
        return whole.translate(None, b'"')
    return b"\n".join([unwrapped(line) or line for line in whole.splitlines()])
