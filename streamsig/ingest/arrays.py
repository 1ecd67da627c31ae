"""Arrow arrays to ticks and texts, with the values that the same data have in CSV.

Integers and decimals are taken as they are. A float stands for the shortest decimal that reads back
as that float of that width, which is what every writer of CSV puts down for it. Texts, and whatever
else is not plain, go through `NumberFormat.parse`, so that one definition of a close holds.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamsig.core.ticks import Ticks, widen
from streamsig.errors import ColumnError
from streamsig.ingest.numbers import (
    MAX_DIGITS,
    UNDEFINED_REASON,
    NumberError,
    NumberFormat,
    undefined_advice,
    undefined_rows,
)
from streamsig.ingest.reader import ADVICE, explain, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from numpy.typing import NDArray

_FLOAT_SCALES = (2, 4, 6, 8)
_SURE_DIGITS = 10**15
"""Up to 15 digits, no two decimals are the same float64: one that reads back is the shortest."""

_EITHER = r"^-?[1-9][0-9]{0,2}[.,][0-9]{3}$"
_BELOW_THOUSAND = r"^-?[0-9]{1,3}$"
"""Texts that look plain, and that a `NumberFormat` which is in doubt may refuse."""


@dataclass(frozen=True, slots=True)
class Closes:
    """The closes of an array.

    `ticks` has a row per value, missing where the value is no close. Those are the `bad_rows`, in order, from 0;
    `bad_kinds` has for each its place in `errors`, one for each distinct text.
    """

    ticks: Ticks
    bad_rows: NDArray[np.intp]
    bad_kinds: NDArray[np.intp]
    errors: Sequence[ColumnError]

    @classmethod
    def of(cls, ticks: Ticks) -> Closes:
        """Return closes none of which is bad."""
        none = np.zeros(0, np.intp)
        return cls(ticks, none, none, ())

    def bad(self) -> Iterator[ColumnError]:
        """Yield what is wrong with each bad row, in order."""
        for row, kind in zip(self.bad_rows.tolist(), self.bad_kinds.tolist(), strict=True):
            error = self.errors[kind]
            yield ColumnError(row, error.text, error.reason, error.advice)

    def good_rows(self) -> NDArray[np.intp]:
        """Return the rows that are not bad."""
        return np.delete(np.arange(len(self.ticks)), self.bad_rows)


def to_ticks(array: pa.Array, numbers: NumberFormat | None = None) -> Ticks:
    """Return an array's closes exactly; null, NaN, and the texts and numbers that `numbers` says are missing.

    Raises ColumnError for the first value that is not a close: infinite, a word, more than 38 digits, a number that
    stands for an undefined price.
    """
    closes = read_closes(array, numbers)
    for bad in closes.bad():
        raise bad
    return closes.ticks


def read_closes(array: pa.Array, numbers: NumberFormat | None = None) -> Closes:
    """Return the closes of an array of any type that `holds_numbers`.

    `numbers` says how texts are written, and what else is missing: a marker that is a number by its value.
    """
    numbers, array = numbers or NumberFormat(), _decoded(array)
    closes = _read(array, numbers)
    return _with_undefined(replace(closes, ticks=numbers.mark_missing(closes.ticks)), array)


def _read(array: pa.Array, numbers: NumberFormat) -> Closes:
    kind = array.type
    if pa.types.is_integer(kind):
        return Closes.of(Ticks.from_arrow(array.cast(pa.decimal128(MAX_DIGITS, 0))))
    if is_text(kind):
        return _read_texts(array if pa.types.is_large_string(kind) else array.cast(pa.string()), numbers)
    # these are written by programs, with a decimal point and no separator
    numbers = NumberFormat(missing=numbers.missing)
    if pa.types.is_decimal(kind):
        return _read_decimals(array, numbers)
    if pa.types.is_floating(kind):
        return _read_floats(array, numbers)
    return _read_texts(array.cast(pa.string()), numbers)


def holds_numbers(kind: pa.DataType) -> bool:
    """Tell whether a column of this type may be the close."""
    kind = value_type(kind)
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, is_text, pa.types.is_null)
    return any(test(kind) for test in tests)


def is_text(kind: pa.DataType) -> bool:
    """Tell whether values of this type are texts."""
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
    return pc.run_end_decode(array) if pa.types.is_run_end_encoded(array.type) else array


def _with_undefined(closes: Closes, array: pa.Array) -> Closes:
    """Return closes of which those that stand for an undefined price are bad."""
    rows = np.flatnonzero(undefined_rows(closes.ticks))
    if not len(rows):
        return closes
    text = to_texts(array.slice(int(rows[0]), 1))[0].as_py()
    error = ColumnError(0, shown(text), UNDEFINED_REASON, undefined_advice(text))
    ticks = closes.ticks
    missing = np.zeros(len(ticks), np.bool_) if ticks.missing is None else ticks.missing.copy()
    missing[rows] = True
    bad = np.concatenate([closes.bad_rows, rows])
    kinds = np.concatenate([closes.bad_kinds, np.full(len(rows), len(closes.errors))])
    order = np.argsort(bad)
    whole = Ticks(np.where(missing, 0, ticks.limbs), ticks.scale, missing)
    return Closes(whole, bad[order], kinds[order], [*closes.errors, error])


def _read_decimals(array: pa.Array, numbers: NumberFormat) -> Closes:
    scale = array.type.scale
    if 0 <= scale <= MAX_DIGITS:
        try:
            exact = array if pa.types.is_decimal128(array.type) else array.cast(pa.decimal128(MAX_DIGITS, scale))
            return Closes.of(Ticks.from_arrow(exact))
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
    ticks = _short_float_ticks(array) if pa.types.is_float64(array.type) else None
    return _read_texts(array.cast(pa.string()), numbers) if ticks is None else Closes.of(ticks)


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


def _read_texts(texts: pa.Array, numbers: NumberFormat) -> Closes:
    plain = _are_plain(texts, numbers)
    rest = np.flatnonzero(~plain.to_numpy(zero_copy_only=False))
    if not len(rest):
        return Closes.of(_plain_ticks(texts, numbers))
    ticks = _plain_ticks(pc.if_else(plain, texts, pa.scalar(None, texts.type)), numbers)
    parsed = _parsed(texts.take(pa.array(rest)), numbers)
    scale = max(ticks.scale, parsed.ticks.scale)
    ticks, more = ticks.rescale(scale), parsed.ticks.rescale(scale)
    width = max(len(ticks.limbs), len(more.limbs))
    limbs = widen(ticks.limbs, width).copy()
    limbs[:, rest] = widen(more.limbs, width)
    missing = cast("NDArray[np.bool_]", ticks.missing).copy()
    missing[rest] = False if more.missing is None else more.missing
    whole = Ticks(limbs, scale, missing if missing.any() else None)
    return replace(parsed, ticks=whole, bad_rows=rest[parsed.bad_rows])


def _are_plain(texts: pa.Array, numbers: NumberFormat) -> pa.Array:
    """Tell which texts are null, or digits with at most a mark between them, and read in one way only."""
    plain = pc.match_substring_regex(texts, rf"^-?[0-9]{{1,18}}(?:{re.escape(numbers.decimal)}[0-9]{{1,18}})?$")
    for is_in_doubt, pattern in ((numbers.doubtful, _EITHER), (numbers.by_custom, _BELOW_THOUSAND)):
        if is_in_doubt:
            plain = pc.and_not(plain, pc.match_substring_regex(texts, pattern))
    return pc.fill_null(plain, fill_value=True)


def _plain_ticks(texts: pa.Array, numbers: NumberFormat) -> Ticks:
    """Cast texts that are all plain, or null; 38 digits have room for all of theirs."""
    if numbers.decimal != ".":
        texts = pc.replace_substring(texts, numbers.decimal, ".")
    point = pc.find_substring(texts, ".")
    decimals = pc.if_else(pc.less(point, 0), 0, pc.subtract(pc.subtract(pc.binary_length(texts), point), 1))
    return Ticks.from_arrow(texts.cast(pa.decimal128(MAX_DIGITS, pc.max(decimals).as_py() or 0)))


def _parsed(texts: pa.Array, numbers: NumberFormat) -> Closes:
    """Parse each text once, however often it occurs."""
    distinct = texts.dictionary_encode()
    index = distinct.indices.to_numpy(zero_copy_only=False)
    closes: list[Decimal | None] = []
    errors: list[ColumnError] = []
    kinds = np.full(len(distinct.dictionary), -1, np.intp)
    for place, text in enumerate(distinct.dictionary.to_pylist()):
        try:
            closes.append(numbers.parse(text))
        except NumberError as error:
            kinds[place] = len(errors)
            reason, advice = explain(error, text, numbers)
            errors.append(ColumnError(0, shown(text), reason, "" if advice == ADVICE else advice))
            closes.append(None)
    ticks, row_kinds = Ticks.from_decimals(closes), kinds[index]
    bad = np.flatnonzero(row_kinds >= 0)
    missing = None if ticks.missing is None else ticks.missing[index]
    return Closes(Ticks(ticks.limbs[:, index], ticks.scale, missing), bad, row_kinds[bad], errors)


def to_texts(array: pa.Array) -> pa.Array:
    r"""Return values as text, a string array without nulls: times in ISO (and UTC), "" for a null.

    Bytes that are no UTF-8 are written as `\xNN`.
    """
    array = _decoded(array)
    if pa.types.is_timestamp(array.type) and array.type.tz is not None:
        # to write local times takes a database of time zones, which not every system has
        array = array.cast(pa.timestamp(array.type.unit))
    try:
        texts = array.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # bytes that are no text, lists and the like
        texts = pa.array([_text_of(it) for it in array.to_pylist()], pa.string())
    return pc.fill_null(texts, "")


def _text_of(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return None if value is None else str(value)


def row_texts(batch: pa.RecordBatch, rows: Sequence[int]) -> Iterator[str]:
    """Yield rows, which rise, as lines of CSV without their ends; a null is an empty field."""
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
