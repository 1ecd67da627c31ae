"""Where the data of a text begin, and which record above them holds the names of the columns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from streamsig.ingest.cells import Kind, kinds
from streamsig.ingest.framing import typical_fields
from streamsig.ingest.names import Role, are_numbers, roles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.ingest.records import Record

_PRICES = frozenset({Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE, Role.LAST})
_LOOKED_AT = 300
_MOST_LABELS = 3
_DEEPEST = 300
"""Records within which the data have to begin, unless `--skip-lines` tells."""


@dataclass(frozen=True, slots=True)
class Body:
    """The records of a sample, told apart.

    `names` is the header as a person would write it; there are as many as `fields`, the fields of
    most data records, unless header and data do not go together. `labels` is what a second header
    row says under each name (a ticker, a unit).
    """

    names: tuple[str, ...] | None
    labels: tuple[str, ...]
    header_line: int
    records: list[Record]
    fields: int
    start: int
    line: int
    preamble: tuple[Record, ...]
    under_header: tuple[Record, ...]


def find_body(records: list[Record], *, header: bool | None, first_is_it: bool) -> Body:
    """Tell preamble, header and data apart.

    `header` is what was asked; with `first_is_it` nothing stands above the header or the data.
    A body without records starts behind the last record.
    """
    looks = [kinds(record.fields) for record in records[:_LOOKED_AT]]
    fields = _fields(records, looks)
    data = _first_data(looks, fields, len(records))
    if header is False:
        begin = 0 if first_is_it else _first_of_length(records, fields)
        return _body(None, records, begin, begin, fields)
    above = records[: min(data, _DEEPEST)]
    index = _header_index(above[:1] if first_is_it else above, fields)
    if header is None and index is None and data < len(records) and are_numbers(records[data].fields):
        # pandas gives such names to what it has read without a header
        return _body(_names(records[data], fields), records, data + 1, data, fields)
    if header and index is None:
        index = 0
    if index is None:
        return _body(None, records, 0 if first_is_it else _first_broken(records, data), 0, fields)
    begin = index + 1
    while begin < min(data, index + 1 + _MOST_LABELS) and len(records[begin].fields) == len(records[index].fields):
        if not _is_label(records[begin], sure=data < len(records)):
            break
        begin += 1
    return _body(_names(records[index], fields), records, begin, index, fields)


def _body(names: tuple[str, ...] | None, records: list[Record], begin: int, index: int, fields: int) -> Body:
    under = tuple(records[index + 1 : begin]) if names is not None else ()
    if names is not None:
        if all(len(record.fields) != fields for record in records[begin:]):
            # counted above the header alone
            fields = typical_fields(records[begin:]) if begin < len(records) else len(names)
        names, labels = _with_labels(_named(names, records[begin:], fields), under)
    else:
        labels = ()
    last = records[-1]
    start, line = (records[begin].start, records[begin].line) if begin < len(records) else (last.stop, last.next_line)
    return Body(
        names=names,
        labels=labels,
        header_line=records[index].line,
        records=records[begin:],
        fields=fields,
        start=start,
        line=line,
        preamble=tuple(records[: index if names is not None else begin]),
        under_header=under,
    )


def _fields(records: list[Record], looks: Sequence[Sequence[Kind]]) -> int:
    """Return the number of fields of most records that hold data; of all of them where none does."""
    with_data = [record for record, row in zip(records, looks, strict=False) if any(kind.typed for kind in row)]
    return typical_fields([record for record in with_data if len(record.fields) > 1] or with_data or records)


def _first_data(rows: Sequence[Sequence[Kind]], fields: int, none: int) -> int:
    """Return the index of the first record that looks like most of them; `none` if no one does."""
    looks = [(i, row) for i, row in enumerate(rows) if len(row) == fields]
    typed = [
        column
        for column in range(fields)
        if sum(row[column].typed for _, row in looks) >= sum(row[column] is Kind.TEXT for _, row in looks)
        and any(row[column].typed for _, row in looks)
    ]
    for index, row in looks:
        told = sum(row[column].typed for column in typed)
        missing = sum(row[column] is Kind.MISSING for column in typed)
        if typed and (2 * (told + missing) > len(typed)) and (told or not _says_something(row)):
            return index
    return none


def _says_something(row: Sequence[Kind]) -> bool:
    return any(kind is Kind.TEXT for kind in row)


def _first_of_length(records: list[Record], fields: int) -> int:
    return next((i for i, record in enumerate(records[:_DEEPEST]) if len(record.fields) == fields), 0)


def _first_broken(records: list[Record], data: int) -> int:
    """Step back from the first sound record over broken ones: they are data, not preamble."""
    if data == len(records):
        return 0
    while data > 0:
        looks = kinds(records[data - 1].fields)
        if 2 * sum(kind.typed for kind in looks) <= len(looks):
            break
        data -= 1
    return data


def _header_index(above: Sequence[Record], fields: int) -> int | None:
    """Return which record above the data names the columns best, or `None` where none is a header."""
    best: tuple[int, bool, int] | None = None
    found = None
    for index, record in enumerate(above):
        cells = record.fields
        looks = kinds(cells)
        texts = sum(kind is Kind.TEXT for kind in looks)
        known = sum(role is not None for role in roles(cells))
        filled = next((place for place in range(len(cells), 0, -1) if cells[place - 1].strip()), 0)
        fits = len(cells) == fields or filled == fields
        if not texts or any(kind is Kind.TIME for kind in looks) or not (fits or (known > 1 and filled > 1)):
            continue
        if best is None or (known, fits, texts) > best:
            best, found = (known, fits, texts), index
    return found


def _is_label(record: Record, *, sure: bool) -> bool:
    """Tell whether a record under the header says more about the columns: it has text and no data.

    Where no data follow to compare with, it is one only if it begins with a name (`Ticker`, `Date`).
    """
    looks = kinds(record.fields)
    if not _says_something(looks) or any(kind.typed for kind in looks):
        return False
    return sure or roles(record.fields[:1]) != [None]


def _with_labels(names: tuple[str, ...], under: Sequence[Record]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Take the name of the first column from a row that holds nothing else, as pandas writes it."""
    labels = [""] * len(names)
    for record in under:
        cells = [cell.strip() for cell in record.fields]
        if cells[0] and not any(cells[1:]):
            names = (cells[0], *names[1:])
            continue
        for index, cell in enumerate(cells[: len(names)]):
            labels[index] = labels[index] or cell
    return names, tuple(labels)


def _names(record: Record, fields: int) -> tuple[str, ...]:
    """Return the names as a person would write them, without the empty ones behind the last field."""
    names = [cell.strip(" \t\u00a0") for cell in record.fields]
    while len(names) > fields and not names[-1]:
        names.pop()
    return tuple(names)


def _named(names: tuple[str, ...], records: Sequence[Record], fields: int) -> tuple[str, ...]:
    """Name the empty field behind a delimiter at the end of every line, where the header has none.

    Not so where numbered rows stand under the name of a price: then it is the first name that is missing.
    """
    full = [record.fields for record in records if len(record.fields) == fields]
    if len(names) != fields - 1 or any(row[-1].strip() for row in full):
        return names
    numbers = [row[0].strip() for row in full]
    numbered = all(text.isdecimal() for text in numbers) and all(int(b) == int(a) + 1 for a, b in pairwise(numbers))
    return names if numbered and roles(names)[0] in _PRICES else (*names, "")
