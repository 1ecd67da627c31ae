"""Columnar inputs as batches: Parquet files, Arrow files and streams, and frames of other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from streamsig.columnar.arrays import read_closes, to_texts
from streamsig.columnar.arrow_text import from_arrow
from streamsig.csv.bad_records import ADVICE
from streamsig.csv.rejected_rows import Rejected
from streamsig.engine.batches.batch import SKIP, Batch, Position, Step
from streamsig.errors import BadRowError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from streamsig.columnar.arrays import Closes
    from streamsig.columnar.table import ColumnarTable
    from streamsig.engine.batches.batch import OpenInput
    from streamsig.engine.loop import Prepare, Run


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

    @property
    def consumed_bytes(self) -> int:
        """Bytes of the input, as stored, read so far."""
        return self._consumed()

    def steps(self, prepare: Prepare, start: Position) -> Generator[Step, None, None]:
        """Yield the batches; raises SourceError, and BadRowError unless bad rows are left out."""
        position, skipped = start, start.line - self.first.line
        for columns in self._table.batches(self._columns):
            column, *others = (each.slice(skipped) for each in columns)
            skipped = max(0, skipped - len(columns[0]))
            if not len(column):
                continue
            batch = self._batch(column, others, position.line - 1)
            after = Position(
                position.rows + len(batch.ticks),
                0,
                position.line + len(column),
                position.rejected + len(batch.rejected),
            )
            yield Step(prepare(batch), after)
            position = after

    def _batch(self, column: pa.Array, others: Sequence[pa.Array], rows_before: int) -> Batch:
        closes = read_closes(column, self._numbers)
        if not self._skips:
            for bad in closes.bad():
                title, line = f'column "{self._column}"', rows_before + bad.row + 1
                raise BadRowError(self.opened.name, line, title, bad.text, bad.reason, bad.advice or ADVICE)
        texts, ticks, lines = [to_texts(each) for each in others], closes.ticks, None
        if len(closes.bad_rows):
            rows = closes.good_rows()
            ticks, texts = ticks.take(rows), [each.take(pa.array(rows)) for each in texts]
            lines = (rows + 1).astype(np.int32)
        columns = [from_arrow(each) for each in texts]
        rejected = _RejectedRows(self._table, closes, rows_before, self._column)
        return Batch(ticks, columns[: self._keys], columns[self._keys :], rejected, lines)


class _RejectedRows:
    """The bad rows of the last batch; their other columns are read on iteration."""

    def __init__(self, table: ColumnarTable, closes: Closes, rows_before: int, column: str) -> None:
        self._table, self._closes, self._rows_before, self._column = table, closes, rows_before, column

    def __len__(self) -> int:
        return len(self._closes.bad_rows)

    def __iter__(self) -> Iterator[Rejected]:
        rows = self._table.row_lines((self._closes.bad_rows + self._rows_before).tolist())
        for bad, text in zip(self._closes.bad(), rows, strict=True):
            yield Rejected(bad.row + 1, self._column, bad.reason, text)
