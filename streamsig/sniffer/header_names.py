"""A name for every field: pandas writes two records of names, and R leaves out the name of its row names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsig.fields.cells import Kind, are_consecutive, kinds
from streamsig.fields.column_names import PRICES, Role, compact, roles
from streamsig.sniffer.time_column import dates_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.csv.records import Record

_VOLUMES = frozenset({"volume", "vol"})
_JUDGED = 300
_FEWEST = 3
"""Rows that have to be numbered 1, 2, 3 to rule out a coincidence."""


def names_of(record: Record, fields: int) -> tuple[str, ...]:
    """Return the names as a person would write them, without the empty ones after the last field."""
    names = [cell.strip(" \t\u00a0") for cell in record.fields]
    while len(names) > fields and not names[-1]:
        names.pop()
    return tuple(names)


def names_over(names: tuple[str, ...], rows: Sequence[Sequence[str]], fields: int) -> tuple[str, ...]:
    """Return a name for every field, where the header has fewer names than the rows have fields.

    The field without a name is the first one, if it holds row names; else the last one, if it is always empty. Where
    the rows do not show which it is, the names are returned as they are.
    """
    if not 1 <= fields - len(names) <= 2 or not rows:  # noqa: PLR2004 (the first and the last)
        return names
    columns = list(zip(*rows[:_JUDGED], strict=True))
    ends_empty = not any(row[-1].strip() for row in rows)
    have_row_names = _are_row_names(names, columns)
    if fields - len(names) == 1 and have_row_names is not None:
        return ("", *names) if have_row_names else (*names, "") if ends_empty else names
    if fields - len(names) == 2 and have_row_names and ends_empty:  # noqa: PLR2004
        return ("", *names, "")
    return names


def with_labels(names: tuple[str, ...], under: Sequence[Record]) -> tuple[tuple[str, ...], tuple[str, ...]]:
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


def _are_row_names(names: Sequence[str], columns: Sequence[Sequence[str]]) -> bool | None:
    """Return whether the first field names its row; `None` where it may be the first named column as well."""
    role = roles(names)[0]
    first = columns[0]
    looks = set(kinds(first)) - {Kind.MISSING}
    dates = looks == {Kind.TIME} or dates_in(first, alone=True) is not None
    is_no_label = role in PRICES or compact(names[0]) in _VOLUMES
    if is_no_label and (dates or looks == {Kind.TEXT}):
        return True
    if not are_consecutive(first):
        return False
    counted = len(first) >= _FEWEST and int(first[0]) in {0, 1}
    if role is Role.TIME:
        following = columns[1] if len(columns) > 1 else ()
        return counted and (set(kinds(following)) == {Kind.TIME} or dates_in(following, alone=True) is not None)
    if role not in PRICES:
        return False
    # where the last field is empty they may be prices as well as row numbers
    return True if counted and any(text.strip() for text in columns[-1]) else None
