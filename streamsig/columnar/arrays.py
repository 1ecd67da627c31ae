"""Arrow arrays to ticks and texts, with the values that the same data have in CSV.

Integers and decimals are taken as they are. A float means the shortest decimal that reads back as that
float of that width, which is what every writer of CSV writes for it. Texts are read as the cells of a CSV
are, so that one definition of a close holds.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from streamsig.columnar.compute import call, cast
from streamsig.core import utf8
from streamsig.core.ticks import Ticks
from streamsig.errors import ColumnError
from streamsig.fields.closes import BadCells, Closes, explain, read_cells
from streamsig.fields.messages import ADVICE, shown
from streamsig.fields.numbers import (
    MAX_DIGITS,
    UNDEFINED_REASON,
    NumberError,
    NumberFormat,
    undefined_advice,
    undefined_rows,
)
from streamsig.native import text_kernels
from streamsig.native.column_kernels import scale_floats, shortest_floats

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FLOAT_SCALES = (2, 4, 8)

_USUAL_SCALE = 2
_MAX_BYTES, _LONGEST = (1 << 31) - 1, 1000


def to_ticks(array: pa.Array, numbers: NumberFormat | None = None) -> Ticks:
    """Return an array's closes exactly; null, NaN, and the texts and numbers that `numbers` says are missing.

    Raises ColumnError for the first value that is not a close: infinite, a word, more than 38 digits, a number that
    means an undefined price.
    """
    ticks, bad = read_closes(array, numbers)
    for error in column_errors(bad):
        raise error
    return ticks


def column_errors(bad: BadCells) -> Iterator[ColumnError]:
    """Yield what is wrong with each bad value."""
    for row, place in zip(bad.rows.tolist(), bad.which.tolist(), strict=True):
        error = bad.errors[place]
        yield ColumnError(row, bad.texts[place], str(error), "" if error.advice == ADVICE else error.advice)


def read_closes(array: pa.Array, numbers: NumberFormat | None = None) -> Closes:
    """Return the closes of an array of any type that `holds_numbers`.

    `numbers` says how texts are written, and what else is missing: a marker that is a number by its value. The texts of
    bad values are quoted and shortened for a message.
    """
    numbers, array = numbers or NumberFormat(), _decoded(array)
    raw = _read(array, numbers)
    return _with_undefined(Closes(numbers.mark_missing(raw.ticks), raw.bad), array)


def _read(array: pa.Array, numbers: NumberFormat) -> Closes:
    kind = array.type
    if pa.types.is_integer(kind):
        return Closes(Ticks.from_arrow(cast(array, pa.decimal128(MAX_DIGITS, 0))))
    if is_text(kind):
        return _read_texts(array if pa.types.is_large_string(kind) else cast(array, pa.string()), numbers)
    # these are written by programs, with a decimal point and no separator
    numbers = NumberFormat(missing=numbers.missing)
    if pa.types.is_decimal(kind):
        return _read_decimals(array, numbers)
    if pa.types.is_floating(kind):
        return _read_floats(array, numbers)
    return _read_texts(cast(array, pa.string()), numbers)


def holds_numbers(kind: pa.DataType) -> bool:
    """Return whether a column of this type may be the close."""
    kind = value_type(kind)
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, is_text, pa.types.is_null)
    return any(test(kind) for test in tests)


def is_text(kind: pa.DataType) -> bool:
    """Return whether values of this type are texts."""
    kind = value_type(kind)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def value_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values themselves, however they are stored."""
    if isinstance(kind, pa.BaseExtensionType):
        return value_type(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return value_type(kind.value_type)
    return kind


def _decoded(array: pa.Array) -> pa.Array:
    while isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode()
    return call("run_end_decode", array) if pa.types.is_run_end_encoded(array.type) else array


def _with_undefined(raw: Closes, array: pa.Array) -> Closes:
    """Return closes of which those that mean an undefined price are bad."""
    rows = np.flatnonzero(undefined_rows(raw.ticks))
    if not len(rows):
        return raw
    text = to_texts(array.slice(int(rows[0]), 1))[0].as_py()
    error = NumberError(UNDEFINED_REASON, undefined_advice(text))
    ticks, bad = raw
    missing = np.zeros(len(ticks), np.bool_) if ticks.missing is None else ticks.missing.copy()
    missing[rows] = True
    every = np.concatenate([bad.rows, rows])
    which = np.concatenate([bad.which, np.full(len(rows), len(bad.errors))])
    order = np.argsort(every)
    whole = Ticks(np.where(missing, 0, ticks.limbs), ticks.scale, missing)
    return Closes(whole, BadCells(every[order], which[order], [*bad.texts, shown(text)], [*bad.errors, error]))


def _read_decimals(array: pa.Array, numbers: NumberFormat) -> Closes:
    scale = array.type.scale
    if 0 <= scale <= MAX_DIGITS:
        try:
            exact = array if pa.types.is_decimal128(array.type) else cast(array, pa.decimal128(MAX_DIGITS, scale))
            return Closes(Ticks.from_arrow(exact))
        except pa.ArrowInvalid:
            # of 256 bits, and not all of at most 38 digits unless written without padding zeros
            pass
    texts = [None if it is None else format(it, "f") for it in array.to_pylist()]
    return _read_texts(pa.array(texts, pa.string()), numbers)


def _read_floats(array: pa.Array, numbers: NumberFormat) -> Closes:
    if pa.types.is_float16(array.type):
        # Arrow writes these as if they were wider; a null is NaN here
        texts = pa.array([str(it) for it in array.to_numpy(zero_copy_only=False)], pa.string())
        return _read_texts(texts, numbers)
    ticks = _float_ticks(array)
    return _read_texts(cast(array, pa.string()), numbers) if ticks is None else Closes(ticks)


def _float_ticks(array: pa.Array) -> Ticks | None:
    """Return the ticks of floats of 32 or 64 bits as their shortest decimals; `None` if a float is too large for these.

    Most prices have few decimals and at most 15 digits. No two such decimals are the same float64, so one that reads
    back is the shortest, and a scale can be tried for all of them at once.
    """
    # `to_numpy` would import pandas where it is installed, in 300 ms
    array = call("coalesce", array, pa.scalar(np.nan, array.type)) if array.null_count else array
    is_double = pa.types.is_float64(array.type)
    kind: type[Any] = np.float64 if is_double else np.float32
    floats = np.frombuffer(array.buffers()[1] or b"", kind)[array.offset :][: len(array)]
    for scale in _FLOAT_SCALES if is_double else ():
        scaled = scale_floats(floats, scale)
        if scaled is not None:
            ticks, missing = scaled
            break
    else:
        shortest = shortest_floats(floats)
        if shortest is None:
            return None
        ticks, scale, missing = shortest
    return Ticks(ticks[np.newaxis], scale, missing if missing.any() else None)


def _read_texts(texts: pa.Array, numbers: NumberFormat) -> Closes:
    ticks, bad = read_cells(_cells(_without_nulls(texts)), numbers, _USUAL_SCALE)
    errors = [NumberError(*explain(error, text, numbers)) for text, error in zip(bad.texts, bad.errors, strict=True)]
    return Closes(ticks, bad._replace(texts=list(map(shown, bad.texts)), errors=errors))


def _cells(texts: pa.Array) -> text_kernels.Cells:
    """View a string array without nulls."""
    _, places, content = texts.buffers()
    kind = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    starts = np.frombuffer(places or bytes(8), kind)[texts.offset : texts.offset + len(texts) + 1]
    start, stop = (int(starts[0]), int(starts[-1])) if len(starts) else (0, 0)
    if stop - start > _MAX_BYTES:
        import pyarrow.compute as pc  # noqa: PLC0415 (see `compute`)

        # no number has so many characters
        return _cells(cast(pc.utf8_slice_codeunits(texts, 0, _LONGEST), pa.string()))
    octets = np.frombuffer(content or b"", np.uint8)[start:stop]
    return text_kernels.Cells(octets, (starts - start).astype(np.int32), len(texts), 1, quoted=False)


def to_texts(array: pa.Array) -> pa.Array:
    r"""Return values as text, a string array without nulls: times in ISO (and UTC), "" for a null.

    Bytes that are not UTF-8 are written as `\xNN`.
    """
    array = _decoded(array)
    if pa.types.is_timestamp(array.type) and array.type.tz is not None:
        # to write local times takes a database of time zones, which not every system has
        array = cast(array, pa.timestamp(array.type.unit))
    try:
        texts = cast(array, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # bytes that are not text, lists and the like
        texts = pa.array([_text_of(it) for it in array.to_pylist()], pa.string())
    return _without_nulls(texts)


def _without_nulls(texts: pa.Array) -> pa.Array:
    return call("coalesce", texts, pa.scalar("", texts.type)) if texts.null_count else texts


def _text_of(value: object) -> str | None:
    if isinstance(value, bytes):
        return utf8.from_bytes(value)
    return None if value is None else str(value)


def row_texts(batch: pa.RecordBatch, rows: Sequence[int]) -> Iterator[str]:
    """Yield the rows of ascending indices as lines of CSV without line ends; a null is an empty field."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="")
    start, stop = rows[0], rows[-1] + 1
    places = pa.array([row - start for row in rows])
    columns = [to_texts(column.slice(start, stop - start)).take(places) for column in batch.columns]
    for texts in zip(*(column.to_pylist() for column in columns), strict=True):
        writer.writerow(texts)
        yield line.getvalue()
        line.seek(0)
        line.truncate()
