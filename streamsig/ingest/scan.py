"""Closes out of delimited text at the speed of memory, by `native` kernels in place of a parser.

A text is read only when it surely means what they take it for: every record has the same
number of fields, quotes open and close fields, line ends are LF or CRLF. All else gives `None`.
"""

from __future__ import annotations

import threading
from decimal import Context
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig import native
from streamsig.core.keys import Texts
from streamsig.core.ticks import Ticks
from streamsig.ingest.numbers import NumberError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from streamsig.ingest.dialect import Dialect

_EXACT = Context(prec=1000)


class Scanned(NamedTuple):
    """The closes of a text, how many line ends it has, and the texts of each further field."""

    ticks: Ticks
    lines: int
    texts: tuple[Texts, ...]


class Scanner:
    """Reads the closes of texts of one dialect; safe to call from several threads."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._own = threading.local()

    def read(self, text: memoryview | bytes, scale: int, also: Sequence[int] = ()) -> Scanned | None:
        """Return the closes and the fields `also`, or `None` where another way must be taken.

        `text` holds whole records without whole-line quotes. `scale` is the number of decimals to
        try first; the ticks have it, or the one that is needed.
        """
        fields = self._fields(text)
        ticks = None if fields is None else self._ticks(fields, scale)
        if fields is None or ticks is None:
            return None
        texts = [column for index in also if (column := self._texts(fields, index)) is not None]
        return Scanned(ticks, fields.lines, tuple(texts)) if len(texts) == len(also) else None

    def _fields(self, text: memoryview | bytes) -> native.Fields | None:
        """Find where the fields end; `None` where their number is not the same for every record."""
        if len(text) and text[len(text) - 1] != ord("\n"):
            text = bytes(text) + b"\n"
        octets = np.frombuffer(text, np.uint8)
        found = native.find_fields(octets, self._dialect.delimiter, self._room(len(octets) + native.SPARE))
        regular = not found.strange and len(found.ends) - 1 == found.records * self._dialect.fields
        return found if regular else None

    def _ticks(self, fields: native.Fields, scale: int) -> Ticks | None:
        """Read the closes; `None` where too many are no plain numbers, or one is no number at all."""
        dialect = self._dialect
        mark = dialect.numbers.decimal
        column = native.read_numbers(fields, dialect.fields, dialect.close, mark=mark, scale=scale)
        doubtful = column.whole and dialect.numbers.by_custom
        if column.torn or column.returns != fields.returns or column.odd is None or doubtful:
            return None
        if column.widest > scale:
            return self._ticks(fields, column.widest) if column.widest <= native.MAX_SCALE else None
        for row, value in zip(column.odd.tolist(), self._odd_ticks(fields, column.odd, scale), strict=False):
            if value is None:
                return None
            column.ticks[row], column.missing[row] = value
        if not column.missing.any():
            return Ticks(column.ticks[np.newaxis], scale)
        if dialect.fields == 1 or dialect.delimiter == " ":
            return None  # lines of blanks, which are no records, look just like that
        return Ticks(column.ticks[np.newaxis], scale, column.missing.view(np.bool_))

    def _odd_ticks(
        self, fields: native.Fields, rows: NDArray[np.int32], scale: int
    ) -> Iterator[tuple[int, bool] | None]:
        """Yield tick and whether it is missing for each close that the kernel could not read, `None` for no number."""
        before = rows.astype(np.int64) * self._dialect.fields + self._dialect.close
        known: dict[bytes, tuple[int, bool] | None] = {}
        for end, stop in zip(fields.ends[before].tolist(), fields.ends[before + 1].tolist(), strict=True):
            cell = fields.text[end + 1 : stop].tobytes()
            if cell not in known:
                known[cell] = self._odd_tick(cell, scale)
            yield known[cell]

    def _odd_tick(self, cell: bytes, scale: int) -> tuple[int, bool] | None:
        if cell[:1] == b'"':
            cell = cell.rstrip(b"\r")[1:-1].replace(b'""', b'"')
        try:
            number = self._dialect.numbers.parse(cell.decode("utf-8", "backslashreplace"))
        except NumberError:
            return None
        if number is None:
            return 0, True
        tick = number.scaleb(scale, _EXACT)
        return (int(tick), False) if tick == int(tick) and abs(tick) < native.MOST_VALUE else None

    def _texts(self, fields: native.Fields, index: int) -> Texts | None:
        """Return one field of every record without its quotes; `None` where quotes are doubled in one."""
        copied = native.copy_texts(fields, self._dialect.fields, index)
        return None if copied is None else Texts(*copied)

    def _room(self, size: int) -> NDArray[np.int32]:
        """Return room of this thread's own, used again for each text."""
        room: NDArray[np.int32] | None = getattr(self._own, "room", None)
        if room is None or len(room) < size:
            room = self._own.room = np.empty(size, np.int32)
        return room
