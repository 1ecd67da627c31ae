"""Which field is the close, where a header or the user names the columns."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from streamsig.csv.dialect import one_line
from streamsig.errors import LayoutError, UsageError
from streamsig.fields.cells import Kind, are_mostly_numbers, kinds
from streamsig.fields.column_names import (
    Role,
    affixed_closes,
    almost_closes,
    compact,
    is_plain_close,
    lasts,
    other_closes,
    roles,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.sniffer.header import Body

GROUP_BY = "group_by"
"""The setting that names the columns of a key."""

_MOST_LISTED = 20
_JUDGED = 100
_MOST_DIGITS = 18
_LONGEST = 200


def asked_column(body: Body, asked: str | int, name: str, setting: str = "column") -> int:
    """Return the field that a setting names, by number, exact name, or name but for case and punctuation."""
    if isinstance(asked, str) and body.names is not None:
        matches = _by_name(body.names, asked)
        if len(matches) == 1:
            check_alignment(body, name)
            return matches[0]
        if matches:
            raise LayoutError(
                f"{name}: {len(matches)} columns are named {one_line(asked)!r}: {listed(body, matches)};"
                f" say which with `{setting}=N`"
            )
    if isinstance(asked, int) or (asked.isascii() and asked.isdecimal() and len(asked) <= _MOST_DIGITS):
        number = int(asked)
        if number < 1:
            raise UsageError(f"{name}: `{setting}={asked}`: fields count from 1")
        if number > body.fields:
            raise LayoutError(f"{name}: `{setting}={number}`: there is no such field: {columns_in(body)}")
        return number - 1
    if body.names is None:
        raise LayoutError(
            f"{name}: `{setting}={one_line(asked)!r}`: there is no header line to find it in; use `{setting}=N`"
        )
    from difflib import get_close_matches  # noqa: PLC0415 (only for errors)

    near = get_close_matches(asked[:_LONGEST].casefold(), [each.casefold() for each in body.names], 1, 0.5)
    guess = next((f'; did you mean "{each}"?' for each in body.names if near and each.casefold() == near[0]), "")
    raise LayoutError(f"{name}: `{setting}={one_line(asked)!r}`: no column has this name: {columns_in(body)}{guess}")


def close_by_name(body: Body, numeric: Sequence[bool], name: str) -> tuple[int, str] | None:
    """Return the close column of a file with a header, and why it is that one; `None` where no name is that of a close.

    `numeric` says for each field whether it holds numbers. Raises `LayoutError` where two columns may be the close.
    """
    names = body.names or ()
    others = [index for index in other_closes(names) if not _holds_texts(body, index)]
    known = [index for index, role in enumerate(roles(names)) if role is Role.CLOSE]
    affixed = affixed_closes(names)
    last_prices = lasts(names) if not body.records else [i for i in lasts(names) if i < len(numeric) and numeric[i]]
    tiers = (known, affixed, last_prices)
    if others and not known:
        able = not body.records or (others[0] < len(numeric) and numeric[others[0]])
        if affixed or len(others) > 1 or not is_plain_close(names[others[0]]) or (last_prices and not able):
            # a last price is not the close where one of these may be it
            raise _doubtful(body, sorted({*affixed, *others, *last_prices}), name)
        tiers = (others, [], [])
    for tier in tiers:
        if tier:
            several = _with_copies(names, tier)
            if len(several) > 1:
                raise _doubtful(body, several, name)
            check_alignment(body, name)
            return tier[0], f'its name is "{one_line(names[tier[0]])}"'
    return None


def no_close(body: Body, name: str) -> LayoutError:
    """Return the error for a header without the name of a close; it lists the columns."""
    names = body.names or ()
    where = f", line {body.header_line}" if body.header_line else ""
    mark = _unknown_delimiter(body)
    if mark:
        return LayoutError(
            f"{name}{where}: the fields seem to be separated by {mark!r}: {one_line(names[0])!r};"
            f" make them commas: sed 's/{mark}/,/g' FILE | streamsig run -"
        )
    almost = almost_closes(names)
    if almost:
        return LayoutError(
            f"{name}: no column is the close itself, but there is {listed(body, almost)};"
            " if one of them is meant, use `column=NAME`"
        )
    prices = lasts(names)
    if prices:
        # its values are not numbers, or it would have been taken
        return LayoutError(
            f"{name}: {listed(body, prices)} could be the close, but has no numbers{_example(body, prices[0])};"
            " name another with `column`"
        )
    garbled = "" if all(each.isascii() for each in names) else ", or, if names are garbled, say `encoding=NAME`"
    return LayoutError(
        f"{name}{where}: no column is named like a close: {columns_in(body)}; name it with `column`{garbled}"
    )


def _unknown_delimiter(body: Body) -> str | None:
    """Return the mark outside of ASCII that occurs as often in each line of a single column as in the header."""
    names = body.names or ()
    lines = [record.fields[0] for record in body.records[:_JUDGED] if len(record.fields) == 1]
    if len(names) != 1 or not lines or any("," in line for line in lines):
        return None
    for mark in dict.fromkeys(names[0]):
        if mark.isascii() or mark.isalnum() or mark.isspace() or unicodedata.category(mark) == "Sc":
            continue
        parts = names[0].split(mark)
        if {line.count(mark) + 1 for line in lines} == {len(parts)} and all(map(compact, parts)) and any(roles(parts)):
            return mark
    return None


def check_alignment(body: Body, name: str) -> None:
    """Raise where header and records differ in length: every name may then be off by one field."""
    names = body.names or ()
    if len(names) == body.fields or not body.records:
        return
    first = next(record for record in body.records if len(record.fields) == body.fields)
    split = ", or values were split at a mark inside of them" if body.fields > len(names) + 1 else ""
    raise LayoutError(
        f"{name}: the header on line {body.header_line} names {len(names)} columns, but most rows have"
        f" {body.fields} fields, so the names may be shifted{split}: line {first.line} reads {numbered(first.fields)};"
        " say which field is the close with `column=N`"
    )


def listed(body: Body, indices: Sequence[int]) -> str:
    """Name columns with their numbers: `2 "Close" (AAPL), 3 "Close" (MSFT)`."""
    names, labels = body.names or (), body.labels
    parts = [
        f'{index + 1} "{one_line(names[index])}"'
        + (f" ({one_line(labels[index])})" if index < len(labels) and labels[index] else "")
        for index in indices[:_MOST_LISTED]
    ]
    more = len(indices) - _MOST_LISTED
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")


def column_title(names: Sequence[str] | None, index: int) -> str:
    """Name a column for a message: `column 5 "close"`, or `column 5` where it has no name."""
    name = names[index] if names is not None and index < len(names) else ""
    return f'column {index + 1} "{one_line(name)}"' if name else f"column {index + 1}"


def numbered(fields: Sequence[str]) -> str:
    """Show the fields of a record with their numbers: `1=2020-01-01 2=1.25`."""
    parts = [f"{i}={one_line(text)}" for i, text in enumerate(fields[:_MOST_LISTED], 1)]
    return " ".join(parts) + (" ..." if len(fields) > _MOST_LISTED else "")


def columns_in(body: Body) -> str:
    """List the columns for a message; without a header, show the first row."""
    if body.names is not None and len(body.names) == body.fields:
        return f"the columns are {listed(body, range(len(body.names)))}"
    first = next((record for record in body.records if len(record.fields) == body.fields), None)
    return f"line {first.line} reads {numbered(first.fields)}" if first else f"there are {body.fields} fields"


def _with_copies(names: Sequence[str], indices: Sequence[int]) -> list[int]:
    """Add the columns whose equal names pandas has made different: `Close.1` next to `Close`."""
    copies = {
        index
        for index, each in enumerate(names)
        for chosen in indices
        if (copy := re.fullmatch(r"(.+)\.\d+", each)) and copy[1] == names[chosen]
    }
    return sorted({*indices, *copies})


def _doubtful(body: Body, indices: Sequence[int], name: str) -> LayoutError:
    what = "more than one column could be the close" if len(indices) > 1 else "this column may be the close or not"
    return LayoutError(f"{name}: {what}: {listed(body, indices)}; say which with `column=N`")


def _holds_texts(body: Body, index: int) -> bool:
    texts = [record.fields[index] for record in body.records[:_JUDGED] if index < len(record.fields) == body.fields]
    return any(look is not Kind.MISSING for look in kinds(texts)) and not are_mostly_numbers(texts)


def _example(body: Body, index: int) -> str:
    first = next((r for r in body.records if index < len(r.fields) == body.fields and r.fields[index].strip()), None)
    return f": line {first.line} reads {one_line(first.fields[index])!r}" if first else ""


def _by_name(names: Sequence[str], asked: str) -> list[int]:
    tests = (
        lambda each: each == asked,
        lambda each: each.casefold() == asked.strip().casefold(),
        lambda each: bool(compact(asked)) and compact(each) == compact(asked),
    )
    for test in tests:
        matches = [index for index, each in enumerate(names) if test(each)]
        if matches:
            return matches
    return []
