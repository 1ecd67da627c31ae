"""The kernels that read delimited text: fields, records, and the numbers and texts of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamsig.native import library

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

BLOCK = 64
"""The number of bytes that `find_fields` reads in one step."""

MAX_SCALE = 18
"""The most decimals of a tick in 64 bits."""

PADDING = 2 * BLOCK
"""Extra entries at the end of result arrays: kernels write whole blocks."""

_MOST_ENTRY = 255


class Fields(NamedTuple):
    """The ends of the fields of a text.

    Attributes:
        text: (bytes,) the text.
        ends: (1 + fields,) -1, then the end of each field, ascending.
        records: The number of line ends outside of quotes.
        lines: The number of all line ends.
        returns: The number of carriage returns.
        malformed: Whether there are misplaced quotes or NUL bytes.

    """

    text: NDArray[np.uint8]
    ends: NDArray[np.int32]
    records: int
    lines: int
    returns: int
    malformed: bool


def find_fields(text: NDArray[np.uint8], delimiter: str, scratch: NDArray[np.int32]) -> Fields:
    """Find the ends of fields: delimiters and line ends outside of quotes.

    `text`, (bytes,), must be shorter than 2 GiB. A field without an end is left out. The result is a view of
    `scratch`, which must have bytes + `PADDING` entries; raises ValueError if it has fewer.
    """
    if len(scratch) < len(text) + PADDING:
        raise ValueError(f"{len(scratch)} entries are too few for {len(text)} bytes and {PADDING} more")
    blocks, rest = divmod(len(text), BLOCK)
    # padding that is neither a delimiter nor a line end or quote
    tail = np.full(BLOCK, ord("x" if delimiter == " " else " "), np.uint8)
    tail[:rest] = text[len(text) - rest :]
    counts = np.zeros(4, np.int64)
    count = library.call("find_fields", text, blocks, tail, ord(delimiter), scratch, counts)
    records, lines, returns, malformed = counts.tolist()
    return Fields(text, scratch[: count + 1], records, lines, returns, bool(malformed))


class Cells(NamedTuple):
    """The positions of cells in a text, one for each row.

    Attributes:
        text: (bytes,) the text.
        places: byte offsets; cell r begins `skip` bytes after `places[field + r * stride]` and ends at the next offset.
        rows: The number of cells.
        stride: The number of places from one cell to the next.
        skip: The number of bytes from a place to the cell that begins there.
        quoted: Whether cells may have quotes around them, and doubled quotes inside.
        width: The number of fields of each record if the places are the ends of regular records, else 0.
        field: The index of the first cell's place; for regular records the number of the field, from 0.

    """

    text: NDArray[np.uint8]
    places: NDArray[np.int32]
    rows: int
    stride: int
    skip: int = 0
    quoted: bool = True
    width: int = 0
    field: int = 0

    @classmethod
    def of_field(cls, fields: Fields, width: int, field: int) -> Cells:
        """Return the cells of one field, from 0, of regular records of `width` fields."""
        return cls(fields.text, fields.ends, (len(fields.ends) - 1) // width, width, 1, width=width, field=field)

    def slice(self, start: int, stop: int) -> Cells:
        """Return the cells of rows `start` (included) to `stop` (excluded)."""
        return self._replace(places=self.places[start * self.stride :], rows=min(stop, self.rows) - start)

    def take(self, rows: NDArray[np.int32]) -> Cells:
        """Return the cells of these rows."""
        at = rows.astype(np.int64) * self.stride + self.field
        places = np.empty((len(rows), 2), np.int32)
        places[:, 0], places[:, 1] = self.places[at] + self.skip, self.places[at + 1]
        if self.field + 1 == self.width:
            # without the carriage return after the last field
            start, stop = places.T
            stop -= (start < stop) & (self.text[stop - 1] == ord("\r"))
        return Cells(self.text, places.reshape(-1), len(rows), 2, quoted=self.quoted)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """Return the arguments of kernels that read cells; raises ValueError for cells out of bounds."""
        last = self.field + (self.rows - 1) * self.stride + max(2, self.width - self.field + 1)
        if min(self.field, self.rows, self.stride) < 0 or (self.rows and last > len(self.places)):
            raise ValueError(f"cells of {self.rows} rows that are not in {len(self.places)} places")
        if self.width and not self.field < self.width == self.stride:
            raise ValueError(f"field {self.field} is not in 0..{self.width - 1}")
        return self.places, self.rows, self.stride, self.skip, int(self.quoted), self.width, self.field


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

    def cells(self, text: NDArray[np.uint8], wanted: int) -> Cells:
        """Return the cells of a wanted field, by its index in `wanted`."""
        return Cells(text, self.places.reshape(-1), len(self.places), self.places.shape[1], field=2 * wanted)


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


def grammar(mark: str, lists: Sequence[Sequence[str]], *, doubtful: bool, by_custom: bool) -> NDArray[np.uint8]:
    """Return the grammar of numbers in the form of the kernels, (bytes,).

    `lists` are the texts for a minus, for a thousands separator, for a currency (the longer of two with the same
    beginning first), and for a missing close, in lower case.
    """
    entries = [[text.encode() for text in texts if text] for texts in lists]
    parts = [bytes([len(entry)]) + entry for each in entries for entry in [*each, b""] if len(entry) <= _MOST_ENTRY]
    return np.frombuffer(bytes([ord(mark), doubtful | by_custom << 1]) + b"".join(parts), np.uint8)


class Numbers(NamedTuple):
    """The numbers in cells.

    Attributes:
        ticks: (rows,) values in units of 10**-scale, 0 where there is none.
        missing: (rows,) 1 where there is no close, else 0.
        fallback: (fallback,) ascending rows of cells that the kernel cannot read; the caller reads them.
        ragged: Whether a regular record does not end with a line end.
        returns: The number of carriage returns at the ends of regular records.
        wide: Whether a number does not fit in a tick.
        widest: The most decimals of the numbers that do not have exactly `scale` of them.
        empty: Whether a regular record has only delimiters and blanks.

    """

    ticks: NDArray[np.int64]
    missing: NDArray[np.uint8]
    fallback: NDArray[np.int32]
    ragged: bool
    returns: int
    wide: bool
    widest: int
    empty: bool


def read_numbers(cells: Cells, grammar: NDArray[np.uint8], scale: int, delimiter: str = ",") -> Numbers:
    """Read cells as ticks of `scale` decimals; raises ValueError for more than `MAX_SCALE`."""
    if not 0 <= scale <= MAX_SCALE:
        raise ValueError(f"scale {scale} is not in 0..{MAX_SCALE}")
    where, rows = cells.arguments, cells.rows
    ticks, missing, fallback = np.empty(rows, np.int64), np.zeros(rows, np.uint8), np.empty(rows, np.int32)
    summary = np.zeros(5, np.int64)
    results = (ticks, missing, fallback, summary)
    count = library.call("read_numbers", cells.text, *where, ord(delimiter), grammar, scale, *results)
    ragged, returns, wide, widest, empty = summary.tolist()
    return Numbers(ticks, missing, fallback[:count], bool(ragged), returns, bool(wide), widest, bool(empty))


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
    starts, content = np.empty(cells.rows + 1, np.int32), np.empty(len(cells.text) + PADDING, np.uint8)
    size = library.call("copy_texts", cells.text, len(cells.text), *cells.arguments, starts, content)
    return starts, content[:size].copy()
