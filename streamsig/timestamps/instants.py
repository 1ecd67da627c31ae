"""Reads columns of texts as nanoseconds since 1970.

Texts that differ only in their digits are read together: the grammar locates year, month and so on in one of them, and
numpy reads those bytes of all. A column has few such shapes, usually one.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.timestamps.grammar import NUMBER, READINGS, Form, Number, Part, form_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SECOND = 10**9
_LARGEST = 2**63 - 1
_TEN = 10
_MAX_SHAPES = 256
_MOSTLY, _NEARLY_ALWAYS = 0.5, 0.9
_DATED = 10**8 * SECOND
"""A number below this is a time of day or a row number rather than a time since 1970."""

_TWO_DIGITS, _PIVOT = 2, 70
_HALF_DAY, _DAY, _HOUR = 12, 24, 60
_YEARS = (1700, 2199)
"""The years that are read: they fit in 64 bits of nanoseconds, and few other numbers look like them."""


class Column(NamedTuple):
    """Trimmed UTF-8 texts in one buffer; `starts` has the start of each and the end of the last."""

    octets: NDArray[np.uint8]
    starts: NDArray[np.int64] | NDArray[np.int32]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Column:
        """Join texts."""
        each = [text.strip().encode("utf-8", "replace") for text in texts]
        starts = np.cumsum([0, *map(len, each)], dtype=np.int64)
        return cls(np.frombuffer(b"".join(each), np.uint8), starts)


class Instants(NamedTuple):
    """The time of each text in nanoseconds, and whether it is readable; other times are arbitrary."""

    times: NDArray[np.int64]
    readable: NDArray[np.bool_]


def read(column: Column, reading: str) -> Instants:
    """Return the instants of a column; times without a UTC offset or a known zone are taken as UTC.

    A period is its first instant, a time of day is on 1970-01-01, and a day without its year is in 1972.
    """
    octets, starts = column
    lengths = np.diff(starts)
    times, readable = np.zeros(len(lengths), np.int64), np.zeros(len(lengths), np.bool_)
    left = np.arange(len(lengths))
    for _ in range(_MAX_SHAPES):
        if not len(left):
            break
        width = int(lengths[left[0]])
        alike = lengths[left] == width
        rows = left[alike]
        matrix = _matrix(octets, starts[rows], width)
        form = _form(matrix[0], reading)
        same = _same_shape(matrix)
        alike[alike] = same
        if form is not None:
            rows = rows[same]
            times[rows], readable[rows] = _instants(form, matrix if same.all() else matrix[same])
        left = left[~alike]
    for row in left:
        matrix = _matrix(octets, starts[row : row + 1], int(lengths[row]))
        form = _form(matrix[0], reading)
        if form is not None:
            (times[row],), (readable[row],) = _instants(form, matrix)
    return Instants(times, readable)


def readings(sample: Sequence[str]) -> tuple[str, ...]:
    """Return the readings in which a sample is times; several if day, month and year cannot be distinguished.

    Returns none if no reading fits half of the texts that are not blank.
    """
    texts = [text for text in sample if text.strip()]
    column, different = Column.of(texts), different_readings(texts)
    shares = {it: float(read(column, it).readable.mean()) if texts else 0.0 for it in different}
    if shares.get(NUMBER, 0.0) >= _MOSTLY:
        # 20240131 is a day rather than a number of seconds
        return ("ymd",) if shares.get("ymd", 0.0) >= _NEARLY_ALWAYS else (NUMBER,)
    best = max(shares.values(), default=0.0)
    return tuple(it for it in different if shares[it] == best >= _MOSTLY)


def different_readings(texts: Sequence[str]) -> list[str]:
    """Return the readings in which the texts differ in meaning, the first of those that agree."""
    shapes = {shape_of(text) for text in texts}
    forms = {reading: [form_of(shape, reading) for shape in shapes] for reading in READINGS}
    return [it for place, it in enumerate(READINGS) if all(forms[it] != forms[on] for on in READINGS[:place])]


def are_dated(sample: Sequence[str], reading: str) -> bool:
    """Return whether the times of a sample have a day and a year, which makes them comparable across files."""
    if reading == NUMBER:
        times, readable = read(Column.of(sample), reading)
        return bool((np.abs(times[readable]) >= _DATED).any())
    forms = (form_of(shape_of(text), reading) for text in sample)
    return any(isinstance(form, Form) and form.has_year for form in forms)


def _form(octets: NDArray[np.uint8], reading: str) -> Form | Number | None:
    try:
        return form_of(shape_of(octets.tobytes().decode()), reading)
    except UnicodeDecodeError:
        return None


def _matrix(octets: NDArray[np.uint8], starts: NDArray[np.int64] | NDArray[np.int32], width: int) -> NDArray[np.uint8]:
    """Return texts of one width as rows, (texts, width)."""
    if len(starts) and bool((np.diff(starts) == width).all()):
        return octets[starts[0] : starts[0] + width * len(starts)].reshape(len(starts), width)
    matrix: NDArray[np.uint8] = octets[starts[:, np.newaxis] + np.arange(width)]
    return matrix


def _same_shape(matrix: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which texts differ from the first one only in their digits, (texts,)."""
    model = matrix[0]
    is_digit = (model >= ord("0")) & (model <= ord("9"))
    # modulo 256: bytes below "0" become large
    digits = (matrix[:, is_digit] - np.uint8(ord("0")) < _TEN).all(axis=1)
    same: NDArray[np.bool_] = digits & (matrix[:, ~is_digit] == model[~is_digit]).all(axis=1)
    return same


def _instants(form: Form | Number, matrix: NDArray[np.uint8]) -> Instants:
    if isinstance(form, Number):
        return _numbers(form, matrix) if form.whole else _numbers_with_exponent(matrix)
    first_day, readable = _days(form, matrix)
    hour, minute, second = (_value(matrix, part) for part in (form.hour, form.minute, form.second))
    if form.half:
        readable &= (hour >= 1) & (hour <= _HALF_DAY)
        hour = hour % _HALF_DAY + (_HALF_DAY if form.half == "p" else 0)
    else:
        readable &= (hour < _DAY) | ((hour == _DAY) & (minute == 0) & (second == 0))
    readable &= (minute < _HOUR) & (second <= _HOUR)
    seconds = first_day * 86400 + hour * 3600 + minute * 60 + second - form.zone * 60
    if form.offset is not None:
        sign, hours, minutes = form.offset
        seconds -= sign * (_value(matrix, hours) * 3600 + _value(matrix, minutes) * 60)
    return Instants(np.where(readable, seconds * SECOND + _fraction(matrix, form.fraction), 0), readable)


def _days(form: Form, matrix: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the days since 1970, and which of them exist."""
    year, month, day = (_value(matrix, part) for part in (form.year, form.month, form.day))
    if isinstance(form.year, tuple) and form.year[1] - form.year[0] <= _TWO_DIGITS:
        year = year + np.where(year < _PIVOT, 2000, 1900)
    readable = (year >= _YEARS[0]) & (year <= _YEARS[1]) & (month >= 1) & (day >= 1)
    year = np.where(readable, year, 1970)
    if form.months == 0:
        start, end = _first_monday(year), _first_monday(year + 1)
        days = start + (month - 1) * 7 + day - 1
        return days, readable & (days < end) & (day <= len("MTWTFSS"))
    first = (year - 1970) * 12 + (month - 1) * form.months
    start, end = _day_of(first), _day_of(first + (12 if form.by_ordinal else 1))
    return start + day - 1, readable & (month * form.months <= len("JFMAMJJASOND")) & (day <= end - start)


def _day_of(months: NDArray[np.int64]) -> NDArray[np.int64]:
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _first_monday(years: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the day on which the first ISO week of a year begins: that of 4 January."""
    fourth = _day_of((years - 1970) * 12) + 3
    # 1970-01-01 was a Thursday
    return fourth - (fourth + 3) % 7


def _value(matrix: NDArray[np.uint8], part: Part) -> NDArray[np.int64]:
    if isinstance(part, int):
        return np.full(len(matrix), part, np.int64)
    value = np.zeros(len(matrix), np.int64)
    for place in range(*part):
        value = value * 10 + (matrix[:, place] - ord("0")).astype(np.int64)
    return value


def _fraction(matrix: NDArray[np.uint8], span: Part | None) -> NDArray[np.int64]:
    """Return nanoseconds; finer digits are cut off."""
    if not isinstance(span, tuple):
        return np.zeros(len(matrix), np.int64)
    start, stop = span[0], min(span[1], span[0] + 9)
    nanoseconds: NDArray[np.int64] = _value(matrix, (start, stop)) * 10 ** (9 - (stop - start))
    return nanoseconds


def _numbers(form: Number, matrix: NDArray[np.uint8]) -> Instants:
    """Return instants in the coarsest unit that puts them before 2262."""
    # 19 digits overflow int64, never uint64
    whole = np.zeros(len(matrix), np.uint64)
    for place in range(*(form.whole or ())):
        whole = whole * np.uint64(10) + (matrix[:, place] - ord("0")).astype(np.uint64)
    fraction = _fraction(matrix, form.fraction)
    readable = whole <= np.uint64(_LARGEST)
    signed = whole.astype(np.int64)
    times = np.zeros(len(matrix), np.int64)
    open_ = readable.copy()
    for unit in (SECOND, 10**6, 10**3, 1):
        fits = open_ & (signed < _LARGEST // unit)
        times[fits] = signed[fits] * unit + fraction[fits] // (SECOND // unit)
        open_ &= ~fits
    return Instants(-times if form.negative else times, readable & ~open_)


def _numbers_with_exponent(matrix: NDArray[np.uint8]) -> Instants:
    # as a spreadsheet shows them; rare, so speed does not matter
    values = [int(Decimal(bytes(row).decode())) for row in matrix]
    digits = np.array([list(f"{min(value, _LARGEST):019}".encode()) for value in values], np.uint8)
    return _numbers(Number((0, 19)), digits)
