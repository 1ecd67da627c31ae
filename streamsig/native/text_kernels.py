"""The kernels that read delimited text: regular text, records, and the numbers and texts of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamsig.native import library

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

MAX_SCALE = 18
"""The most decimals of a tick in 64 bits."""

MAX_FALLBACK = 1 << 12
"""The most cells of a regular text that the kernel leaves to the caller."""

_TOO_WIDE = -2
_PADDING = 16
_MAX_ENTRY = 255


class Cells(NamedTuple):
    """The positions of cells in a text, one for each row.

    Attributes:
        text: (bytes,) the text.
        places: byte offsets; cell r begins at `places[r * stride]` and ends at the next offset.
        rows: The number of cells.
        stride: The number of places from one cell to the next.
        quoted: Whether cells may have quotes around them, and doubled quotes inside.

    """

    text: NDArray[np.uint8]
    places: NDArray[np.int32]
    rows: int
    stride: int
    quoted: bool = True

    @classmethod
    def of(cls, text: NDArray[np.uint8], places: NDArray[np.int32], field: int = 0) -> Cells:
        """Return the cells of a field, from 0; `places` has the start and the stop of each, (rows, 2 * fields)."""
        return cls(text, places.reshape(-1)[2 * field :], *places.shape)

    def slice(self, start: int, stop: int) -> Cells:
        """Return the cells of rows `start` (included) to `stop` (excluded)."""
        return self._replace(places=self.places[start * self.stride :], rows=min(stop, self.rows) - start)

    def take(self, rows: NDArray[np.integer]) -> Cells:
        """Return the cells of these rows."""
        at = rows.astype(np.int64) * self.stride
        pairs = np.stack([self.places[at], self.places[at + 1]], axis=1)
        return Cells.of(self.text, pairs)._replace(quoted=self.quoted)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """Return the arguments of kernels that read cells; raises ValueError for cells out of bounds."""
        if min(self.rows, self.stride) < 0 or (self.rows and (self.rows - 1) * self.stride + 2 > len(self.places)):
            raise ValueError(f"cells of {self.rows} rows that are not in {len(self.places)} places")
        return self.places, self.rows, self.stride, int(self.quoted)


class Columns(NamedTuple):
    """What to read of a delimited text.

    Attributes:
        delimiter: One character of ASCII.
        fields: The number of fields of each record.
        close: The field of the close, from 0.
        further: Further fields whose cells are found.
        last: The field whose cell in the last record is returned, or -1.

    """

    delimiter: str
    fields: int
    close: int
    further: tuple[int, ...] = ()
    last: int = -1


class Regular(NamedTuple):
    """What a regular text contains.

    Attributes:
        ticks: (rows,) closes in units of 10**-scale, 0 where there is none.
        missing: (rows,) 1 where there is no close, else 0; `None` if every row has one.
        fallback: (fallback, 3) the row, start and stop of cells that the kernel cannot read; the caller reads them.
        places: (rows, 2 * further) the start and the stop of each further field.
        lines: The number of line ends; a CR at the end of the text is one.
        enclosed: The number of line ends inside quotes.
        last: (0 or 1, 2) the start and the stop of the requested cell in the last record.
        wide: Whether a number does not fit in a tick. There are no ticks then, and the close is the last further field.

    """

    ticks: NDArray[np.int64]
    missing: NDArray[np.bool_] | None
    fallback: NDArray[np.int32]
    places: NDArray[np.int32]
    lines: int
    enclosed: int
    last: NDArray[np.int32]
    wide: bool = False


def read_regular(
    text: NDArray[np.uint8], columns: Columns, grammar: NDArray[np.uint8], scale: int | None
) -> Regular | None:
    """Read a text whose records are all regular; `None` for any other.

    Records have the same number of fields, quotes open and close fields, and lines end with LF or CRLF; the last one
    need not end. No record has only delimiters and blanks. `text`, (bytes,), must be shorter than 2 GiB. Returns `None`
    also for more than `MAX_FALLBACK` cells that the kernel cannot read. Without a scale, closes are not read. Raises
    ValueError for fields or a scale out of range.
    """
    delimiter, width, close, further, last = columns
    fields = (close, *further)
    if not 0 <= min(fields) <= max(fields) < width or not -1 <= last < width:
        raise ValueError(f"fields {fields} or {last} are not in 0..{width - 1}")
    _check_scale(scale or 0)
    # many more rows than a text usually has: memory that is not written is not allocated
    most = len(text) // width + 1
    ticks, missing = np.empty(most, np.int64), np.empty(most, np.uint8)
    fallback, places = np.empty((MAX_FALLBACK, 3), np.int32), np.empty((most, 2 * len(further)), np.int32)
    summary = np.zeros(5, np.int64)
    source = (text, len(text), ord(delimiter), width, np.array(fields, np.int32), len(fields), last, grammar)
    read = -1 if scale is None else scale
    rows = library.call("read_regular", *source, read, ticks, missing, fallback, places, summary)
    if rows == _TOO_WIDE:
        regular = read_regular(text, columns._replace(further=(*further, close)), grammar, None)
        return None if regular is None else regular._replace(wide=True)
    if rows < 0:
        return None
    enclosed, gaps, left = summary[:3].tolist()
    is_open = len(text) > 0 and text[-1] not in b"\r\n"
    return Regular(
        ticks[: 0 if scale is None else rows].copy(),
        missing[:rows].astype(np.bool_) if gaps else None,
        fallback[:left].copy(),
        places[:rows].copy(),
        rows + enclosed - is_open,
        enclosed,
        summary[3:].astype(np.int32).reshape(1, 2)[: rows if last >= 0 else 0],
    )


def last_record_end(text: NDArray[np.uint8], delimiter: str) -> int:
    """Return the byte after the last record that ends with LF; 0 if there is none, or the text is not regular."""
    return library.call("last_record_end", text, len(text), ord(delimiter))


class Records(NamedTuple):
    """Records of a text.

    Attributes:
        starts: (records,) the first byte of each.
        stops: (records,) the end of each, its line end included.
        lines: (records,) the line on which each begins.
        fields: (records,) the number of fields of each.
        nul: (records,) 1 for a record with a NUL byte, else 0.
        places: (records, 2 * wanted) the start and the stop of each wanted field.
        next_line: The line after the last record.

    """

    starts: NDArray[np.int32]
    stops: NDArray[np.int32]
    lines: NDArray[np.int32]
    fields: NDArray[np.int32]
    nul: NDArray[np.int32]
    places: NDArray[np.int32]
    next_line: int


def split_records(
    text: NDArray[np.uint8], delimiter: str, wanted: Sequence[int], *, most: int, by_lines: bool = False
) -> Iterator[Records]:
    """Yield the records of `text`, (bytes,) shorter than 2 GiB, in batches of at most `most`; the last may be empty.

    `wanted` are fields, from 0. With `by_lines` a record ends with its line, even inside quotes.
    """
    position, fields = np.array([0, 1], np.int64), np.array(wanted, np.int32)
    # the shortest record is a byte and a line end
    most = min(most, (len(text) + 1) // 2)
    source = (text, len(text), ord(delimiter), int(by_lines), fields, len(fields))
    while position[0] < len(text):
        records, places = np.empty((most, 5), np.int32), np.empty((most, 2 * len(fields)), np.int32)
        count = library.call("split_records", *source, position, records, places, most)
        starts, stops, lines, counts, nul = records[:count].T
        yield Records(starts, stops, lines, counts, nul, places[:count], int(position[1]))


def grammar(
    mark: str, lists: Sequence[Sequence[str]], *, ambiguous_mark: bool, mark_by_convention: bool
) -> NDArray[np.uint8]:
    """Return the grammar of numbers in the form of the kernels, (bytes,).

    `lists` are the texts for a minus, for a thousands separator, for a currency (the longer of two with the same
    beginning first), and for a missing close, in lower case.
    """
    entries = [[text.encode() for text in texts if text] for texts in lists]
    parts = [bytes([len(entry)]) + entry for each in entries for entry in [*each, b""] if len(entry) <= _MAX_ENTRY]
    # writable arrays are faster to pass
    return np.frombuffer(bytearray([ord(mark), ambiguous_mark | mark_by_convention << 1]) + b"".join(parts), np.uint8)


class Numbers(NamedTuple):
    """The numbers in cells.

    Attributes:
        ticks: (rows,) values in units of 10**-scale, 0 where there is none.
        missing: (rows,) 1 where there is no close, else 0.
        fallback: (fallback,) ascending rows of cells that the kernel cannot read; the caller reads them.
        wide: Whether a number does not fit in a tick.
        widest: The most decimals of the numbers that do not have exactly `scale` of them.

    """

    ticks: NDArray[np.int64]
    missing: NDArray[np.uint8]
    fallback: NDArray[np.int32]
    wide: bool
    widest: int


def read_numbers(cells: Cells, grammar: NDArray[np.uint8], scale: int) -> Numbers:
    """Read cells as ticks of `scale` decimals; raises ValueError for more than `MAX_SCALE`."""
    _check_scale(scale)
    where, rows = cells.arguments, cells.rows
    ticks, missing, fallback = np.empty(rows, np.int64), np.empty(rows, np.uint8), np.empty(rows, np.int32)
    summary = np.zeros(2, np.int64)
    count = library.call("read_numbers", cells.text, *where, grammar, scale, ticks, missing, fallback, summary)
    wide, widest = summary.tolist()
    return Numbers(ticks, missing, fallback[:count], bool(wide), widest)


def _check_scale(scale: int) -> None:
    if not 0 <= scale <= MAX_SCALE:
        raise ValueError(f"scale {scale} is not in 0..{MAX_SCALE}")


class WideNumbers(NamedTuple):
    """The numbers in cells, each at its own scale.

    Attributes:
        words: (rows, 2) values as 128-bit integers in two's complement, lower word first; 0 where there is none.
        decimals: (rows,) the scale of each value.
        missing: (rows,) 1 where there is no close, else 0.
        fallback: (fallback,) ascending rows of cells that the kernel cannot read; the caller reads them.

    """

    words: NDArray[np.int64]
    decimals: NDArray[np.uint8]
    missing: NDArray[np.uint8]
    fallback: NDArray[np.int32]


def read_wide_numbers(cells: Cells, grammar: NDArray[np.uint8]) -> WideNumbers:
    """Read cells as numbers of up to 38 digits."""
    rows = cells.rows
    words, decimals, missing = np.empty((rows, 2), np.int64), np.empty(rows, np.uint8), np.empty(rows, np.uint8)
    fallback = np.empty(rows, np.int32)
    where = cells.arguments
    count = library.call("read_wide_numbers", cells.text, *where, grammar, words, decimals, missing, fallback)
    return WideNumbers(words, decimals, missing, fallback[:count])


def copy_texts(cells: Cells) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Copy cells without the quotes around them, and with doubled quotes inside as one.

    Returns the start of each copy and the end of the last, (rows + 1,), and the joined copies, (bytes,).
    """
    starts, content = np.empty(cells.rows + 1, np.int32), np.empty(len(cells.text) + _PADDING, np.uint8)
    size = library.call("copy_texts", cells.text, len(cells.text), *cells.arguments, starts, content)
    return starts, content[:size].copy()
