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
from streamsig.csv.closes import completed, grammar_of, read_closes
from streamsig.csv.corporate_actions import NO_ACTIONS, Actions, find_actions
from streamsig.csv.records import split_records, unwrapped_lines
from streamsig.csv.rejected_rows import Rejects
from streamsig.native import text_kernels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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

        Also for a text whose last row has no time, and for one with many cells that the kernel cannot read: those take
        less memory in batches.
        """
        # read once: another thread may change the hint
        dialect, scale = self.dialect, self.scale
        regular = text_kernels.read_regular(octets, self._columns, self._grammar, scale, self._scratch(len(octets)))
        if regular is None or (regular.enclosed and dialect.line_quoted) or _untimed_tail(octets, regular.last):
            return None
        if regular.wide:
            (cells,) = self._cells(octets, (dialect.close,))
            closes = read_closes(cells, dialect.numbers, scale)
        else:
            ticks = Ticks(regular.ticks[np.newaxis], scale, regular.missing)
            cells = text_kernels.Cells.of(octets, regular.fallback[:, 1:])
            closes = completed(ticks, regular.fallback[:, 0], cells, dialect.numbers)
        if len(closes.bad.rows) or len(self._actions(closes.ticks, lambda: self._cells(octets, self.prices)).rows):
            return None
        texts = [text_kernels.Cells.of(octets, regular.places, place) for place in range(len(self.also))]
        return Reading(closes.ticks, regular.lines, texts=tuple(Texts(*text_kernels.copy_texts(it)) for it in texts))

    def _cells(self, octets: NDArray[np.uint8], fields: tuple[int, ...]) -> list[text_kernels.Cells]:
        """Return the cells of some fields of a regular text."""
        columns = self._columns._replace(further=fields, last=-1)
        scratch = text_kernels.Scratch.empty(len(octets) // columns.fields + 1, len(fields))
        regular = text_kernels.read_regular(octets, columns, self._grammar, self.scale, scratch)
        places = np.empty((0, 2 * len(fields)), np.int32) if regular is None else regular.places
        return [text_kernels.Cells.of(octets, places, place) for place in range(len(fields))]

    def _read_records(self, chunk: Chunk, octets: NDArray[np.uint8]) -> Reading:
        """Read any text, record by record."""
        dialect, rejects = self.dialect, Rejects()
        times = [] if self._columns.last < 0 else [self._columns.last]
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
                first = 2 + 2 * len(self.also)
                tail = _untimed_tail(octets, places[:, first : first + 2])
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
        actions = self._actions(closes.ticks, lambda: prices)
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

    def _actions(self, ticks: Ticks, prices: Callable[[], Sequence[text_kernels.Cells]]) -> Actions:
        """Return the rows without a close that have a text in a column of prices."""
        if ticks.missing is None or not self.prices:
            return NO_ACTIONS
        return find_actions(prices(), np.flatnonzero(ticks.missing), self.dialect.numbers, self.scale)

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

    @cached_property
    def _columns(self) -> text_kernels.Columns:
        dialect = self.dialect
        time = dialect.time if self.timed else None
        return text_kernels.Columns(
            dialect.delimiter, dialect.fields, dialect.close, self.also, -1 if time is None else time
        )

    def _scratch(self, size: int) -> text_kernels.Scratch:
        """Return the scratch memory of this thread for a text of this size, reused for each text."""
        scratch: text_kernels.Scratch | None = getattr(self._own, "scratch", None)
        rows = size // self.dialect.fields + 1
        if scratch is None or len(scratch.ticks) < rows:
            scratch = self._own.scratch = text_kernels.Scratch.empty(rows, len(self.also))
        return scratch


def _untimed_tail(octets: NDArray[np.uint8], places: NDArray[np.int32]) -> int:
    """Return the number of cells at the end that are not times; `places` are the start and the stop of each."""
    for count, row in enumerate(range(len(places) - 1, -1, -1)):
        cell = text_kernels.Cells.of(octets, places[row : row + 1])
        (text,) = Texts(*text_kernels.copy_texts(cell)).to_bytes()
        if footers.has_time(text.decode("utf-8", "backslashreplace")):
            return count
    return len(places)


def _joined(parts: list[Texts]) -> Texts:
    parts = parts or [Texts.of([])]
    offsets = np.cumsum([0, *(int(part.starts[-1]) for part in parts)], dtype=np.int32)
    starts = [part.starts[:-1] + offset for part, offset in zip(parts, offsets, strict=False)]
    return Texts(np.concatenate([*starts, offsets[-1:]]), np.concatenate([part.content for part in parts]))
