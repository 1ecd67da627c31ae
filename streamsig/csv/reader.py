"""Chunks to ticks, and to the texts of further fields.

Two ways to split a chunk into cells, each exact: at the speed of memory where all records are regular (the same
number of fields in each, quotes that open and close fields, LF or CRLF), else record by record. Either way `closes`
reads the cells. `records.split_records` and `NumberFormat.parse` define both, and say what is wrong with a bad record.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from streamsig.core.keys import Texts
from streamsig.core.ticks import Ticks, concat
from streamsig.csv import footers, repeated_headers
from streamsig.csv.closes import closes_of, grammar_of, read_closes
from streamsig.csv.corporate_actions import REASON, Actions, find_actions, is_action
from streamsig.csv.records import Record, split_records, unwrapped_lines
from streamsig.csv.rejected_rows import Rejects
from streamsig.fields.cells import CONVENTIONS, shape
from streamsig.fields.numbers import NumberError
from streamsig.native import text_kernels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from streamsig.csv.chunks import Chunk
    from streamsig.csv.closes import Bad
    from streamsig.csv.dialect import Dialect
    from streamsig.fields.numbers import NumberFormat

ADVICE = "mend the row, leave such rows out with --on-bad-row skip, or name another column with --column"
"""What helps with most bad records."""

_SHOWN_CHARACTERS = 60
_RUN_RECORDS = 1 << 12


class BadRecordError(Exception):
    """A bad record in a chunk; `line` counts physical lines from 1 at the chunk's start.

    `column`, `text` and `reason` are for a message. `advice` says what to do about it.
    """

    def __init__(self, line: int, column: str, text: str, reason: str, advice: str = ADVICE) -> None:
        super().__init__(line, column, text, reason)
        self.line, self.column, self.text, self.reason, self.advice = line, column, text, reason, advice


@dataclass(frozen=True, slots=True)
class Reading:
    """What one chunk holds: its closes in file order, its line ends, and the records left out.

    `texts` has those of each field that was asked for besides, with one per close. `untimed` counts the last rows that
    have no time, where that is looked for.
    """

    ticks: Ticks
    lines: int
    rejected: Rejects = field(default_factory=Rejects)
    texts: tuple[Texts, ...] = ()
    untimed: int = 0


@dataclass
class ChunkReader:
    """Reads the closes of chunks of one dialect; safe to call from several threads.

    `skip_bad` leaves bad records out instead of stopping at the first. `scale` is a hint that only
    saves time: the number of decimals to try first. `also` are further fields, counted from 0, to be
    read as texts without their quotes. With `timed` times are looked for in the last rows. `prices` are fields in
    which a text shows that a row without a close is none. In a `footer` all records are bad.
    """

    dialect: Dialect
    skip_bad: bool = False
    scale: int = 2
    also: tuple[int, ...] = ()
    timed: bool = False
    prices: tuple[int, ...] = ()
    footer: bool = False
    _own: threading.local = field(init=False, default_factory=threading.local)

    def __post_init__(self) -> None:
        self.scale = min(self.scale, text_kernels.MAX_SCALE)

    def read(self, chunk: Chunk) -> Reading:
        """Return what the chunk holds; raises BadRecordError for its first bad record, unless they are skipped."""
        text = unwrapped_lines(chunk.view) if self.dialect.line_quoted else chunk.view
        octets = np.frombuffer(text, np.uint8)
        regular = None if self.footer else self._read_regular(octets)
        reading = regular or self._read_records(chunk, octets)
        # closes of several words are read at any scale
        if len(reading.ticks.limbs) == 1 and self.scale < reading.ticks.scale <= text_kernels.MAX_SCALE:
            self.scale = reading.ticks.scale
        return reading

    def _read_regular(self, octets: NDArray[np.uint8]) -> Reading | None:
        """Read a text whose records are all regular and good; return `None` for any other.

        Many cells that the kernel leaves take less memory when they are read a run at a time.
        """
        # another thread may change the hint
        dialect, scale = self.dialect, self.scale
        last = octets[-1] if len(octets) else ord("\n")
        octets = octets if last == ord("\n") else np.append(octets, np.uint8(ord("\n")))
        found = text_kernels.find_fields(octets, dialect.delimiter, self._scratch(len(octets) + text_kernels.PADDING))
        whole_lines = not dialect.line_quoted or found.records == found.lines
        if found.malformed or len(found.ends) - 1 != found.records * dialect.fields or not whole_lines:
            return None
        cells = text_kernels.Cells.of_field(found, dialect.fields, dialect.close)
        numbers = text_kernels.read_numbers(cells, self._grammar, scale, dialect.delimiter)
        if numbers.ragged or numbers.empty or numbers.returns != found.returns or len(numbers.fallback) > _RUN_RECORDS:
            return None
        closes = closes_of(numbers, cells, dialect.numbers, scale)
        if len(closes.bad.rows):
            return None
        if self.prices and closes.ticks.missing is not None:
            prices = [text_kernels.Cells.of_field(found, dialect.fields, index) for index in self.prices]
            if len(self._actions(closes.ticks, prices).rows):
                return None
        also = (text_kernels.Cells.of_field(found, dialect.fields, index) for index in self.also)
        texts = tuple(Texts(*text_kernels.copy_texts(cells)) for cells in also)
        untimed = 0
        if self.timed and dialect.time is not None:
            untimed = _untimed_tail(text_kernels.Cells.of_field(found, dialect.fields, dialect.time))
        return Reading(closes.ticks, found.lines - (last not in b"\r\n"), texts=texts, untimed=untimed)

    def _read_records(self, chunk: Chunk, octets: NDArray[np.uint8]) -> Reading:
        """Read any text."""
        dialect, rejects = self.dialect, Rejects()
        times = [dialect.time] if self.timed and dialect.time is not None else []
        wanted = [dialect.close, *self.also, *times, *self.prices]
        lines = 1
        runs: list[Ticks] = []
        untimed = 0
        texts: list[list[Texts]] = [[] for _ in self.also]
        for found in self._runs(octets, wanted):
            lines = found.next_line
            places, ticks = self._sound(found, octets, chunk, rejects)
            runs.append(ticks)
            if times and len(places):
                tail = _untimed_tail(_cells(octets, places, 1 + len(self.also)))
                untimed = tail + untimed * (tail == len(places))
            for place, column in enumerate(texts, 1):
                column.append(Texts(*text_kernels.copy_texts(_cells(octets, places, place))))
        return Reading(concat(runs), lines - 1, rejects, tuple(map(_joined, texts)), untimed)

    def _runs(self, octets: NDArray[np.uint8], wanted: Sequence[int]) -> Iterator[text_kernels.Records]:
        """Yield the records of any text, a run at a time: places take several times the bytes of short records."""
        dialect = self.dialect
        return text_kernels.split_records(
            octets, dialect.delimiter, wanted, most=_RUN_RECORDS, by_lines=dialect.line_quoted
        )

    def _sound(
        self, found: text_kernels.Records, octets: NDArray[np.uint8], chunk: Chunk, rejects: Rejects
    ) -> tuple[NDArray[np.int32], Ticks]:
        """Return places and closes of the good records; the bad ones are added to `rejects`, or raised."""
        wrong = (found.fields != self.dialect.fields) | (found.nul != 0)
        whole = np.flatnonzero(~wrong) if wrong.any() else None
        places = found.places if whole is None else found.places[whole]
        closes = read_closes(_cells(octets, places, 0), self.dialect.numbers, self.scale)
        first = places.shape[1] // 2 - len(self.prices)
        prices = [_cells(octets, places, first + place) for place in range(len(self.prices))]
        actions = self._actions(closes.ticks, prices)
        if whole is None and not len(closes.bad.rows) and not len(actions.rows) and not self.footer:
            return places, closes.ticks
        if not rejects.text:
            rejects.text = bytes(chunk.view)
        whole = np.arange(len(places)) if whole is None else whole
        why, reasons = self._reasons(found, whole[closes.bad.rows], closes.bad)
        # a bad close counts as missing, too
        fine = why[whole[actions.rows]] < 0
        why[whole[actions.rows[fine]]] = len(reasons) + actions.columns[fine]
        reasons += [(self.dialect.column_name(index), REASON) for index in self.prices]
        if self.footer:
            why[why < 0] = len(reasons)
            reasons.append(self._why_no_time)
        bad = np.flatnonzero(why >= 0)
        starts, stops = found.starts[bad], found.stops[bad]
        if self.dialect.line_quoted:
            # of the lines as they stand in the file
            starts, stops = rejects.lines_at(found.lines[bad])
        if len(bad):
            self._refuse(rejects.text, starts, stops, found.lines[bad])
        rejects.extend(found.lines[bad], starts, stops, why[bad], reasons)
        good = np.flatnonzero(why[whole] < 0)
        return places[good], closes.ticks.take(good)

    def _reasons(
        self, found: text_kernels.Records, rows: NDArray[np.intp], bad: Bad
    ) -> tuple[NDArray[np.int64], list[tuple[str, str]]]:
        """Return the place in a list of columns and reasons for each record, -1 for a good one, and the list.

        `rows` are the records with a bad close.
        """
        why = np.full(len(found.fields), -1, np.int64)
        ragged = np.flatnonzero(found.fields != self.dialect.fields)
        counts, why[ragged] = np.unique(found.fields[ragged], return_inverse=True)
        reasons = [self._why_ragged(int(count)) for count in counts]
        why[(why < 0) & (found.nul != 0)] = len(reasons)
        reasons.append(self._why_nul)
        why[rows] = len(reasons) + bad.which
        reasons += [self._why_bad(text, error)[:2] for text, error in zip(bad.texts, bad.errors, strict=True)]
        return why, reasons

    def _why_ragged(self, fields: int) -> tuple[str, str]:
        return "the whole row", f"{fields} fields where {self.dialect.fields} are expected"

    @property
    def _why_nul(self) -> tuple[str, str]:
        return self.dialect.column_name(self.dialect.close), "a NUL byte in the row"

    @property
    def _why_no_time(self) -> tuple[str, str]:
        return self.dialect.column_name(self.dialect.time or 0), footers.NO_TIME

    def _why_bad(self, text: str, error: NumberError) -> tuple[str, str, str]:
        """Return column, reason and advice for a close that is not read."""
        dialect = self.dialect
        reason, advice = explain(error, text, dialect.numbers)
        if dialect.header and text.strip(' <>"') == dialect.header[dialect.close].strip(' <>"'):
            reason, advice = repeated_headers.REPEATED, ADVICE
        return dialect.column_name(dialect.close), reason, advice

    def _refuse(
        self, text: bytes, starts: NDArray[np.int32], stops: NDArray[np.int32], lines: NDArray[np.int32]
    ) -> None:
        """Raise BadRecordError for the first bad record; where bad ones are skipped, for the first other header."""
        dialect = self.dialect
        # as many fields as a message can show
        most = max(dialect.fields, 2 * _SHOWN_CHARACTERS)
        rows = [text[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
        for place in repeated_headers.may_be_headers(rows, dialect) if self.skip_bad else [0]:
            record = next(
                split_records(rows[place], dialect.delimiter, line_quoted=dialect.line_quoted, most_fields=most)
            )
            column, cell, reason, advice = self.judge(record) or ("", "", "", "")
            if not self.skip_bad or reason == repeated_headers.OTHER:
                raise BadRecordError(int(lines[place]), column, shown(cell), reason, advice)

    def _actions(self, ticks: Ticks, prices: Sequence[text_kernels.Cells]) -> Actions:
        """Return which rows without a close have a text in a column of prices."""
        rows = np.empty(0, np.intp) if ticks.missing is None or not prices else np.flatnonzero(ticks.missing)
        return find_actions(prices, rows, self.dialect.numbers, self.scale)

    def judge(self, record: Record) -> tuple[str, str, str, str] | None:
        """Return column, text, reason and advice where a record is bad: the definition."""
        bad = self._judge(record)
        if bad is not None and repeated_headers.is_other_header(record.fields, record.more, self.dialect):
            return (
                "the whole row",
                self.dialect.delimiter.join(record.fields),
                repeated_headers.OTHER,
                repeated_headers.ADVICE,
            )
        return bad

    def _judge(self, record: Record) -> tuple[str, str, str, str] | None:
        dialect, fields = self.dialect, record.fields
        if len(fields) + record.more != dialect.fields:
            column, reason = self._why_ragged(len(fields) + record.more)
            return column, dialect.delimiter.join(fields), reason, ADVICE
        if any("\0" in field for field in fields):
            column, reason = self._why_nul
            return column, dialect.delimiter.join(fields), reason, ADVICE
        text = fields[dialect.close]
        try:
            close = dialect.numbers.parse(text)
        except NumberError as error:
            column, reason, advice = self._why_bad(text, error)
            return column, text, reason, advice
        action = next((i for i in self.prices if close is None and is_action(fields[i], dialect.numbers)), None)
        if action is not None:
            text = fields[action]
            advice = f"{ADVICE}; if it stands for a missing price, say --missing {shown(text.strip())}"
            return dialect.column_name(action), text, REASON, advice
        if self.footer:
            column, reason = self._why_no_time
            return column, fields[dialect.time or 0], reason, footers.ADVICE
        return None

    def footer_start(self, chunk: Chunk, reading: Reading) -> int:
        """Return the byte of a chunk at which the last rows without a time begin, those of its reading."""
        line, start = self.row_places(chunk, reading)[:, -reading.untimed]
        if self.dialect.line_quoted:
            # of the lines as they stand in the file
            (start,), _ = Rejects(bytes(chunk.view)).lines_at(line[np.newaxis])
        return int(start)

    def row_places(self, chunk: Chunk, reading: Reading) -> NDArray[np.int32]:
        """Return the line of each row of a chunk's reading, from 1, and its first byte, (2, rows).

        Bytes are those of the unwrapped text if lines are quoted.
        """
        dialect = self.dialect
        text = unwrapped_lines(chunk.view) if dialect.line_quoted else chunk.view
        octets = np.frombuffer(text, np.uint8)
        left_out = np.array([*reading.rejected.lines])
        places = [
            np.stack([found.lines, found.starts])[:, ~np.isin(found.lines, left_out)]
            for found in self._runs(octets, ())
        ]
        return np.concatenate([np.empty((2, 0), np.int32), *places], axis=1)

    @cached_property
    def _grammar(self) -> NDArray[np.uint8]:
        return grammar_of(self.dialect.numbers)

    def _scratch(self, size: int) -> NDArray[np.int32]:
        """Return scratch memory of this thread's own, used again for each text."""
        scratch: NDArray[np.int32] | None = getattr(self._own, "scratch", None)
        if scratch is None or len(scratch) < size:
            scratch = self._own.scratch = np.empty(size, np.int32)
        return scratch


def _cells(octets: NDArray[np.uint8], places: NDArray[np.int32], wanted: int) -> text_kernels.Cells:
    """Return the cells of one of the wanted fields."""
    return text_kernels.Cells(octets, places.reshape(-1), len(places), places.shape[1], field=2 * wanted)


def _untimed_tail(cells: text_kernels.Cells) -> int:
    """Return how many of the last cells are no times; few are looked at where the last one is."""
    count = 1
    while True:
        last = cells.slice(max(0, cells.rows - count), cells.rows)
        texts = Texts(*text_kernels.copy_texts(last)).to_bytes()
        tail = footers.untimed_tail([text.decode("utf-8", "backslashreplace") for text in texts])
        if tail < count or count >= cells.rows:
            return tail
        count *= 8


def _joined(parts: list[Texts]) -> Texts:
    parts = parts or [Texts.of([])]
    offsets = np.cumsum([0, *(int(part.starts[-1]) for part in parts)], dtype=np.int32)
    starts = [part.starts[:-1] + offset for part, offset in zip(parts, offsets, strict=False)]
    return Texts(np.concatenate([*starts, offsets[-1:]]), np.concatenate([part.content for part in parts]))


def explain(error: NumberError, text: str, numbers: NumberFormat) -> tuple[str, str]:
    """Return why a text is not a close, and what to do about it."""
    if text.strip() and not any(letter.isdigit() for letter in text):
        return str(error), f"{ADVICE}; if it stands for a missing close, say --missing {shown(text.strip())}"
    if len(text) <= _SHOWN_CHARACTERS and _is_written_otherwise(shape(text), numbers):
        advice = "mend the row, or say how all are written with --decimal and --thousands"
        return "a number written otherwise than those above", advice
    return str(error), error.advice or ADVICE


@lru_cache(maxsize=1024)
def _is_written_otherwise(looks: str, numbers: NumberFormat) -> bool:
    """Tell whether texts of a shape are numbers, but not in this format: each distinct text takes too long."""
    return not numbers.fits(looks) and any(convention.fits(looks) for convention in CONVENTIONS)


def shown(text: str) -> str:
    """Quote a text found in a file for a message: short, on one line, control characters escaped."""
    short = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
    return repr(short)
