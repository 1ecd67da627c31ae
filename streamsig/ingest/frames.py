"""The closes of frames of other libraries, for those who keep the window state themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsig.errors import ColumnError, LayoutError
from streamsig.ingest.arrays import to_ticks
from streamsig.ingest.candidate import ONLY_CANDIDATE
from streamsig.ingest.columnar import open_frame
from streamsig.ingest.dialect import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamsig.core.ticks import Ticks
    from streamsig.ingest.columnar import ArrowStream


def ticks_of(frame: ArrowStream, column: str | int | None) -> Iterator[Ticks]:
    """Yield the closes of a frame, batch by batch. Raises LayoutError, SourceError and ColumnError."""
    rows = 0
    with open_frame(frame, column, "<frame>") as table:
        if table.why == ONLY_CANDIDATE:
            # there is nobody to warn
            raise LayoutError(f'<frame>: no column is named like a close; if it is "{table.column_name}", name it')
        numbers, _ = table.find_numbers(Asked())
        for (closes,) in table.batches():
            try:
                yield to_ticks(closes, numbers)
            except ColumnError as error:
                raise ColumnError(rows + error.row, error.text, error.reason, error.advice) from None
            rows += len(closes)
