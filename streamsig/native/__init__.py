"""The kernels: loops over whole arrays that must run at the speed of memory, in C beside this file.

`hatch_build.py` compiles them when streamsig is installed, into one library per level of processor;
the best that the processor at hand can run is loaded when this is imported. They take contiguous
arrays, which are checked for their types, release the GIL, and keep nothing between calls.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BLOCK = 64
"""Bytes that `find_fields` looks at in one step."""

MAX_SCALE = 18
"""Most decimals of a tick in 64 bits."""

MOST_VALUE = 10**MAX_SCALE
"""Ticks that `read_numbers` reads are smaller than this."""

SPARE = 2 * BLOCK
"""Entries of room that results need beyond what is kept of them: the kernels write whole handfuls."""

MOST_WORDS = 8
"""Most 64-bit words of a sum that `count_groups` takes."""

LEVELS = ("baseline", "avx2", "avx512")
"""The libraries, by what `processor_level` answers."""

_NO_FLAGS = np.empty((0, 0), np.uint8)
_NOTHING = ctypes.c_char * 0
_MOST_FACTOR = 1 << 62
_MOST_ENTRY = 255


class _Array(NamedTuple):
    """What an argument has to be: contiguous, of a type and with so many dimensions."""

    kind: type[np.generic]
    sizes: int

    def place_of(self, array: NDArray[Any]) -> int:
        """Return where it is; raises TypeError."""
        if array.dtype != self.kind or array.ndim != self.sizes or not array.flags.c_contiguous:
            found = f"{array.dtype} of {array.ndim} dimensions"
            raise TypeError(f"an array of {found} where contiguous {self.kind.__name__} of {self.sizes} is needed")
        try:
            # several times as fast as `array.ctypes`, for an array that may be written to
            return ctypes.addressof(_NOTHING.from_buffer(array.data))
        except TypeError:
            return int(array.ctypes.data)


_int = ctypes.c_int64
_bytes, _places, _ticks = (_Array(kind, 1) for kind in (np.uint8, np.int32, np.int64))
_table, _sums = (_Array(np.int64, sizes) for sizes in (2, 3))
_marks, _slots, _flags = _Array(np.int32, 2), _Array(np.uint64, 1), _Array(np.uint8, 2)
_rows = (_int, _ticks, _int, _flags, _sums, _places)
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "find_fields": (_bytes, _int, _bytes, _int, _places, _ticks),
    "split_records": (_bytes, *[_int] * 3, _places, _int, _ticks, _marks, _places, _int),
    "read_numbers": (_bytes, _places, *[_int] * 7, _bytes, _int, _ticks, _bytes, _places, _ticks),
    "read_wide_numbers": (_bytes, _places, *[_int] * 6, _bytes, _table, _bytes, _bytes, _places),
    "copy_texts": (_bytes, _int, _places, *[_int] * 6, _places, _bytes),
    "count_signals": (_ticks, _bytes, _int, _int, _table, _ticks, _ticks, _int, _ticks, _ticks, _ticks, _int, _flags),
    "number_texts": (_places, _bytes, _int, _int, _slots, _int, _int, _ticks, _bytes, _int, _ticks, _places),
    "fill_slots": (_ticks, _bytes, _int, _int, _slots, _int),
    "count_groups": (_places, _table, _bytes, _int, _int, _table, *[_int] * 3, _sums, _sums, _marks, _table, *_rows),
}


def load(level: str) -> ctypes.CDLL:
    """Return the library of a level; raise `ImportError` where it was not built."""
    path = Path(__file__).with_name(f"{level}.so")
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ImportError(f"{path} cannot be loaded ({error}); install streamsig with pip, which builds it") from error
    for name, arguments in _SIGNATURES.items():
        kernel = getattr(library, name)
        # not `ndpointer`: of a signal that arrives in its Python code ctypes makes an ArgumentError
        kernel.argtypes = [ctypes.c_void_p if isinstance(each, _Array) else each for each in arguments]
        kernel.restype = _int
    return library


def _call(name: str, *arguments: Any) -> int:  # noqa: ANN401 (arrays and numbers)
    """Call a kernel with arrays that are what it needs; raises TypeError."""
    kinds = _SIGNATURES[name]
    plain = [
        kind.place_of(each) if isinstance(kind, _Array) else each for kind, each in zip(kinds, arguments, strict=True)
    ]
    return int(getattr(_library, name)(*plain))


_library = load(LEVELS[load("baseline").processor_level()])


class Fields(NamedTuple):
    """Where the fields of a text end.

    Attributes:
        text: (bytes,) the text.
        ends: (1 + fields,) -1, the end of a field that is not there, and the places, ascending.
        records: Line ends outside of quotes.
        lines: All line ends.
        returns: All carriage returns.
        strange: Whether quotes or NUL bytes are where they should not be.

    """

    text: NDArray[np.uint8]
    ends: NDArray[np.int32]
    records: int
    lines: int
    returns: int
    strange: bool


def find_fields(text: NDArray[np.uint8], delimiter: str, room: NDArray[np.int32]) -> Fields:
    """Find where fields end: at delimiters and line ends outside of quotes.

    `text`, (bytes,), ends with a line end and is shorter than 2 GiB. The result is a part of `room`,
    (at least bytes + `SPARE`,).
    """
    if len(room) < len(text) + SPARE:
        raise ValueError(f"{len(room)} places are too few for {len(text)} bytes; {SPARE} more are needed")
    blocks, rest = divmod(len(text), BLOCK)
    tail = np.full(BLOCK, ord(" "), np.uint8)
    tail[:rest] = text[len(text) - rest :]
    found = np.zeros(4, np.int64)
    count = _call("find_fields", text, blocks, tail, ord(delimiter), room, found)
    records, lines, returns, strange = found.tolist()
    return Fields(text, room[: count + 1], records, lines, returns, bool(strange))


class Cells(NamedTuple):
    """Where cells stand in a text, one for each row.

    Attributes:
        text: (bytes,) the text.
        places: (at least all that are meant,) cell r begins `skip` bytes behind place `field` + r * `stride`, and ends
            at the place after that.
        rows: How many cells there are.
        stride: Places from one cell to the next.
        skip: Bytes from a place to the cell that begins there.
        quoted: Whether there may be quotes around cells, and doubled quotes inside.
        width: Where the places are ends of regular records, how many fields each has; else 0.
        field: Place of the first cell: of regular records, which field it is.

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
    def of_field(cls, found: Fields, width: int, field: int) -> Cells:
        """Return one field (from 0) of regular records of `width` fields."""
        return cls(found.text, found.ends, (len(found.ends) - 1) // width, width, 1, width=width, field=field)

    def slice(self, start: int, stop: int) -> Cells:
        """Return the cells of rows `start` to before `stop`."""
        return self._replace(places=self.places[start * self.stride :], rows=min(stop, self.rows) - start)

    def take(self, rows: NDArray[np.int32]) -> Cells:
        """Return the cells of some rows."""
        at = rows.astype(np.int64) * self.stride + self.field
        places = np.empty((len(rows), 2), np.int32)
        places[:, 0], places[:, 1] = self.places[at] + self.skip, self.places[at + 1]
        if self.field + 1 == self.width:
            # the carriage return behind the last field is no part of it
            start, stop = places.T
            stop -= (start < stop) & (self.text[stop - 1] == ord("\r"))
        return Cells(self.text, places.reshape(-1), len(rows), 2, quoted=self.quoted)

    @property
    def _arguments(self) -> tuple[Any, ...]:
        """Return where the cells are, as kernels need it; raises ValueError for places that are not there."""
        last = self.field + (self.rows - 1) * self.stride + max(2, self.width - self.field + 1)
        if min(self.field, self.rows, self.stride) < 0 or (self.rows and last > len(self.places)):
            raise ValueError(f"cells of {self.rows} rows that are not in {len(self.places)} places")
        if self.width and not self.field < self.width == self.stride:
            raise ValueError(f"field {self.field} is not in 0..{self.width - 1}")
        return self.places, self.rows, self.stride, self.skip, int(self.quoted), self.width, self.field


class Records(NamedTuple):
    """Records of a text.

    Attributes:
        starts: (records,) where each begins.
        stops: (records,) where each ends, its line end included.
        lines: (records,) the line on which each begins.
        fields: (records,) how many fields each has.
        nul: (records,) 1 where there is a NUL byte in one, else 0.
        places: (records, 2 * wanted) start and stop of each wanted field.

    """

    starts: NDArray[np.int32]
    stops: NDArray[np.int32]
    lines: NDArray[np.int32]
    fields: NDArray[np.int32]
    nul: NDArray[np.int32]
    places: NDArray[np.int32]


def split_records(  # noqa: PLR0913 (each a promise of its own)
    text: NDArray[np.uint8],
    delimiter: str,
    wanted: NDArray[np.int32],
    at: NDArray[np.int64],
    *,
    most: int,
    by_lines: bool,
) -> Records:
    """Split `text`, (bytes,) shorter than 2 GiB, into at most `most` records, from byte `at[0]` on, on line `at[1]`.

    `wanted` are fields, from 0. With `by_lines` a record ends with its line, quotes or not. Moves `at` behind them.
    """
    if not 0 <= int(at[0]) <= len(text) or len(at) != 2:  # noqa: PLR2004 (a position and a line)
        raise ValueError(f"position {at[0]} is not in a text of {len(text)} bytes")
    # the shortest record is a byte and a line end
    most = min(most, (len(text) - int(at[0]) + 1) // 2)
    records, places = np.empty((most, 5), np.int32), np.empty(most * 2 * len(wanted), np.int32)
    source = (text, len(text), ord(delimiter), int(by_lines), wanted, len(wanted))
    count = _call("split_records", *source, at, records, places, most)
    starts, stops, lines, fields, nul = records[:count].T
    return Records(starts, stops, lines, fields, nul, places.reshape(most, 2 * len(wanted))[:count])


def grammar(mark: str, lists: Sequence[Sequence[str]], *, doubtful: bool, by_custom: bool) -> NDArray[np.uint8]:
    """Return how numbers are written, as the kernels take it.

    `lists` are what is written for a minus, for a thousands separator, for a currency (of two that begin alike the
    longer one first), and for a missing close, in lower case.
    """
    entries = [[text.encode() for text in texts if text] for texts in lists]
    parts = [bytes([len(entry)]) + entry for each in entries for entry in [*each, b""] if len(entry) <= _MOST_ENTRY]
    return np.frombuffer(bytes([ord(mark), doubtful | by_custom << 1]) + b"".join(parts), np.uint8)


class Numbers(NamedTuple):
    """What cells hold.

    Attributes:
        ticks: (rows,) values as whole numbers of 10**-scale, 0 where there is none.
        missing: (rows,) 1 where there is no close, else 0.
        unknown: (unknown,) ascending rows of cells that are not known to be a number or missing.
        torn: Whether a regular record does not end with a line end.
        returns: Carriage returns at the ends of regular records.
        wide: Whether a number does not fit.
        widest: The most decimals of a number that is not written with just the scale.
        empty: Whether a regular record has nothing but delimiters and blanks.

    """

    ticks: NDArray[np.int64]
    missing: NDArray[np.uint8]
    unknown: NDArray[np.int32]
    torn: bool
    returns: int
    wide: bool
    widest: int
    empty: bool


def read_numbers(cells: Cells, grammar: NDArray[np.uint8], scale: int, delimiter: str = ",") -> Numbers:
    """Read cells as ticks of `scale` decimals, at most `MAX_SCALE`."""
    if not 0 <= scale <= MAX_SCALE:
        raise ValueError(f"scale {scale} is not in 0..{MAX_SCALE}")
    where, rows = cells._arguments, cells.rows  # noqa: SLF001 (it is from here)
    ticks, missing, unknown = np.empty(rows, np.int64), np.zeros(rows, np.uint8), np.empty(rows, np.int32)
    told = np.zeros(5, np.int64)
    count = _call("read_numbers", cells.text, *where, ord(delimiter), grammar, scale, ticks, missing, unknown, told)
    torn, returns, wide, widest, empty = told.tolist()
    return Numbers(ticks, missing, unknown[:count], bool(torn), returns, bool(wide), widest, bool(empty))


class WideNumbers(NamedTuple):
    """What cells hold, whatever their size.

    Attributes:
        words: (rows, 2) values as 128-bit integers in two's complement, the lower word first; 0 where there is none.
        decimals: (rows,) how many digits of each are decimals.
        missing: (rows,) 1 where there is no close, else 0.
        unknown: (unknown,) ascending rows of cells that are not known to be a number or missing.

    """

    words: NDArray[np.int64]
    decimals: NDArray[np.uint8]
    missing: NDArray[np.uint8]
    unknown: NDArray[np.int32]


def read_wide_numbers(cells: Cells, grammar: NDArray[np.uint8]) -> WideNumbers:
    """Read cells as numbers of up to 38 digits."""
    rows = cells.rows
    words, decimals, missing = np.empty((rows, 2), np.int64), np.empty(rows, np.uint8), np.empty(rows, np.uint8)
    unknown = np.empty(rows, np.int32)
    where = cells._arguments  # noqa: SLF001 (it is from here)
    count = _call("read_wide_numbers", cells.text, *where, grammar, words, decimals, missing, unknown)
    return WideNumbers(words, decimals, missing, unknown[:count])


def copy_texts(cells: Cells) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Copy cells, without the quotes around them and with those inside once.

    Returns where each copy starts, and the last ends: (rows + 1,), and the copies one after another: (bytes,).
    """
    starts, content = np.empty(cells.rows + 1, np.int32), np.empty(len(cells.text) + SPARE, np.uint8)
    size = _call("copy_texts", cells.text, len(cells.text), *cells._arguments, starts, content)  # noqa: SLF001 (see above)
    return starts, content[:size].copy()


def count_signals(
    ticks: NDArray[np.int64],
    missing: NDArray[np.bool_] | None,
    signals: NDArray[np.int64],
    bounds: NDArray[np.int64],
    flags: NDArray[np.uint8] | None = None,
) -> NDArray[np.int64]:
    """Count signals over closes; the result is (signals,).

    `flags`, zeros of (signals, rows), get a 1 for each row that counts.

    `ticks` and `missing` are (rows,), `None` where no close is missing. `signals` is (signals, 4): the rows of the
    fast and of the slow mean, 1 for above and 0 for below, 1 where only the row counts on which that turns true.
    `bounds` is (2, signals): of signal k, rows `bounds[0, k]` to before `bounds[1, k]` count, whose windows must lie
    in the run. `fast * slow` times the largest close must be below 2**62.
    """
    rows, many = len(ticks), len(signals)
    if bounds.shape != (2, many) or (missing is not None and len(missing) != rows):
        raise ValueError(f"bounds of {bounds.shape} for {many} signals, or not {rows} rows of missing")
    first, last = bounds
    lengths, turns = signals[:, :2], signals[:, 3]
    if ((lengths < 1) | (lengths > _MOST_FACTOR)).any() or ((turns < 0) | (turns > 1)).any():
        raise ValueError(f"means are of 1 to {_MOST_FACTOR} rows, and a signal turns (1) or not (0)")
    if flags is not None and flags.shape != (many, rows):
        raise ValueError(f"flags of {flags.shape} where {many} signals of {rows} rows are counted")
    reach = lengths.max(axis=1, initial=0) + turns
    if ((first < last) & ((first < reach - 1) | (last > rows))).any():
        raise ValueError("a window does not lie in the run")
    counts = np.empty(many, np.int64)
    sums, known = np.empty(rows + 1, np.int64), np.empty(0 if missing is None else rows, np.int64)
    absent = np.empty(0, np.uint8) if missing is None else np.ascontiguousarray(missing).view(np.uint8)
    gaps = missing is not None
    closes = np.ascontiguousarray(ticks)
    emitted = (flags is not None, _NO_FLAGS if flags is None else flags)
    _call("count_signals", closes, absent, rows, gaps, signals, first, last, many, sums, known, counts, *emitted)
    return counts


class TextTable(NamedTuple):
    """Distinct texts, and where to find each by its hash.

    Attributes:
        slots: (a power of two,) 0 where empty; at most half are ever filled.
        begins: (most texts + 1,) where each begins in `texts`, and the last ends.
        texts: (bytes,) one after another.
        known: (1,) how many there are.
        seed: What the hash depends on.

    """

    slots: NDArray[np.uint64]
    begins: NDArray[np.int64]
    texts: NDArray[np.uint8]
    known: NDArray[np.int64]
    seed: int


def number_texts(
    starts: NDArray[np.int32], content: NDArray[np.uint8], table: TextTable, numbers: NDArray[np.int32]
) -> int:
    """Put the number of each text into `numbers`, (rows,), and texts that are new into the table.

    `starts`, (rows + 1,), tells where each begins in `content`, and the last ends. Stops at a new text for which the
    table has no room; returns how many rows are done.
    """
    rows, most = len(numbers), min(len(table.slots) // 2, len(table.begins) - 1)
    if len(starts) != rows + 1 or int(starts[-1]) > len(content):
        raise ValueError(f"{len(starts)} starts of {rows} texts in {len(content)} bytes")
    slots, begins, texts, known, seed = table
    room = len(texts)
    last = len(slots) - 1
    return _call("number_texts", starts, content, rows, seed, slots, last, most, begins, texts, room, known, numbers)


def fill_slots(table: TextTable) -> None:
    """Find a slot for each text that is known; all must be empty."""
    _call("fill_slots", table.begins, table.texts, int(table.known[0]), table.seed, table.slots, len(table.slots) - 1)


class GroupArrays(NamedTuple):
    """What is kept of the groups.

    Attributes:
        sums: (groups, reach, words) the last running sums of closes, in a ring; words are little-endian.
        heads: (groups, reach - 1, words) the first closes, up to the first that is missing.
        marks: (groups, 3) the place of the oldest sum, how many closes there are since one was missing, at most
            `reach`, and how many are in the head.
        figures: (groups, 2 + signals) rows, rows without a close, and rows with each signal.

    """

    sums: NDArray[np.int64]
    heads: NDArray[np.int64]
    marks: NDArray[np.int32]
    figures: NDArray[np.int64]

    @classmethod
    def empty(cls, groups: int, reach: int, words: int, signals: int) -> GroupArrays:
        """Return those of groups without rows."""
        return cls(
            np.zeros((groups, reach, words), np.int64),
            np.zeros((groups, reach - 1, words), np.int64),
            np.zeros((groups, 3), np.int32),
            np.zeros((groups, 2 + signals), np.int64),
        )

    def part(self, start: int, stop: int) -> GroupArrays:
        """Return those of groups from `start` to before `stop`, as a view."""
        sums, heads, marks, figures = self
        return GroupArrays(sums[start:stop], heads[start:stop], marks[start:stop], figures[start:stop])


class GroupRowValues(NamedTuple):
    """What `count_groups` emits of each row; all 0 for a row without a close.

    Attributes:
        flags: (signals, rows) 1 where a row has the signal.
        sums: (lengths, rows, words) the sum of the last closes, of as many as each of the lengths.
        unbroken: (rows,) how many closes of the group there are up to the row without a gap, at most the group's reach.

    """

    flags: NDArray[np.uint8]
    sums: NDArray[np.int64]
    unbroken: NDArray[np.int32]


def count_groups(  # noqa: PLR0913, PLR0917 (what a kernel takes)
    groups: NDArray[np.int32],
    ticks: NDArray[np.int64],
    missing: NDArray[np.bool_] | None,
    signals: NDArray[np.int64],
    arrays: GroupArrays,
    lengths: NDArray[np.int64] | None = None,
) -> tuple[int, GroupRowValues]:
    """Count signals over more rows of several groups; return on how many rows the first is, and what each row has.

    The values have no rows unless there are `lengths`, (lengths,) from 1 to the reach.

    `groups` and `missing` are (rows,), `ticks` (rows, words). `signals` is (signals, 8): rows it needs; of the mean
    that is to be the greater one, then of the other, what its sum is multiplied with and how many rows ago it ends
    and begins; and for a cross how many rows further ago the row before is, else 0. No sum of a window, nor the
    difference of two that are multiplied, may need more than `words`.
    """
    rows, (count, reach, words) = len(groups), arrays.sums.shape
    if rows and not 0 <= int(groups.min()) <= int(groups.max()) < count:
        raise ValueError(f"a row of a group that is not in 0..{count - 1}")
    shapes = (arrays.heads.shape, arrays.marks.shape, arrays.figures.shape, ticks.shape, signals.shape[1])
    if shapes != ((count, reach - 1, words), (count, 3), (count, 2 + len(signals)), (rows, words), 8):
        raise ValueError(f"shapes that do not go together: {shapes}")
    ago = signals[:, [2, 3, 5, 6]]
    # for a cross the same means are looked at on another row
    looked_at = np.concatenate([ago, ago + signals[:, 7:]])
    if not 1 <= words <= MOST_WORDS or max(signals[:, 0].max(initial=0), looked_at.max(initial=0)) > reach:
        raise ValueError(f"{words} words are not in 1..{MOST_WORDS}, or a signal reaches beyond {reach} rows")
    if looked_at.min(initial=0) < 0:
        raise ValueError("a signal looks at rows that are to come")
    absent = np.empty(0, np.uint8) if missing is None else np.ascontiguousarray(missing).view(np.uint8)
    if missing is not None and len(missing) != rows:
        raise ValueError(f"{len(missing)} flags of {rows} rows")
    emits, lengths = lengths is not None, np.empty(0, np.int64) if lengths is None else lengths
    if lengths.min(initial=1) < 1 or lengths.max(initial=1) > reach:
        raise ValueError(f"sums of {lengths.tolist()} rows are not of 1..{reach}")
    many, gaps, size = len(signals), missing is not None, rows * emits
    values = GroupRowValues(
        np.zeros((many, size), np.uint8), np.zeros((len(lengths), size, words), np.int64), np.zeros(size, np.int32)
    )
    flags, sums, unbroken = values
    emitted = (emits, lengths, len(lengths), flags, sums, unbroken)
    count = _call("count_groups", groups, ticks, absent, rows, gaps, signals, many, reach, words, *arrays, *emitted)
    return count, values
