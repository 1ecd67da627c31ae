"""Reads chunks as ticks, and further fields as texts.

There are two exact ways to split a chunk into cells: at the speed of memory if all records are regular (the same
number of fields, quotes that open and close fields, LF or CRLF), else record by record. Either way `closes` reads the
cells. `records.split_records` and `NumberFormat.parse` are the definition, and explain a bad record.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.core.keys import Texts
from streamsig.core.ticks import Ticks, concat
from streamsig.csv import footers, repeated_headers
from streamsig.csv.bad_records import BadRecordError, Judge, Problem, Problems
from streamsig.csv.corporate_actions import find_actions
from streamsig.csv.records import split_records, unwrapped_lines
from streamsig.csv.rejected_rows import Rejects
from streamsig.fields.closes import completed, grammar_of, read_cells
from streamsig.fields.messages import shown
from streamsig.native import text_kernels
from streamsig.native.text_kernels import Cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from streamsig.csv.chunks import Chunk
    from streamsig.csv.dialect import Dialect
    from streamsig.fields.closes import BadCells

_RUN_RECORDS = 1 << 12
_JUDGED_BYTES = 1 << 16


class Reading(NamedTuple):
    """The content of one chunk: its closes in file order, its number of line ends, and the rejected records.

    `texts` has one text per close for each further field. `untimed_rows` counts the rows at the end without a time, if
    the reader is `timed`.
    """

    ticks: Ticks
    lines: int
    rejected: Rejects
    texts: tuple[Texts, ...] = ()
    untimed_rows: int = 0


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

    def __post_init__(self) -> None:
        self.scale = min(self.scale, text_kernels.MAX_SCALE)

    def read(self, chunk: Chunk) -> Reading:
        """Return the content of a chunk; raises BadRecordError for its first bad record, unless `skip_bad`."""
        octets = self._octets(chunk)
        reading = None if self.footer else self._read_regular(octets)
        reading = reading or self._read_records(octets, chunk)
        # closes of several words are read at any scale, so theirs does not help
        if len(reading.ticks.limbs) == 1 and self.scale < reading.ticks.scale <= text_kernels.MAX_SCALE:
            self.scale = reading.ticks.scale
        return reading

    def _octets(self, chunk: Chunk) -> NDArray[np.uint8]:
        return np.frombuffer(unwrapped_lines(chunk.view) if self.dialect.line_quoted else chunk.view, np.uint8)

    def _read_regular(self, octets: NDArray[np.uint8]) -> Reading | None:
        """Read a text whose records are all regular and good, the last with a time; return `None` for any other.

        Also for a text with many cells that the kernel cannot read: those take less memory in batches.
        """
        # read once: another thread may change the hint
        dialect, scale = self.dialect, self.scale
        regular = text_kernels.read_regular(octets, self._columns, self._grammar, scale)
        if regular is None or (regular.enclosed and dialect.line_quoted) or _untimed_tail(octets, regular.last):
            return None
        if regular.wide:
            closes = read_cells(Cells.of(octets, regular.places, len(self.also)), dialect.numbers, scale)
        else:
            ticks = Ticks(regular.ticks[np.newaxis], scale, regular.missing)
            cells = Cells.of(octets, regular.fallback[:, 1:])
            closes = completed(ticks, regular.fallback[:, 0], cells, dialect.numbers)
        prices: list[Cells] = []
        if self.prices and closes.ticks.missing is not None:
            columns = self._columns._replace(further=self.prices)
            found = text_kernels.read_regular(octets, columns, self._grammar, None) or regular
            prices = [Cells.of(octets, found.places, place) for place in range(len(self.prices))]
        if len(closes.bad.rows) or any(len(bad.rows) for bad in self._actions(closes.ticks, prices)):
            return None
        return Reading(closes.ticks, regular.lines, Rejects(), self._texts(octets, regular.places))

    def _texts(self, octets: NDArray[np.uint8], places: NDArray[np.int32]) -> tuple[Texts, ...]:
        """Return the texts of the further fields, whose places come first."""
        cells = [Cells.of(octets, places, place) for place in range(len(self.also))]
        return tuple(Texts(*text_kernels.copy_texts(each)) for each in cells)

    def _read_records(self, octets: NDArray[np.uint8], chunk: Chunk) -> Reading:
        """Read any text, record by record."""
        time = self._columns.last
        wanted = (*self.also, *([] if time < 0 else [time]), *self.prices, self.dialect.close)
        lines, rejects = 1, Rejects()
        runs: list[Ticks] = []
        further = [np.empty((0, 2 * len(self.also) + 2 * (time >= 0)), np.int32)]
        for records in self._batches(octets, wanted):
            lines = records.next_line
            places, ticks = self._good(records, octets, chunk, rejects)
            runs.append(ticks)
            further.append(places[:, : further[0].shape[1]].copy())
        places = np.concatenate(further)
        untimed = 0 if time < 0 else _untimed_tail(octets, places[:, -2:])
        return Reading(concat(runs), lines - 1, rejects, self._texts(octets, places), untimed)

    def _batches(self, octets: NDArray[np.uint8], wanted: Sequence[int]) -> Iterator[text_kernels.Records]:
        """Yield the records of any text in batches: their places take several times the bytes of short records."""
        dialect = self.dialect
        return text_kernels.split_records(
            octets, dialect.delimiter, wanted, most=_RUN_RECORDS, by_lines=dialect.line_quoted
        )

    def _good(
        self, records: text_kernels.Records, octets: NDArray[np.uint8], chunk: Chunk, rejects: Rejects
    ) -> tuple[NDArray[np.int32], Ticks]:
        """Return the places and closes of the good records; add the bad ones to `rejects`, or raise the first."""
        numbers, judge = self.dialect.numbers, self._judge
        whole = np.flatnonzero((records.fields == self.dialect.fields) & (records.nul == 0))
        places = records.places[whole]
        *cells, close = [Cells.of(octets, places, field) for field in range(places.shape[1] // 2)]
        ticks, bad = read_cells(close, numbers, self.scale)
        actions = self._actions(ticks, cells[len(cells) - len(self.prices) :])
        problems = Problems(len(records.fields))
        ragged = np.flatnonzero(records.fields != self.dialect.fields)
        counts, which = np.unique(records.fields[ragged], return_inverse=True)
        problems.note(ragged, which, [judge.ragged(count) for count in counts.tolist()])
        problems.note(np.flatnonzero(records.nul), 0, [judge.nul()])
        problems.note(whole[bad.rows], bad.which, list(map(judge.close, bad.texts, bad.errors)))
        for index, each in zip(self.prices, actions, strict=False):
            problems.note(whole[each.rows], each.which, [judge.action(index, text) for text in each.texts])
        problems.note(whole if self.footer else whole[:0], 0, [judge.no_time()])
        good = np.flatnonzero(problems.which[whole] < 0)
        if len(good) == len(records.fields):
            return places, ticks
        self._reject(records, problems, chunk, rejects)
        return places[good], ticks.take(good)

    def _actions(self, ticks: Ticks, prices: Sequence[Cells]) -> list[BadCells]:
        """Return the rows without a close that have a text in a column of prices, for each column."""
        if ticks.missing is None:
            return []
        rows = np.flatnonzero(ticks.missing)
        return [find_actions(each, rows, self.dialect.numbers, self.scale) for each in prices]

    def _reject(self, records: text_kernels.Records, problems: Problems, chunk: Chunk, rejects: Rejects) -> None:
        """Add the bad records to `rejects`, or raise BadRecordError for the first one.

        With `skip_bad` only another header raises BadRecordError.
        """
        dialect = self.dialect
        rejects.text = rejects.text or bytes(chunk.view)
        bad = np.flatnonzero(problems.which >= 0)
        lines, starts, stops = records.lines[bad], records.starts[bad], records.stops[bad]
        if dialect.line_quoted:
            # the lines of the file are still wrapped in quotes
            starts, stops = rejects.lines_at(lines)
        rows = [rejects.text[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
        for place in repeated_headers.may_be_headers(rows, dialect) if self.skip_bad else range(min(1, len(rows))):
            problem = problems.reasons[problems.which[bad[place]]]
            # short fields take thirty times their bytes as Python objects
            row = rows[place] if problem.field is not None else rows[place][:_JUDGED_BYTES]
            (fields,) = [each.fields for each in split_records(row, dialect.delimiter, line_quoted=dialect.line_quoted)]
            if repeated_headers.is_other_header(fields, int(records.fields[bad[place]]), dialect):
                problem = Problem("the whole row", repeated_headers.OTHER, repeated_headers.ADVICE)
            if not self.skip_bad or problem.reason == repeated_headers.OTHER:
                text = dialect.delimiter.join(fields) if problem.field is None else fields[problem.field]
                raise BadRecordError(int(lines[place]), problem.column, shown(text), problem.reason, problem.advice)
        rejects.extend(lines, starts, stops, problems.which[bad], [it[:2] for it in problems.reasons])

    def footer_start(self, chunk: Chunk, reading: Reading) -> int:
        """Return the byte of a chunk at which the rows without a time at its end begin."""
        line, start = self.row_places(chunk, reading)[:, -reading.untimed_rows]
        if self.dialect.line_quoted:
            # the lines of the file are still wrapped in quotes
            (start,), _ = Rejects(bytes(chunk.view)).lines_at(line[np.newaxis])
        return int(start)

    def row_places(self, chunk: Chunk, reading: Reading) -> NDArray[np.int32]:
        """Return the line, from 1, and the first byte of each row of a chunk, (2, rows).

        Bytes are those of the unwrapped text if lines are quoted.
        """
        batches = [np.stack([it.lines, it.starts]) for it in self._batches(self._octets(chunk), ())]
        places = np.concatenate([np.empty((2, 0), np.int32), *batches], axis=1)
        return places[:, ~np.isin(places[0], reading.rejected.lines)]

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self.dialect)

    @cached_property
    def _grammar(self) -> NDArray[np.uint8]:
        return grammar_of(self.dialect.numbers)

    @cached_property
    def _columns(self) -> text_kernels.Columns:
        dialect = self.dialect
        last = -1 if not self.timed or dialect.time is None else dialect.time
        return text_kernels.Columns(dialect.delimiter, dialect.fields, dialect.close, self.also, last)


def _untimed_tail(octets: NDArray[np.uint8], places: NDArray[np.int32]) -> int:
    """Return the number of cells at the end that are not times; `places` are the start and the stop of each."""
    for row in range(len(places) - 1, -1, -1):
        start, stop = places[row].tolist()
        text = octets[start:stop].tobytes()
        if text[:1] == b'"':
            (text,) = Texts(*text_kernels.copy_texts(Cells.of(octets, places[row : row + 1]))).to_bytes()
        if footers.has_time(text.decode("utf-8", "backslashreplace")):
            return len(places) - 1 - row
    return len(places)
