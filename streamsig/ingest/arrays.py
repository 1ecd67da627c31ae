"""Arrow arrays to ticks and texts, with the values that the same data have in CSV.

Integers and decimals are taken as they are. A float stands for the shortest decimal that reads back
as that float of that width, which is what every writer of CSV puts down for it. Texts, and whatever
else is not plain, go through `NumberFormat.parse`, so that one definition of a close holds.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamsig.core.ticks import Ticks, widen
from streamsig.errors import ColumnError
from streamsig.ingest.numbers import MAX_DIGITS, NumberError, NumberFormat, undefined_row
from streamsig.ingest.reader import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PLAIN = r"^-?[0-9]{1,18}(?:\.[0-9]{1,18})?$"
_WHOLE = r"^-?[0-9]{1,18}$"
_FLOAT_SCALES = (2, 4, 6, 8)
_SURE_DIGITS = 10**15
"""Up to 15 digits, no two decimals are the same float64: one that reads back is the shortest."""

_NUMBERS = NumberFormat()


def to_ticks(array: pa.Array, numbers: NumberFormat = _NUMBERS) -> Ticks:
    """Return an array's closes exactly; null, NaN, and the texts and numbers that `numbers` says are missing.

    `numbers` also says how texts are written. Raises ColumnError for the first value that is not a close: infinite, a
    word, more than 38 digits, a number that stands for an undefined price.
    """
    array = _decoded(array)
    ticks = numbers.mark_missing(_ticks(array, numbers))
    row = undefined_row(ticks)
    if row is not None:
        text = to_texts(array.slice(row, 1))[0].as_py()
        try:
            numbers.parse(text)
        except NumberError as error:
            raise ColumnError(row, shown(text), str(error), error.advice) from None
    return ticks


def _ticks(array: pa.Array, numbers: NumberFormat) -> Ticks:
    kind = array.type
    if pa.types.is_integer(kind):
        return Ticks.from_arrow(array.cast(pa.decimal128(MAX_DIGITS, 0)))
    if pa.types.is_decimal(kind):
        return _decimal_ticks(array)
    if pa.types.is_floating(kind):
        return _float_ticks(array)
    return _text_ticks(array if pa.types.is_large_string(kind) else array.cast(pa.string()), numbers)


def _decoded(array: pa.Array) -> pa.Array:
    while isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode()
    return pc.run_end_decode(array) if pa.types.is_run_end_encoded(array.type) else array


def _decimal_ticks(array: pa.Array) -> Ticks:
    scale = array.type.scale
    if 0 <= scale <= MAX_DIGITS:
        try:
            return Ticks.from_arrow(
                array if pa.types.is_decimal128(array.type) else array.cast(pa.decimal128(MAX_DIGITS, scale))
            )
        except pa.ArrowInvalid:
            # of 256 bits, and not all of at most 38 digits unless written without padding zeros
            pass
    return _text_ticks(pa.array([None if it is None else format(it, "f") for it in array.to_pylist()], pa.string()))


def _float_ticks(array: pa.Array) -> Ticks:
    if pa.types.is_float16(array.type):
        # Arrow writes these as if they were wider; a null is NaN here
        return _text_ticks(pa.array([str(it) for it in array.to_numpy(zero_copy_only=False)], pa.string()))
    ticks = _short_float_ticks(array) if pa.types.is_float64(array.type) else None
    return _text_ticks(array.cast(pa.string())) if ticks is None else ticks


def _short_float_ticks(array: pa.Array) -> Ticks | None:
    """Return the ticks of float64 of few decimals and at most 15 digits, as prices are; `None` if not all are."""
    closes = array.to_numpy(zero_copy_only=False)
    absent = np.isnan(closes)
    missing = absent if absent.any() else None
    if missing is not None:
        closes = np.where(missing, 0.0, closes)
    largest = float(np.abs(closes).max(initial=0.0))
    for scale in _FLOAT_SCALES:
        if largest * 10**scale >= _SURE_DIGITS - 1:
            break
        ticks = np.rint(closes * 10.0**scale)
        # both sides of the division are exact floats: it gives the float that this decimal reads back as
        if np.array_equal(ticks / 10.0**scale, closes):
            return Ticks(ticks.astype(np.int64)[np.newaxis], scale, missing)
    return None


def _text_ticks(texts: pa.Array, numbers: NumberFormat = _NUMBERS) -> Ticks:
    plain = pc.fill_null(pc.match_substring_regex(texts, _PLAIN if numbers.decimal == "." else _WHOLE), fill_value=True)
    rest = np.flatnonzero(~plain.to_numpy(zero_copy_only=False))
    if not len(rest):
        return _plain_ticks(texts)
    ticks = _plain_ticks(pc.if_else(plain, texts, pa.scalar(None, texts.type)))
    parsed = _parsed_ticks(texts.take(pa.array(rest)), rest, numbers)
    scale = max(ticks.scale, parsed.scale)
    ticks, parsed = ticks.rescale(scale), parsed.rescale(scale)
    width = max(len(ticks.limbs), len(parsed.limbs))
    limbs = widen(ticks.limbs, width).copy()
    limbs[:, rest] = widen(parsed.limbs, width)
    missing = cast("NDArray[np.bool_]", ticks.missing).copy()
    missing[rest] = False if parsed.missing is None else parsed.missing
    return Ticks(limbs, scale, missing if missing.any() else None)


def _plain_ticks(texts: pa.Array) -> Ticks:
    """Cast texts that all match `_PLAIN`, or are null; there is room for all their digits."""
    point = pc.find_substring(texts, ".")
    decimals = pc.if_else(pc.less(point, 0), 0, pc.subtract(pc.subtract(pc.binary_length(texts), point), 1))
    return Ticks.from_arrow(texts.cast(pa.decimal128(MAX_DIGITS, pc.max(decimals).as_py() or 0)))


def _parsed_ticks(texts: pa.Array, rows: NDArray[np.intp], numbers: NumberFormat) -> Ticks:
    """Parse each text once, however often it occurs; `rows` are the places of the texts in their array."""
    distinct = texts.dictionary_encode()
    index = distinct.indices.to_numpy(zero_copy_only=False)
    closes = []
    for place, text in enumerate(distinct.dictionary.to_pylist()):
        try:
            closes.append(numbers.parse(text))
        except NumberError as error:
            # they are in the order in which they first occur: this one is the first bad row
            row = int(rows[np.argmax(index == place)])
            raise ColumnError(row, shown(text), str(error), error.advice) from None
    ticks = Ticks.from_decimals(closes)
    return Ticks(ticks.limbs[:, index], ticks.scale, None if ticks.missing is None else ticks.missing[index])


def to_texts(array: pa.Array) -> pa.Array:
    """Return values as text, a string array without nulls: times in ISO (and UTC), "" for a null."""
    array = _decoded(array)
    if pa.types.is_timestamp(array.type) and array.type.tz is not None:
        # to write local times takes a database of time zones, which not every system has
        array = array.cast(pa.timestamp(array.type.unit))
    try:
        texts = array.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # bytes that are no text, lists and the like
        texts = pa.array([None if it is None else str(it) for it in array.to_pylist()], pa.string())
    return pc.fill_null(texts, "")


def row_text(batch: pa.RecordBatch, row: int) -> str:
    """Return one row as a line of CSV, without its end; a null is an empty field."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(
        [to_texts(column.slice(row, 1))[0].as_py() for column in batch.columns]
    )
    return line.getvalue()
