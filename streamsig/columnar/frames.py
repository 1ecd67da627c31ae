"""The closes of tables of other libraries, for programs that hold the window state themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsig.columnar.arrays import to_ticks
from streamsig.columnar.table import open_frame
from streamsig.errors import ColumnError, LayoutError
from streamsig.fields.messages import one_line
from streamsig.sniffer.layout import ONLY_CANDIDATE, LayoutOptions
from streamsig.sources.objects import inputs_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamsig.core.ticks import Ticks
    from streamsig.core.window import ArrowStream


def ticks_of(given: object, column: str | int | None) -> Iterator[Ticks]:
    """Yield the closes of tables or columns, batch by batch; `given` is what `streamsig.run` takes, except for paths.

    Raises TypeError, LayoutError, SourceError and ColumnError.
    """
    for table in inputs_of([given]):
        if isinstance(table, str):
            raise TypeError(f"{table!r} is a path, and the state takes closes: count files with streamsig.run")
        yield from _ticks_of(table, column)


def _ticks_of(frame: ArrowStream, column: str | int | None) -> Iterator[Ticks]:
    rows = 0
    with open_frame(frame, "<frame>") as table:
        layout = table.detect(LayoutOptions(column=column))
        close, numbers = layout.dialect.close, layout.dialect.numbers
        if dict(layout.reasons)["close"] == ONLY_CANDIDATE:
            # there is nobody to warn
            title = one_line(str(table.schema.names[close]))
            raise LayoutError(f'<frame>: no column is named like a close; if it is "{title}", name it')
        for (closes,) in table.batches([close]):
            try:
                yield to_ticks(closes, numbers)
            except ColumnError as error:
                raise ColumnError(rows + error.row, error.text, error.reason, error.advice) from None
            rows += len(closes)
