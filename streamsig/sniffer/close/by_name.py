"""Which column is the close, where a header or the user names the columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamsig.errors import LayoutError, UsageError
from streamsig.fields.cells import Kind, kinds
from streamsig.fields.column_names import (
    Role,
    affixed_closes,
    almost_closes,
    compact,
    is_plain_close,
    lasts,
    other_closes,
)
from streamsig.fields.messages import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.sniffer.table import Table

_JUDGED = 100
_MAX_DIGITS = 18
_LONGEST = 200


def asked_column(table: Table, asked: str | int, setting: str = "column") -> int:
    """Return the column that a setting names, by number, exact name, or name but for case and punctuation."""
    where = f"{table.name}: `{setting}={one_line(str(asked))!r}`:"
    if isinstance(asked, str) and table.names is not None:
        matches = _by_name(table.names, asked)
        if len(matches) == 1:
            check_alignment(table)
            return matches[0]
        if matches:
            raise LayoutError(
                f"{table.name}: {len(matches)} columns are named {one_line(asked)!r}: {table.listed(matches)};"
                f" say which with `{setting}=N`"
            )
    if isinstance(asked, int) or (asked.isascii() and asked.isdecimal() and len(asked) <= _MAX_DIGITS):
        number = int(asked)
        if number < 1:
            raise UsageError(f"{table.name}: `{setting}={asked}`: fields count from 1")
        if number > len(table.columns):
            raise LayoutError(f"{table.name}: `{setting}={number}`: there is no such field: {table.shown()}")
        return number - 1
    if table.names is None:
        raise LayoutError(f"{where} there is no header line to find it in; use `{setting}=N`")
    from difflib import get_close_matches  # noqa: PLC0415 (only for errors)

    near = get_close_matches(asked[:_LONGEST].casefold(), [each.casefold() for each in table.names], 1, 0.5)
    guess = next((f'; did you mean "{each}"?' for each in table.names if near and each.casefold() == near[0]), "")
    raise LayoutError(f"{where} no column has this name: {table.shown()}{guess}")


def close_by_name(table: Table) -> tuple[int, str] | None:
    """Return the close of a table with a header, and why it is that column; `None` where no name is that of a close.

    Raises LayoutError where two columns may be the close.
    """
    names = table.names or ()
    able = [not table.lines or (i < len(table.columns) and table.numeric[i]) for i in range(len(names))]
    known = [index for index, role in enumerate(table.roles) if role is Role.CLOSE]
    affixed = affixed_closes(names)
    others = [index for index in other_closes(names) if not _holds_texts(table, index)]
    last_prices = [index for index in lasts(names) if able[index]]
    if others and not known:
        if affixed or len(others) > 1 or not is_plain_close(names[others[0]]) or (last_prices and not able[others[0]]):
            # a last price is not the close where one of these may be it
            raise _doubtful(table, sorted({*affixed, *others, *last_prices}))
        affixed, last_prices = others, []
    tier = known or affixed or last_prices
    if not tier:
        return None
    several = _with_copies(names, tier)
    if len(several) > 1:
        raise _doubtful(table, several)
    check_alignment(table)
    return tier[0], f'its name is "{one_line(names[tier[0]])}"'


def no_close(table: Table) -> LayoutError:
    """Return the error for a header without the name of a close; it lists the columns."""
    names = table.names or ()
    almost = almost_closes(names)
    if almost:
        return LayoutError(
            f"{table.name}: no column is the close itself, but there is {table.listed(almost)};"
            " if one of them is meant, use `column=NAME`"
        )
    prices = lasts(names)
    if prices:
        # its values are not numbers, or it would have been taken
        return LayoutError(
            f"{table.name}: {table.listed(prices)} could be the close, but has no numbers{_example(table, prices[0])};"
            " name another with `column`"
        )
    garbled = "" if all(each.isascii() for each in names) else ", or, if names are garbled, say `encoding=NAME`"
    where = f", line {table.header_line}" if table.header_line else ""
    return LayoutError(
        f"{table.name}{where}: no column is named like a close: {table.shown()}; name it with `column`{garbled}"
    )


def check_alignment(table: Table) -> None:
    """Raise where header and records differ in length: every name may then be off by one field."""
    names, fields = table.names or (), len(table.columns)
    if len(names) == fields or not table.lines:
        return
    split = ", or values were split at a mark inside of them" if fields > len(names) + 1 else ""
    raise LayoutError(
        f"{table.name}: the header on line {table.header_line} names {len(names)} columns, but most rows have"
        f" {fields} fields, so the names may be shifted{split}: {table.at(0)} reads {table.first_row};"
        " say which field is the close with `column=N`"
    )


def _with_copies(names: Sequence[str], indices: Sequence[int]) -> list[int]:
    """Add the columns whose equal names pandas has made different: `Close.1` next to `Close`."""
    copies = {
        index
        for index, each in enumerate(names)
        for chosen in indices
        if (copy := re.fullmatch(r"(.+)\.\d+", each)) and copy[1] == names[chosen]
    }
    return sorted({*indices, *copies})


def _doubtful(table: Table, indices: Sequence[int]) -> LayoutError:
    what = "more than one column could be the close" if len(indices) > 1 else "this column may be the close or not"
    return LayoutError(f"{table.name}: {what}: {table.listed(indices)}; say which with `column=N`")


def _holds_texts(table: Table, index: int) -> bool:
    if index >= len(table.columns) or table.numeric[index]:
        return False
    return any(look is not Kind.MISSING for look in kinds(table.columns[index][:_JUDGED]))


def _example(table: Table, index: int) -> str:
    texts = table.columns[index] if index < len(table.columns) else ()
    row = next((row for row, text in enumerate(texts) if text.strip()), None)
    return "" if row is None else f": {table.at(row)} reads {one_line(texts[row])!r}"


def _by_name(names: Sequence[str], asked: str) -> list[int]:
    tests = (
        lambda each: each == asked,
        lambda each: each.casefold() == asked.strip().casefold(),
        lambda each: bool(compact(asked)) and compact(each) == compact(asked),
    )
    matches = ([index for index, each in enumerate(names) if test(each)] for test in tests)
    return next(filter(None, matches), [])
