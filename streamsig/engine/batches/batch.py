"""The values of the loop: an open input, its batches of rows, and positions in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from streamsig.sniffer.layout import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from streamsig.core.keys import Texts
    from streamsig.core.ticks import Ticks
    from streamsig.csv.rejected_rows import Rejected
    from streamsig.sniffer.layout import Layout


class Position(NamedTuple):
    """How far an input is counted.

    `rows` are counted, `rejected` left out. `offset` counts bytes of a text from its first row, `line` is the physical
    line there (of a columnar input the number of the row). `crc` is the CRC-32 of these bytes, if the text is no plain
    file. `untimed` counts the bytes before the offset that are a footer if the text ends there.
    """

    rows: int
    offset: int
    line: int
    rejected: int
    crc: int = 0
    untimed: int = 0

    def advance(self, rows: int, lines: int, rejected: int) -> Position:
        """Return the position after so many more rows, lines and rejected rows."""
        return self._replace(rows=self.rows + rows, line=self.line + lines, rejected=self.rejected + rejected)


class OpenInput(NamedTuple):
    """An input whose layout is detected. `warnings` are for a person."""

    name: str
    layout: Layout
    warnings: tuple[str, ...]

    @property
    def time_fields(self) -> tuple[int, ...]:
        """The fields that give the time, as batches have them: none, one, or date and time of day."""
        time = self.layout.time_column
        if time.index is None or time.index == self.layout.dialect.close:
            return ()
        return (time.index,) if time.clock is None else (time.index, time.clock)

    @property
    def keys(self) -> list[str]:
        """The names of the columns to group by."""
        dialect = self.layout.dialect
        if self.layout.format != TEXT:
            return [(dialect.header or ())[index] for index in self.layout.groups]
        return [dialect.field_name(index) for index in self.layout.groups]


class RejectedRows(Protocol):
    """Bad rows that are left out, in order; their lines count from 1 at the start of the batch."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Rejected]: ...


class Batch(NamedTuple):
    """The rows of one chunk or record batch, in file order.

    `keys` and `times` have one column per field, with one text per row. `row_lines` (rows,) has the physical line of
    each row, from 1 at the start of the batch; `None` if row r is on line r + 1, or if no stage needs lines.
    """

    ticks: Ticks
    keys: Sequence[Texts]
    times: Sequence[Texts]
    rejected: RejectedRows
    row_lines: NDArray[np.int32] | None = None

    def line_of(self, row: int) -> int:
        """Return the physical line of a row, from 1 at the start of the batch."""
        return row + 1 if self.row_lines is None else int(self.row_lines[row])


class Step(NamedTuple):
    """A batch, as prepared by each stage, and the position after it.

    A step is `provisional` if its rows may still change in the file: no checkpoint includes it.
    """

    parts: tuple[object, ...]
    after: Position
    provisional: bool = False
