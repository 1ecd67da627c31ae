"""Reads cells as ticks: the fields of delimited records, or a column of texts.

Kernels read most of the grammar that `NumberFormat.parse` defines. `parse` reads the rest, each distinct text once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.core import utf8
from streamsig.core.keys import KeyTable, Texts
from streamsig.core.ticks import Ticks, concat, widen
from streamsig.fields.cells import CONVENTIONS, shape
from streamsig.fields.messages import ADVICE, shown
from streamsig.fields.numbers import CURRENCIES, MINUSES, NumberError
from streamsig.native import text_kernels

if TYPE_CHECKING:
    from decimal import Decimal

    from numpy.typing import NDArray

    from streamsig.fields.numbers import NumberFormat


_RUN_ROWS = 1 << 12
_LONGEST_SHAPE, _LONGEST_EXPLAINED = 64, 60


class BadCells(NamedTuple):
    """Cells that are neither a number nor missing.

    Attributes:
        rows: (bad,) ascending.
        which: (bad,) indices into `texts` and `errors`.
        texts: The distinct texts, in order of first occurrence.
        errors: The error of each text.

    """

    rows: NDArray[np.integer]
    which: NDArray[np.integer]
    texts: list[str]
    errors: list[NumberError]


class Closes(NamedTuple):
    """The closes of cells: ticks, 0 or missing where a cell is bad, and the bad cells."""

    ticks: Ticks
    bad: BadCells = BadCells(np.zeros(0, np.intp), np.zeros(0, np.intp), [], [])


def read_cells(cells: text_kernels.Cells, numbers: NumberFormat, scale: int) -> Closes:
    """Read cells as closes; `scale` is the number of decimals to try first, at most `text_kernels.MAX_SCALE`."""
    read = text_kernels.read_numbers(cells, grammar_of(numbers), scale)
    if read.wide and scale < read.widest <= text_kernels.MAX_SCALE:
        return read_cells(cells, numbers, read.widest)
    if read.wide:
        # in batches: bringing them to one scale takes several times their memory
        runs = (cells.slice(start, start + _RUN_ROWS) for start in range(0, cells.rows, _RUN_ROWS))
        ticks = concat([_wide_ticks(text_kernels.read_wide_numbers(run, grammar_of(numbers))) for run in runs])
    else:
        missing = read.missing.view(np.bool_) if read.missing.any() else None
        ticks = Ticks(read.ticks[np.newaxis], scale, missing)
    return completed(ticks, read.fallback, cells.take(read.fallback), numbers)


def completed(ticks: Ticks, rows: NDArray[np.int32], cells: text_kernels.Cells, numbers: NumberFormat) -> Closes:
    """Return the closes that a kernel has read, with the fallback cells of `rows` read by `NumberFormat.parse`."""
    if not len(rows):
        return Closes(numbers.mark_missing(ticks))
    parsed, bad = _parse(rows, Texts(*text_kernels.copy_texts(cells)), numbers)
    return Closes(numbers.mark_missing(_put(ticks, rows, parsed)), bad)


@lru_cache(maxsize=64)
def grammar_of(numbers: NumberFormat) -> NDArray[np.uint8]:
    """Return a format in the form of the kernels."""
    lists = (MINUSES, numbers.separators, CURRENCIES, sorted(numbers.missing_words))
    return text_kernels.grammar(
        numbers.decimal, lists, ambiguous_mark=numbers.ambiguous_mark, mark_by_convention=numbers.mark_by_convention
    )


def _wide_ticks(read: text_kernels.WideNumbers) -> Ticks:
    """Return numbers of different scales at the largest of them."""
    missing = read.missing.view(np.bool_) if read.missing.any() else None
    scales = np.flatnonzero(np.bincount(read.decimals)).tolist()
    scale = max(scales, default=0)
    if len(scales) == 1:
        return Ticks.from_words(read.words, scale, missing)
    ticks = Ticks(np.zeros((1, len(read.words)), np.int64), scale, missing)
    for each in scales:
        rows = np.flatnonzero(read.decimals == each)
        ticks = _put(ticks, rows, Ticks.from_words(read.words[rows], each))
    return Ticks(ticks.limbs, scale, missing)


def _put(ticks: Ticks, rows: NDArray[np.intp] | NDArray[np.int32], others: Ticks) -> Ticks:
    """Return the closes with some rows replaced, at the larger scale."""
    scale = max(ticks.scale, others.scale)
    ticks, others = ticks.rescale(scale), others.rescale(scale)
    width = max(len(ticks.limbs), len(others.limbs))
    limbs, missing = widen(ticks.limbs, width), ticks.missing
    limbs = limbs if limbs.flags.writeable else limbs.copy()
    limbs[:, rows] = widen(others.limbs, width)
    if others.missing is not None:
        missing = np.zeros(len(ticks), np.bool_) if missing is None else missing
        missing[rows] = others.missing
    return Ticks(limbs, scale, missing)


def _parse(rows: NDArray[np.int32], texts: Texts, numbers: NumberFormat) -> tuple[Ticks, BadCells]:
    """Parse each distinct text once."""
    table = KeyTable()
    which = table.number(texts)
    known = [utf8.from_bytes(text) for text in table.texts().to_bytes()]
    parsed = [_parsed(text, numbers) for text in known]
    errors = {place: it for place, it in enumerate(parsed) if isinstance(it, NumberError)}
    ticks = Ticks.from_decimals([None if isinstance(it, NumberError) else it for it in parsed])
    bad = np.isin(which, [*errors])
    places = np.searchsorted([*errors], which[bad])
    return ticks.take(which), BadCells(rows[bad], places, [known[place] for place in errors], [*errors.values()])


def _parsed(text: str, numbers: NumberFormat) -> Decimal | NumberError | None:
    if len(text) <= _LONGEST_SHAPE and (misfit := _misfit(shape(text), numbers)) and not numbers.is_missing(text):
        return misfit
    try:
        return numbers.parse(text)
    except NumberError as error:
        # the frames would keep the text alive
        return error.with_traceback(None)


@lru_cache(maxsize=1024)
def _misfit(looks: str, numbers: NumberFormat) -> NumberError | None:
    """Return why no text of this shape is a number, `None` if one may be. Distinct bad closes share few shapes."""
    return None if numbers.fits(looks) else numbers.why_not(looks)


def explain(error: NumberError, text: str, numbers: NumberFormat) -> tuple[str, str]:
    """Return why a text is not a close, and what to do about it."""
    if text.strip() and not any(letter.isdigit() for letter in text):
        return str(error), f"{ADVICE}; if it stands for a missing close, say `missing=[{shown(text.strip())}]`"
    if len(text) <= _LONGEST_EXPLAINED and _has_other_format(shape(text), numbers):
        advice = "fix the row, or say how all are written with `decimal` and `thousands`"
        return "a number in another format than those above", advice
    return str(error), error.advice or ADVICE


@lru_cache(maxsize=1024)
def _has_other_format(looks: str, numbers: NumberFormat) -> bool:
    """Return whether texts of this shape are numbers, but in another format."""
    return not numbers.fits(looks) and any(convention.fits(looks) for convention in CONVENTIONS)
