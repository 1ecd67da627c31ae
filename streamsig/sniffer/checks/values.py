"""Whether the values agree with the header, before anything is counted."""

from __future__ import annotations

import re
from itertools import pairwise
from math import isnan
from typing import TYPE_CHECKING

from streamsig.csv.dialect import one_line
from streamsig.errors import LayoutError
from streamsig.fields.cells import Kind, kind, kinds, shapes
from streamsig.fields.column_names import Role, roles
from streamsig.sniffer.checks.affixes import advice_on_affixes
from streamsig.sniffer.close.by_name import listed, numbered
from streamsig.sniffer.close.date_like import dates_in
from streamsig.sniffer.close.order_books import book_column, may_be_of_trades
from streamsig.sniffer.convention import float_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from streamsig.csv.dialect import Dialect
    from streamsig.fields.numbers import NumberFormat
    from streamsig.sniffer.header import Body
    from streamsig.sniffer.layout import LayoutOptions

_JUDGED = 100
_FEW = 2
_MARKS = "!#&*=/@\\_`'%$:"
"""Delimiters that occur in names and texts, too, so that the user has to name them."""

_EIGHTHS = r"[0-9]{2,4}['^-][0-7]"
_IN_FRACTIONS = rf"(?:[5-9][0-9]|1[0-9]{{2}}|2[0-4][0-9])['^:-](?:[0-2][0-9]|3[01])(?:[0-7+]|\.[0-9]+)?|{_EIGHTHS}"
"""A bond of 50 to 249, 32nds, and parts of one; or a whole price and eighths of a cent."""

_FEW_OTHERS = 10
"""Up to one in so many prices may be a mistake among 32nds."""

_CLOSES = {Role.CLOSE, Role.LAST}
_BARS = (Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE)


def check_one_column(body: Body, options: LayoutOptions, name: str) -> None:
    """Raise where what looks like one column is several between other marks, or a line of text and nothing else."""
    names = body.names or ("",)
    if options.delimiter is None:
        _check_marks(body, options, name)
    if not body.records and len(names) == 1 and " " in names[0] and not _several(names[0]) and options.column is None:
        raise LayoutError(
            f"{name}, line {body.header_line}: this is one line of text, no table: {one_line(names[0])!r};"
            " download the table again, or name the column with `column=1`"
        )
    lines = [record.fields[0].strip() for record in body.records if len(record.fields) == 1][:_JUDGED] or [*names]
    looks = [(line, kind(line).typed, line.split()) for line in lines]
    texts = [
        line for line, typed, words in looks if not typed and len(words) > 1 and any(k.typed for k in kinds(words))
    ]
    if body.fields > 1 or options.delimiter == " " or not (2 * len(texts) > len(lines) or _several(names[0])):
        return
    first = body.records[0].line if body.records else body.header_line
    evenly = all(line.split(" ") == line.split() for line in texts)
    advice = "use `delimiter=' '`" if evenly else "make them commas: sed 's/^ *//' FILE | tr -s ' ' , | streamsig run -"
    raise LayoutError(
        f"{name}, line {first}: the fields seem to be separated by blanks: {one_line((texts or lines)[0])!r}; {advice}"
    )


def _check_marks(body: Body, options: LayoutOptions, name: str) -> None:
    """Raise where each line of a single column has a mark between a date and numbers, and name it."""
    lines = [record.fields[0].strip() for record in body.records if len(record.fields) == 1][:_JUDGED]
    header = body.names[0] if body.names else ""
    commas = sum("," in line and not kind(line).typed for line in lines)
    if "," in {options.decimal, options.thousands} and 2 * commas > len(lines):
        raise LayoutError(
            f"{name}, line {body.records[0].line}: a comma between digits is part of a number, as asked for, so that"
            f" nothing separates the fields of {one_line(lines[0])!r}; if the comma does, use `delimiter=','`;"
            " if it does both, write the file again with ; between fields, or with quotes around numbers"
        )
    for mark in _MARKS:
        if not lines or any(mark not in line for line in lines):
            continue
        parts = [line.split(mark) for line in lines]
        if len({len(part) for part in parts}) > 1 or (header and len(header.split(mark)) != len(parts[0])):
            continue
        if kind(lines[0]).typed or not all(any(k is Kind.NUMBER for k in kinds(part[1:])) for part in parts):
            continue
        raise LayoutError(
            f"{name}, line {body.records[0].line}: the fields seem to be separated by {mark!r}:"
            f" {one_line(lines[0])!r}; use `delimiter={mark!r}`"
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
        if named < _FEW or not texts or tuple(cells) == body.names:
            continue
        above = record.line - 1
        raise LayoutError(
            f"{name}, line {record.line}: this is a second header, with other names than the first:"
            f" {numbered(cells)}; to count the rows below it, use `skip_lines={above}` and name the close with"
            f" `column`; to count those above it: head -n {above} FILE | streamsig run -"
        )


def _check_no_table_above(body: Body, name: str) -> None:
    """Raise where a table with times and closes, and names of its own, precedes the header."""
    for before, record in pairwise(body.preamble):
        known = set(roles(before.fields))
        if Role.TIME in known and _CLOSES & known and len(record.fields) == len(before.fields):
            above = body.header_line - 1
            raise LayoutError(
                f"{name}, line {body.header_line}: this is a second header, with other names than the one on line"
                f" {before.line}; to count the rows below it, use `skip_lines={above}`; to count those above it:"
                f" head -n {above} FILE | streamsig run -"
            )


def check_names(numbers: NumberFormat, body: Body, near: list[list[str]], name: str) -> None:
    """Raise where the columns named open, high, low and close are not so in most rows."""
    known = roles(body.names or ())
    places = [known.index(role) for role in _BARS if known.count(role) == 1]
    if len(places) < len(_BARS) or max(places) >= len(near):
        return
    moving = wrong = 0
    for _, h, low, c in zip(*([float_of(text, numbers) for text in near[i]] for i in places), strict=True):
        if not isnan(h + low + c) and h != low:
            moving += 1
            wrong += h < low or c < low or c > h
    if moving and 2 * wrong > moving:
        first = next(record for record in body.records if len(record.fields) == body.fields)
        raise LayoutError(
            f"{name}: the columns named open, high, low and close are not so in {wrong} of {moving} sampled rows,"
            f" so the names may be shifted: line {first.line} reads {numbered(first.fields)};"
            " say which field is the close with `column=N`"
        )


def check_no_fractions(closes: Sequence[str], numbers: NumberFormat, options: LayoutOptions, place: str) -> None:
    """Raise where closes are written in 32nds or eighths, as those of bonds and grains are: `118'310`, `526-2`.

    `place` names file and column.
    """
    joined = "".join(closes)
    if not any(mark in joined for mark in "'^:-"):
        return
    texts = [text.strip() for text in closes if not numbers.is_missing(text)]
    fractions = [text for text in texts if re.fullmatch(_IN_FRACTIONS, text)]
    if 2 * len(fractions) <= len(texts):
        return
    by_quotes = numbers.thousands == "'"
    # round prices have nothing after the mark, and one may be mistyped; 1'234.50 and 118'990 are thousands
    thousands = sum("'" in text for text in texts) - len(fractions)
    if by_quotes and (options.thousands or _FEW_OTHERS * thousands > len(fractions)):
        return
    parts = "eighths" if all(re.fullmatch(_EIGHTHS, text) for text in fractions) else "32nds"
    either = "; if ' separates thousands, use `thousands=\"'\"`" if by_quotes else ""
    raise LayoutError(
        f"{place} seems to be written in {parts}: {fractions[0]!r}; write the file again with decimals{either}"
    )


def check_closes(closes: Sequence[str], dialect: Dialect, body: Body, name: str) -> None:
    """Raise where most of the closes are not numbers."""
    numbers = dialect.numbers
    if all(numbers.fits(each) for each in set(shapes(closes))):
        return
    texts = [(i, text) for i, text in enumerate(closes) if not numbers.is_missing(text)]
    bad = [(i, text) for i, text in texts if not numbers.fits(text)]
    if not bad or 2 * len(bad) <= len(texts):
        return
    full = [record for record in body.records if len(record.fields) == body.fields]
    index, text = bad[0]
    cells = (cell for record in full for cell in record.fields)
    plain = advice_on_affixes([each for _, each in texts], cells)
    advice = plain or "say how numbers are written with `decimal` and `thousands`"
    raise LayoutError(
        f"{name}, line {full[index].line}: {dialect.column_name(dialect.close)} is not a column of numbers:"
        f" {text.strip()[:40]!r}; name another with `column`, or {advice}"
    )


def check_no_dates(closes: Sequence[str], dialect: Dialect, body: Body, name: str) -> None:
    """Raise where the closes are dates or times, as they are where names are shifted by one field."""
    dates = dates_in(closes, alone=dialect.time in {None, dialect.close})
    if dates is not None:
        first = next(record for record in body.records if len(record.fields) == body.fields)
        raise LayoutError(
            f"{name}, line {first.line}: {dialect.column_name(dialect.close)} holds {dates}, no closes:"
            f" the fields are {numbered(first.fields)}; name the close with `column=N`"
        )


def check_no_book(body: Body, texts: Sequence[Sequence[str]], close: int, groups: Collection[int], name: str) -> None:
    """Raise where the column that was chosen holds prices of an order book."""
    names = body.names or ()
    if close < len(names) and roles(names)[close] is Role.CLOSE:
        return
    side = book_column(names, texts, groups)
    if side is not None:
        trades = f"; if they are trades, use `column={close + 1}` alone" if may_be_of_trades(texts[side]) else ""
        raise LayoutError(
            f"{name}: column {listed(body, [side])} shows that the rows are entries of an order book, which has no"
            f" close; use a file of trades or bars, or count each side as a series of its own with"
            f" `column={close + 1}, group_by={side + 1}`{trades}"
        )
