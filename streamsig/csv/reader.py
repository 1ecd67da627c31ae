"""Reads chunks as ticks, and further fields as texts.

There are two exact ways to split a chunk into cells: at the speed of memory if all records are regular (the same
number of fields, quotes that open and close fields, LF or CRLF), else record by record. Either way `closes` reads the
cells. `records.split_records` and `NumberFormat.parse` are the definition, and explain a bad record.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from streamsig.core.keys import Texts
from streamsig.core.ticks import Ticks, concat
from streamsig.csv import footers, repeated_headers
from streamsig.csv.bad_records import MOST_SHOWN_FIELDS, BadRecordError, Judge, Problem, Problems, shown
from streamsig.csv.closes import closes_of, grammar_of, read_closes
from streamsig.csv.corporate_actions import Actions, find_actions
from streamsig.csv.records import split_records, unwrapped_lines
from streamsig.csv.rejected_rows import Rejects
from streamsig.native import text_kernels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from streamsig.csv.chunks import Chunk
    from streamsig.csv.dialect import Dialect

_RUN_RECORDS = 1 << 12


@dataclass(frozen=True, slots=True)
class Reading:
    """The content of one chunk: its closes in file order, its number of line ends, and the rejected records.

    `texts` has one text per close for each further field. `untimed` is the number of rows at the end without a time,
    if the reader is `timed`.
    """

    ticks: Ticks
    lines: int
    rejected: Rejects = field(default_factory=Rejects)
    texts: tuple[Texts, ...] = ()
    untimed: int = 0


@dataclass
class ChunkReader:
    """Reads the closes of chunks of one dialect; safe to call from several threads.

    `skip_bad` leaves bad records out instead of stopping at the first. `scale`, the number of decimals to try first,
    only saves time. `also` are further fields, from 0, to read as texts without quotes. With `timed` the rows at the
    end without a time are counted. A row without a close but with a text in one of the fields `prices` is bad. In a
    `footer` all records are bad.
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
        """Return the content of a chunk; raises BadRecordError for its first bad record, unless `skip_bad`."""
        text = unwrapped_lines(chunk.view) if self.dialect.line_quoted else chunk.view
        octets = np.frombuffer(text, np.uint8)
        regular = None if self.footer else self._read_regular(octets)
        reading = regular or self._read_records(chunk, octets)
        # closes of several words are read at any scale, so theirs does not help
        if len(reading.ticks.limbs) == 1 and self.scale < reading.ticks.scale <= text_kernels.MAX_SCALE:
            self.scale = reading.ticks.scale
        return reading

    def _read_regular(self, octets: NDArray[np.uint8]) -> Reading | None:
        """Read a text whose records are all regular and good; return `None` for any other.

        Also for a text with many cells that the kernel cannot read: those take less memory in batches.
        """
        # read once: another thread may change the hint
        dialect, scale = self.dialect, self.scale
        last = octets[-1] if len(octets) else ord("\n")
        octets = octets if last == ord("\n") else np.append(octets, np.uint8(ord("\n")))
        fields = text_kernels.find_fields(octets, dialect.delimiter, self._scratch(len(octets) + text_kernels.PADDING))
        whole_lines = not dialect.line_quoted or fields.records == fields.lines
        if fields.malformed or len(fields.ends) - 1 != fields.records * dialect.fields or not whole_lines:
            return None
        cells = text_kernels.Cells.of_field(fields, dialect.fields, dialect.close)
        numbers = text_kernels.read_numbers(cells, self._grammar, scale, dialect.delimiter)
        if numbers.ragged or numbers.empty or numbers.returns != fields.returns or len(numbers.fallback) > _RUN_RECORDS:
            return None
        closes = closes_of(numbers, cells, dialect.numbers, scale)
        if len(closes.bad.rows):
            return None
        if self.prices and closes.ticks.missing is not None:
            prices = [text_kernels.Cells.of_field(fields, dialect.fields, index) for index in self.prices]
            if len(self._actions(closes.ticks, prices).rows):
                return None
        also = (text_kernels.Cells.of_field(fields, dialect.fields, index) for index in self.also)
        texts = tuple(Texts(*text_kernels.copy_texts(cells)) for cells in also)
        untimed = 0
        if self.timed and dialect.time is not None:
            untimed = _untimed_tail(text_kernels.Cells.of_field(fields, dialect.fields, dialect.time))
        return Reading(closes.ticks, fields.lines - (last not in b"\r\n"), texts=texts, untimed=untimed)

    def _read_records(self, chunk: Chunk, octets: NDArray[np.uint8]) -> Reading:
        """Read any text, record by record."""
        dialect, rejects = self.dialect, Rejects()
        times = [dialect.time] if self.timed and dialect.time is not None else []
        wanted = [dialect.close, *self.also, *times, *self.prices]
        lines = 1
        runs: list[Ticks] = []
        untimed = 0
        texts: list[list[Texts]] = [[] for _ in self.also]
        for records in self._runs(octets, wanted):
            lines = records.next_line
            places, ticks = self._good(records, octets, chunk, rejects)
            good = records._replace(places=places)
            runs.append(ticks)
            if times and len(places):
                tail = _untimed_tail(good.cells(octets, 1 + len(self.also)))
                untimed = tail + untimed * (tail == len(places))
            for place, column in enumerate(texts, 1):
                column.append(Texts(*text_kernels.copy_texts(good.cells(octets, place))))
        return Reading(concat(runs), lines - 1, rejects, tuple(map(_joined, texts)), untimed)

    def _runs(self, octets: NDArray[np.uint8], wanted: Sequence[int]) -> Iterator[text_kernels.Records]:
        """Yield the records of any text in batches: positions take several times the bytes of short records."""
        dialect = self.dialect
        return text_kernels.split_records(
            octets, dialect.delimiter, wanted, most=_RUN_RECORDS, by_lines=dialect.line_quoted
        )

    def _good(
        self, records: text_kernels.Records, octets: NDArray[np.uint8], chunk: Chunk, rejects: Rejects
    ) -> tuple[NDArray[np.int32], Ticks]:
        """Return the positions and closes of the good records; add the bad ones to `rejects`, or raise the first."""
        whole = np.flatnonzero((records.fields == self.dialect.fields) & (records.nul == 0))
        regular = records._replace(places=records.places[whole])
        closes = read_closes(regular.cells(octets, 0), self.dialect.numbers, self.scale)
        first = regular.places.shape[1] // 2 - len(self.prices)
        prices = [regular.cells(octets, first + place) for place in range(len(self.prices))]
        actions = self._actions(closes.ticks, prices)
        if len(whole) == len(records.fields) and not (len(closes.bad.rows) or len(actions.rows) or self.footer):
            return regular.places, closes.ticks
        problems = self._problems(records)
        problems.note(whole[closes.bad.rows], closes.bad.which, list(map(self._judge.close, *closes.bad[2:])))
        problems.note(whole[actions.rows], actions.columns, [self._judge.action(index) for index in self.prices])
        if self.footer:
            problems.note(whole, 0, [self._judge.no_time()])
        self._reject(records, problems, chunk, rejects)
        good = np.flatnonzero(problems.which[whole] < 0)
        return regular.places[good], closes.ticks.take(good)

    def _problems(self, records: text_kernels.Records) -> Problems:
        """Return the problems of whole records, whatever their closes are."""
        problems = Problems(len(records.fields))
        ragged = np.flatnonzero(records.fields != self.dialect.fields)
        counts, which = np.unique(records.fields[ragged], return_inverse=True)
        problems.note(ragged, which, [self._judge.ragged(count) for count in counts.tolist()])
        problems.note(np.flatnonzero(records.nul), 0, [self._judge.nul()])
        return problems

    def _reject(self, records: text_kernels.Records, problems: Problems, chunk: Chunk, rejects: Rejects) -> None:
        """Add the bad records to `rejects`, or raise BadRecordError for the first one.

        With `skip_bad` only another header raises BadRecordError.
        """
        rejects.text = rejects.text or bytes(chunk.view)
        bad = np.flatnonzero(problems.which >= 0)
        lines, starts, stops = records.lines[bad], records.starts[bad], records.stops[bad]
        if self.dialect.line_quoted:
            # the lines of the file are still wrapped in quotes
            starts, stops = rejects.lines_at(lines)
        rows = [rejects.text[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
        for place in repeated_headers.may_be_headers(rows, self.dialect) if self.skip_bad else range(min(1, len(rows))):
            problem, text = self._judged(rows[place])
            if not self.skip_bad or problem.reason == repeated_headers.OTHER:
                raise BadRecordError(int(lines[place]), problem.column, shown(text), problem.reason, problem.advice)
        rejects.extend(lines, starts, stops, problems.which[bad], [it[:2] for it in problems.reasons])

    def _judged(self, row: bytes) -> tuple[Problem, str]:
        """Return the problem of a bad record, and the text that shows it."""
        dialect = self.dialect
        most = max(dialect.fields, MOST_SHOWN_FIELDS)
        records = split_records(row, dialect.delimiter, line_quoted=dialect.line_quoted, most_fields=most)
        return self._judge.record(next(records)) or (Problem("", ""), "")

    def _actions(self, ticks: Ticks, prices: Sequence[text_kernels.Cells]) -> Actions:
        """Return the rows without a close that have a text in a column of prices."""
        rows = np.empty(0, np.intp) if ticks.missing is None or not prices else np.flatnonzero(ticks.missing)
        return find_actions(prices, rows, self.dialect.numbers, self.scale)

    def footer_start(self, chunk: Chunk, reading: Reading) -> int:
        """Return the byte of a chunk at which the rows without a time at its end begin."""
        line, start = self.row_places(chunk, reading)[:, -reading.untimed]
        if self.dialect.line_quoted:
            # the lines of the file are still wrapped in quotes
            (start,), _ = Rejects(bytes(chunk.view)).lines_at(line[np.newaxis])
        return int(start)

    def row_places(self, chunk: Chunk, reading: Reading) -> NDArray[np.int32]:
        """Return the line, from 1, and the first byte of each row of a chunk, (2, rows).

        Bytes are those of the unwrapped text if lines are quoted.
        """
        dialect = self.dialect
        text = unwrapped_lines(chunk.view) if dialect.line_quoted else chunk.view
        octets = np.frombuffer(text, np.uint8)
        rejected = reading.rejected.lines
        places = [
            np.stack([records.lines, records.starts])[:, ~np.isin(records.lines, rejected)]
            for records in self._runs(octets, ())
        ]
        return np.concatenate([np.empty((2, 0), np.int32), *places], axis=1)

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self.dialect, self.prices, self.footer)

    @cached_property
    def _grammar(self) -> NDArray[np.uint8]:
        return grammar_of(self.dialect.numbers)

    def _scratch(self, size: int) -> NDArray[np.int32]:
        """Return the scratch memory of this thread, reused for each text."""
        scratch: NDArray[np.int32] | None = getattr(self._own, "scratch", None)
        if scratch is None or len(scratch) < size:
            scratch = self._own.scratch = np.empty(size, np.int32)
        return scratch


def _untimed_tail(cells: text_kernels.Cells) -> int:
    """Return the number of cells at the end that are not times; reads few of them if the last one is."""
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
