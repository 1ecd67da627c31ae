"""Refuses a text that was not split as its author meant: other separators, one line of text, several tables."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from streamsig.errors import LayoutError
from streamsig.fields.cells import Kind, kind, kinds
from streamsig.fields.column_names import Role, roles
from streamsig.fields.messages import one_line
from streamsig.sniffer.table import numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.sniffer.header import Body
    from streamsig.sniffer.layout import LayoutOptions

_JUDGED = 100
_FEW = 2
_MARKS = "!#&*=/@\\_`'%$:"
"""Delimiters that occur in names and texts, too, so that the user has to name them."""

_CLOSES = {Role.CLOSE, Role.LAST}


def check_one_column(body: Body, options: LayoutOptions, name: str) -> None:
    """Raise where what looks like one column is several between other marks, or a line of text and nothing else."""
    names = body.names or ("",)
    lines = [record.fields[0].strip() for record in body.records if len(record.fields) == 1][:_JUDGED]
    if options.delimiter is None and lines:
        _check_marks(lines, body.records[0].line, names[0], options, name)
    if not body.records and len(names) == 1 and " " in names[0] and not _several(names[0]) and options.column is None:
        raise LayoutError(
            f"{name}, line {body.header_line}: this is one line of text, no table: {one_line(names[0])!r};"
            " download the table again, or name the column with `column=1`"
        )
    lines = lines or [*names]
    looks = [(line, kind(line).typed, line.split()) for line in lines]
    texts = [
        line for line, typed, words in looks if not typed and len(words) > 1 and any(k.typed for k in kinds(words))
    ]
    if options.delimiter == " " or not (2 * len(texts) > len(lines) or _several(names[0])):
        return
    first = body.records[0].line if body.records else body.header_line
    evenly = all(line.split(" ") == line.split() for line in texts)
    advice = "use `delimiter=' '`" if evenly else "make them commas: sed 's/^ *//' FILE | tr -s ' ' , | streamsig run -"
    raise LayoutError(
        f"{name}, line {first}: the fields seem to be separated by blanks: {one_line((texts or lines)[0])!r}; {advice}"
    )


def _check_marks(lines: Sequence[str], first: int, header: str, options: LayoutOptions, name: str) -> None:
    """Raise where each line of a single column has a mark between a date and numbers, and name it."""
    commas = sum("," in line and not kind(line).typed for line in lines)
    if "," in {options.decimal, options.thousands} and 2 * commas > len(lines):
        raise LayoutError(
            f"{name}, line {first}: a comma between digits is part of a number, as asked for, so that nothing separates"
            f" the fields of {one_line(lines[0])!r}; if the comma does, use `delimiter=','`; if it does both, write the"
            " file again with ; between fields, or with quotes around numbers"
        )
    foreign = (each for each in dict.fromkeys(header) if not (each.isascii() or each.isalnum() or each.isspace()))
    for mark in (*_MARKS, *foreign):
        parts = [line.split(mark) for line in lines]
        width = len(parts[0])
        if width == 1 or any(len(part) != width for part in parts) or (header and header.count(mark) != width - 1):
            continue
        if kind(lines[0]).typed and not any(roles(header.split(mark))):
            continue
        if not {look for part in parts for look in kinds(part[1:])} <= {Kind.NUMBER, Kind.MISSING}:
            continue
        replaced = f"make them commas: sed 's/{mark}/,/g' FILE | streamsig run -"
        advice = f"use `delimiter={mark!r}`" if mark.isascii() else replaced
        raise LayoutError(
            f"{name}, line {first}: the fields seem to be separated by {mark!r}: {one_line(lines[0])!r}; {advice}"
        )


def _several(text: str) -> bool:
    """Return whether a name is the names of several columns between blanks (`Close price` is one)."""
    return sum(role is not None for role in roles(text.split())) > 1 and roles([text]) == [None]


def check_no_second_header(body: Body, numbers: Sequence[str] | None, name: str) -> None:
    """Raise where records below name the columns once more, but otherwise: they are another table.

    `numbers` are the texts of a column of numbers, of the records that have as many fields as most.
    """
    _check_no_table_above(body, name)
    looks = kinds(numbers or ())
    if Kind.TEXT not in looks and len(looks) == len(body.records):
        return
    full = (record for record in body.records if len(record.fields) == body.fields)
    valued = {record.line for record, look in zip(full, looks, strict=False) if look is not Kind.TEXT}
    for before, record in pairwise(body.records):
        if record.line in valued:
            continue
        cells = [cell.strip() for cell in record.fields]
        while cells and not cells[-1]:
            cells.pop()
        apart = record.line > before.next_line or not any(cell.strip() for cell in before.fields)
        named = sum(role is not None for role in roles(cells)) + apart
        texts = len(cells) > 1 and all(look is Kind.TEXT for look in kinds(cells))
        if named >= _FEW and texts and tuple(cells) != body.names:
            above = f"the first: {numbered(cells)}"
            raise _second_header(record.line, above, " and name the close with `column`", name)


def _check_no_table_above(body: Body, name: str) -> None:
    """Raise where a table with times and closes, and names of its own, precedes the header."""
    for before, record in pairwise(body.preamble):
        known = set(roles(before.fields))
        if Role.TIME in known and _CLOSES & known and len(record.fields) == len(before.fields):
            raise _second_header(body.header_line, f"the one on line {before.line}", "", name)


def _second_header(line: int, first: str, close: str, name: str) -> LayoutError:
    return LayoutError(
        f"{name}, line {line}: this is a second header, with other names than {first}; to count the rows below it, use"
        f" `skip_lines={line - 1}`{close}; to count those above it: head -n {line - 1} FILE | streamsig run -"
    )
