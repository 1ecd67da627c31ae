"""Columnar inputs as batches: Parquet files, Arrow files and streams, and frames of other libraries."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from streamsig.columnar.arrays import column_errors, read_closes, to_texts
from streamsig.columnar.arrow_text import from_arrow
from streamsig.csv.rejected_rows import Rejected
from streamsig.engine.batches.batch import Batch, Position, Step
from streamsig.engine.execute import map_in_order
from streamsig.errors import BadRow, BadRowError
from streamsig.fields.messages import ADVICE
from streamsig.settings.settings import SKIP

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from streamsig.columnar.table import ColumnarTable, Part
    from streamsig.engine.batches.batch import OpenInput
    from streamsig.engine.loop import Prepare, Run
    from streamsig.fields.closes import BadCells


_MAX_COUNTED_ROWS, _MAX_EMITTED_ROWS = 1 << 20, 1 << 17
"""Rows of the longest row group that a thread reads at once: if only counts are left of it, and if rows are."""


class _Piece(NamedTuple):
    """What the stages have prepared of a batch, and its counts."""

    parts: tuple[object, ...]
    rows: int
    lines: int
    rejected: int


class TableBatches:
    """A columnar input as batches."""

    first = Position(0, 0, 1, 0)
    warnings: Sequence[str] = ()

    def __init__(self, table: ColumnarTable, opened: OpenInput, run: Run, consumed: Callable[[], int]) -> None:
        self._table, self.opened, self._consumed = table, opened, consumed
        self._skips = run.settings.on_bad_row == SKIP
        layout = opened.layout
        self._column, self._numbers = layout.column, layout.dialect.numbers
        times = opened.time_fields if run.needs_times else ()
        self._keys, self._columns = len(layout.groups), (layout.dialect.close, *layout.groups, *times)
        self._threads = run.budget.plan.threads if table.is_parallel else 1
        is_small = len(self._columns) == 1 and not run.emits_rows
        self._part_rows = _MAX_COUNTED_ROWS if is_small else _MAX_EMITTED_ROWS

    @property
    def consumed_bytes(self) -> int:
        """Bytes of the input, as stored, read so far."""
        return self._consumed()

    def steps(self, prepare: Prepare, start: Position) -> Generator[Step, None, None]:
        """Yield the batches; raises SourceError, and BadRowError unless bad rows are left out."""
        read, position = partial(self._read, prepare, start.line - self.first.line), start
        parts = self._table.parts(self._columns, self._part_rows)
        with closing(map_in_order(read, parts, self._threads)) as pieces:
            for piece in chain.from_iterable(pieces):
                position = position.advance(piece.rows, piece.lines, piece.rejected)
                yield Step(piece.parts, position)
                # free it before the next one is read
                del piece

    def _read(self, prepare: Prepare, counted: int, part: Part) -> Iterator[_Piece]:
        """Return the rows of a part without those that are counted already; raises as `steps` does."""
        pieces, start = [], part.start
        for columns in part.batches:
            skipped = min(max(0, counted - start), len(columns[0]))
            column, *others = (each.slice(skipped) for each in columns)
            if len(column):
                batch = self._batch(column, others, start + skipped)
                pieces.append(_Piece(prepare(batch), len(batch.ticks), len(column), len(batch.rejected)))
            start += len(columns[0])
        return iter(pieces)

    def _batch(self, column: pa.Array, others: Sequence[pa.Array], rows_before: int) -> Batch:
        ticks, bad = read_closes(column, self._numbers)
        for each in () if self._skips else column_errors(bad):
            title, line = f'column "{self._column}"', rows_before + each.row + 1
            raise BadRowError(self.opened.name, BadRow(line, title, each.text, each.reason, each.advice or ADVICE))
        texts, lines = [to_texts(each) for each in others], None
        if len(bad.rows):
            good = np.delete(np.arange(len(ticks)), bad.rows)
            ticks, texts = ticks.take(good), [each.take(pa.array(good)) for each in texts]
            lines = (good + 1).astype(np.int32)
        columns = [from_arrow(each) for each in texts]
        rejected = _RejectedRows(self._table, bad, rows_before, self._column)
        return Batch(ticks, columns[: self._keys], columns[self._keys :], rejected, lines)


class _RejectedRows:
    """The bad rows of the last batch; their other columns are read on iteration."""

    def __init__(self, table: ColumnarTable, bad: BadCells, rows_before: int, column: str) -> None:
        self._table, self._bad, self._rows_before, self._column = table, bad, rows_before, column

    def __len__(self) -> int:
        return len(self._bad.rows)

    def __iter__(self) -> Iterator[Rejected]:
        bad = self._bad
        lines = self._table.row_lines((bad.rows.astype(np.int64) + self._rows_before).tolist())
        for row, place, text in zip(bad.rows.tolist(), bad.which.tolist(), lines, strict=True):
            yield Rejected(row + 1, self._column, str(bad.errors[place]), text)
