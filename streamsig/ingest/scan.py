"""Closes out of delimited text at the speed of memory, by `kernels` in place of a parser.

A text is read only when it surely means what the kernels take it for: every record has the same
number of fields, quotes open and close fields, line ends are LF or CRLF. All else gives `None`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from decimal import Context
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.core.ticks import Ticks
from streamsig.ingest import kernels as k
from streamsig.ingest.numbers import NumberError
from streamsig.jit import LANES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from streamsig.ingest.dialect import Dialect

_EXACT = Context(prec=1000)
_SPARE = 2 * LANES
_ODD_SHARE = 8
_TENS = np.array([10**power for power in range(k.MAX_SCALE + 1)], np.int64)


class Scanned(NamedTuple):
    """The closes of a text, how many line ends it has, and a string array per further field."""

    ticks: Ticks
    lines: int
    texts: tuple[pa.Array, ...]


class Scanner:
    """Reads the closes of texts of one dialect; safe to call from several threads."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._kernels = k.kernels()
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

    def _fields(self, text: memoryview | bytes) -> _Fields | None:
        """Find where the fields end; `None` where their number is not the same for every record."""
        if len(text) and text[len(text) - 1] != ord("\n"):
            text = bytes(text) + b"\n"
        octets = np.frombuffer(text, np.uint8)
        blocks, rest = divmod(len(octets), LANES)
        tail = np.full(LANES, ord(" "), np.uint8)
        tail[:rest] = octets[len(octets) - rest :]
        # in front of the first is the end of a field that is not there
        places, found = self._scratch(len(octets) + _SPARE), np.zeros(4, np.int64)
        first = _address(places) + places.itemsize
        delimiter = ord(self._dialect.delimiter)
        count = self._kernels.find_fields(_address(octets), blocks, _address(tail), delimiter, first, _address(found))
        rows = int(found[k.RECORDS])
        if found[k.STRANGE] or count != rows * self._dialect.fields:
            return None
        return _Fields(octets, places[1 : count + 1], rows, int(found[k.LINES]), int(found[k.RETURNS]))

    def _ticks(self, fields: _Fields, scale: int) -> Ticks | None:
        """Read the closes; `None` where too many are no plain numbers, or one is no number at all."""
        dialect, rows = self._dialect, fields.rows
        ticks, missing = np.empty(rows, np.int64), np.zeros(rows, np.uint8)
        odd, told = np.empty(rows // _ODD_SHARE + _SPARE, np.int32), np.zeros(3, np.int64)
        source = (_address(fields.octets), _address(fields.places), rows, dialect.fields, dialect.close)
        results = (_address(ticks), _address(missing), _address(odd), len(odd), _address(told), _address(_TENS))
        mark = ord(dialect.numbers.decimal)
        count = self._kernels.read_numbers(*source, mark, scale, *results)
        if told[k.TORN] or told[k.RETURNS_AT_ENDS] != fields.returns or count > len(odd):
            return None
        if told[k.WIDEST] > scale:
            return self._ticks(fields, int(told[k.WIDEST])) if told[k.WIDEST] <= k.MAX_SCALE else None
        for row, value in zip(odd[:count].tolist(), self._odd_ticks(fields, odd[:count], scale), strict=False):
            if value is None:
                return None
            ticks[row], missing[row] = value
        if not missing.any():
            return Ticks(ticks[np.newaxis], scale)
        if dialect.fields == 1 or dialect.delimiter == " ":
            return None  # lines of blanks, which are no records, look just like that
        return Ticks(ticks[np.newaxis], scale, missing.view(np.bool_))

    def _odd_ticks(self, fields: _Fields, rows: NDArray[np.int32], scale: int) -> Iterator[tuple[int, bool] | None]:
        """Yield tick and whether it is missing for each close that the kernel could not read, `None` for no number."""
        stops = rows.astype(np.int64) * self._dialect.fields + self._dialect.close
        starts = np.where(stops > 0, fields.places[stops - 1] + 1, 0)
        known: dict[bytes, tuple[int, bool] | None] = {}
        for start, stop in zip(starts.tolist(), fields.places[stops].tolist(), strict=True):
            cell = fields.octets[start:stop].tobytes()
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
        return (int(tick), False) if tick == int(tick) and abs(tick) < k.MOST_VALUE else None

    def _texts(self, fields: _Fields, index: int) -> pa.Array | None:
        """Return one field of every record without its quotes; `None` where quotes are doubled in one."""
        import pyarrow as pa  # noqa: PLC0415 (a plain count does without, and it takes long to import)

        starts = np.empty(fields.rows + 1, np.int32)
        content = np.empty(len(fields.octets) + _SPARE, np.uint8)
        source = (_address(fields.octets), len(fields.octets), _address(fields.places), fields.rows)
        size = self._kernels.copy_texts(*source, self._dialect.fields, index, _address(starts), _address(content))
        if size < 0:
            return None
        buffers = [None, pa.py_buffer(starts), pa.py_buffer(content[:size].copy())]
        return pa.Array.from_buffers(pa.string(), fields.rows, buffers)

    def _scratch(self, size: int) -> NDArray[np.int32]:
        """Return room of this thread's own, which starts with -1."""
        scratch: NDArray[np.int32] | None = getattr(self._own, "places", None)
        if scratch is None or len(scratch) < size:
            scratch = self._own.places = np.empty(size, np.int32)
            scratch[0] = -1
        return scratch


@dataclass(frozen=True, slots=True)
class _Fields:
    """A text, the place behind each of its fields (-1 stands before the first), records, line ends and CRs."""

    octets: NDArray[np.uint8]
    places: NDArray[np.int32]
    rows: int
    lines: int
    returns: int


def _address(array: NDArray[np.generic]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
