"""The laws of the kernels: they touch only their own arrays."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from fuzz.choices import Choices
from fuzz.guard import guarded_kernels
from streamsig.core.ticks import Ticks
from streamsig.fields.closes import completed, grammar_of, read_cells
from streamsig.fields.numbers import NumberError, NumberFormat
from streamsig.native import count_kernels, text_kernels
from tests.support.definition import values

_HEAD = 2
_FORMATS = (
    NumberFormat(),
    NumberFormat(".", " ", frozenset({"0.00", "closed"})),
    NumberFormat(",", "."),
    NumberFormat(".", "'"),
    NumberFormat(".", "", ambiguous_mark=True),
    NumberFormat(".", "", mark_by_convention=True),
)


def kernels(data: bytes) -> None:
    """Kernels that read text stay within their arrays, and numbers are those of `parse`."""
    if len(data) < _HEAD:
        return
    width, scale, form = 1 + data[0] % 4, data[1] % (text_kernels.MAX_SCALE + 1), _FORMATS[data[0] // 4 % len(_FORMATS)]
    text = np.frombuffer(data[_HEAD:] + b"\n" * (data[1] < 128), np.uint8)  # noqa: PLR2004 (half of them)
    with guarded_kernels():
        _records(text, width, form, scale, by_lines=bool(data[0] & 128))
        _numbers_alone(text, form, scale)
        text_kernels.last_record_end(text, ",")
        _regular(text, width, form, scale)


def _regular(text: Any, width: int, form: NumberFormat, scale: int) -> None:  # noqa: ANN401 (bytes)
    """Read a text as regular, and compare its closes and cells with those of its records."""
    for close in range(width):
        further = tuple(range(close))
        columns = text_kernels.Columns(",", width, close, further, last=close)
        regular = text_kernels.read_regular(text, columns, grammar_of(form), scale)
        if regular is None:
            continue
        pieces = [each.places for each in text_kernels.split_records(text, ",", (*further, close), most=99)]
        places = np.concatenate([np.empty((0, 2 * close + 2), np.int32), *pieces])
        assert np.array_equal(regular.places, places if regular.wide else places[:, :-2])
        assert np.array_equal(regular.last, places[-1:, -2:])
        if regular.wide:
            continue
        expected = read_cells(text_kernels.Cells.of(text, places, close), form, scale)
        fallback = regular.fallback
        assert np.array_equal(fallback[:, 1:], places[fallback[:, 0], -2:])
        ticks = Ticks(regular.ticks[np.newaxis], scale, regular.missing)
        cells = text_kernels.Cells.of(text, fallback[:, 1:])
        assert completed(ticks, fallback[:, 0], cells, form).ticks == expected.ticks


def _records(text: Any, width: int, form: NumberFormat, scale: int, *, by_lines: bool) -> None:  # noqa: ANN401 (bytes)
    for fields in text_kernels.split_records(text, ",", range(width), most=3, by_lines=by_lines):
        for field in range(width):
            _cells(text_kernels.Cells.of(text, fields.places, field), form, scale)


def _cells(cells: text_kernels.Cells, form: NumberFormat, scale: int) -> None:
    read_cells(cells, form, scale)
    text_kernels.read_wide_numbers(cells, grammar_of(form))
    text_kernels.copy_texts(cells)


def _numbers_alone(text: Any, form: NumberFormat, scale: int) -> None:  # noqa: ANN401 (bytes)
    """Read the texts between commas as a column."""
    stops = [*np.flatnonzero(text == ord(",")).tolist(), len(text)]
    places = np.stack([[0, *(stop + 1 for stop in stops[:-1])], stops], axis=1, dtype=np.int32).reshape(-1)
    cells = text_kernels.Cells(text, places, len(stops), 2, quoted=False)
    reading = read_cells(cells, form, scale)
    bad = set(reading.bad.rows.tolist())
    for row, (close, cell) in enumerate(zip(values(reading.ticks), text.tobytes().split(b","), strict=True)):
        try:
            expected = form.parse(cell.decode("utf-8", "backslashreplace"))
        except NumberError:
            assert row in bad
        else:
            assert row not in bad
            assert close == expected


def doors(data: bytes) -> None:
    """Inconsistent numbers are refused before a kernel sees them, and others do no harm."""
    pick = Choices(data)
    with guarded_kernels():
        while pick:
            with contextlib.suppress(ValueError):
                (_door_of_signals if pick.below(2) else _door_of_groups)(pick)


def _door_of_signals(pick: Choices) -> None:
    rows, many = pick.below(40), pick.below(4)
    rules = np.stack([_numbers(pick, many, limit) for limit in (8, 8, 2, 2)], axis=1)
    span = _number(pick, rows + 2), _number(pick, rows + 2)
    flags = np.zeros((many, rows), np.uint8) if pick.below(2) else None
    count_kernels.count_signals(np.arange(rows), _missing(pick, rows), rules, span, flags)


def _door_of_groups(pick: Choices) -> None:
    groups, reach, words, many, rows = (pick.below(limit) for limit in (4, 6, 10, 4, 20))
    arrays = count_kernels.GroupArrays.empty(1 + groups, 1 + reach, words, many)
    rules, places = _numbers(pick, many * 8, reach + 2).reshape(many, 8), _numbers(pick, rows, groups + 1)
    closes = np.ones((rows, words), np.int64)
    for _ in range(2):
        lengths = _numbers(pick, pick.below(3), reach + 2) if pick.below(2) else None
        rows_of_groups = count_kernels.GroupCloses(places.astype(np.int32), closes, _missing(pick, rows))
        count_kernels.count_groups(rows_of_groups, rules, arrays, lengths)


def _missing(pick: Choices, rows: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]] | None:
    return np.array([pick.below(2) for _ in range(rows)], np.bool_) if pick.below(2) else None


def _numbers(pick: Choices, size: int, limit: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Choose numbers from 0 to below a limit, rarely near it, and very rarely absurd ones."""
    return np.array([_number(pick, limit) for _ in range(size)], np.int64)


def _number(pick: Choices, limit: int) -> int:
    kind = pick.below(256)
    if kind == 255:  # noqa: PLR2004 (hardly ever)
        return int.from_bytes(pick.take(8), "little", signed=True)
    return pick.below(limit + 4) - 2 if kind > 230 else kind % limit  # noqa: PLR2004
