"""Texts of a time column to whole nanoseconds since 1970, a column at a time.

Texts that differ in their digits alone are read together: one of them tells where year, month and
so on stand, and numpy reads those places of all. A column has few such shapes, as a rule one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamsig.ingest.timeshapes import NUMBER, READINGS, SECOND, Shape, Times, shape_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_TEN = 10
_SHOWN_CHARACTERS = 100
_MOST_SHAPES = 256
_MOSTLY, _NEARLY_ALWAYS = 0.5, 0.9
_DATED = 10**8
"""A number of seconds below this is no time since 1970, but a time of day, or counts rows."""


def read_times(texts: pa.Array, reading: str) -> Times:
    """Return the times of a string array without nulls, and which of them could be read; blanks around do not matter.

    A UTC offset in digits is heeded, a zone by name is not; a time of day alone is one of 1970-01-01.
    """
    texts = pc.ascii_trim_whitespace(texts)
    starts, octets = _buffers(texts)
    lengths = np.diff(starts)
    times, readable = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_)
    left = np.arange(len(texts))
    for _ in range(_MOST_SHAPES):
        if not len(left):
            break
        width = int(lengths[left[0]])
        alike = lengths[left] == width
        rows = left[alike]
        matrix = _matrix(octets, starts[rows], width)
        shape = _shape(matrix[0], reading)
        same = _same_shape(matrix)
        alike[alike] = same
        if shape is not None:
            rows = rows[same]
            times[rows], readable[rows] = shape.read(matrix if same.all() else matrix[same])
        left = left[~alike]
    for row in left:
        matrix = _matrix(octets, starts[row : row + 1], int(lengths[row]))
        shape = _shape(matrix[0], reading)
        if shape is not None:
            found = shape.read(matrix)
            times[row], readable[row] = found[0][0], found[1][0]
    return times, readable


def readings(texts: pa.Array) -> tuple[str, ...]:
    """Return the readings under which a sample is times, more than one where day and month cannot be told apart.

    None where no reading takes half of the texts that are not blank.
    """
    texts = texts.filter(pc.not_equal(pc.ascii_trim_whitespace(texts), ""))
    shares = {reading: float(read_times(texts, reading)[1].mean()) if len(texts) else 0.0 for reading in READINGS}
    if shares[NUMBER] >= _MOSTLY:
        # 20240131 is a day rather than a number of seconds
        return ("ymd",) if shares["ymd"] >= _NEARLY_ALWAYS else (NUMBER,)
    best = max(shares.values())
    dates = [it for it in READINGS if shares[it] == best >= _MOSTLY]
    year_first = pc.mean(pc.match_substring_regex(texts, r"^\s*([0-9]{4}|[0-9]{1,2}:)")).as_py() or 0.0
    return tuple(dates[:1] if year_first >= _NEARLY_ALWAYS else dates)


def are_dated(times: NDArray[np.int64], reading: str) -> bool:
    """Tell whether times of different files can be compared: not those of a day that nobody names."""
    return len(times) > 0 and int(np.abs(times).max()) >= (_DATED if reading == NUMBER else 2 * 24 * 3600) * SECOND


def join(columns: Sequence[pa.Array]) -> pa.Array:
    """Put the texts of a date and of a time of day together."""
    trimmed = [pc.ascii_trim_whitespace(column) for column in columns]
    return trimmed[0] if len(trimmed) == 1 else pc.binary_join_element_wise(*trimmed, " ")


def _shape(octets: NDArray[np.uint8], reading: str) -> Shape | None:
    try:
        return shape_of(octets.tobytes().decode(), reading)
    except UnicodeDecodeError:
        return None


def text_of(texts: pa.Array, row: int) -> str:
    """Return the beginning of a text, whatever its bytes are."""
    raw: bytes = texts[row].as_buffer().to_pybytes()
    text = raw.decode("utf-8", "backslashreplace")
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def _buffers(texts: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return where the texts start (and the last one ends), and their bytes."""
    _, offsets, content = texts.buffers()
    if not len(texts):
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    starts = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    return starts, np.frombuffer(content if content is not None else b"", np.uint8)


def _matrix(octets: NDArray[np.uint8], starts: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """Return texts of one width as rows."""
    if len(starts) and bool((np.diff(starts) == width).all()):
        return octets[starts[0] : starts[0] + width * len(starts)].reshape(len(starts), width)
    matrix: NDArray[np.uint8] = octets[starts[:, np.newaxis] + np.arange(width)]
    return matrix


def _same_shape(matrix: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which texts differ from the first one in their digits alone."""
    model = matrix[0]
    is_digit = (model >= ord("0")) & (model <= ord("9"))
    # modulo 256, so that what is below 0 is large
    digits = (matrix[:, is_digit] - np.uint8(ord("0")) < _TEN).all(axis=1)
    same: NDArray[np.bool_] = digits & (matrix[:, ~is_digit] == model[~is_digit]).all(axis=1)
    return same
