"""Whether the values bear out what the header says, before anything is counted on it."""

from __future__ import annotations

from itertools import pairwise
from math import isnan
from typing import TYPE_CHECKING

from streamsig.errors import LayoutError
from streamsig.ingest.cells import Kind, kind, kinds, shapes
from streamsig.ingest.columns import numbered
from streamsig.ingest.convention import float_of
from streamsig.ingest.dialect import one_line
from streamsig.ingest.names import Role, roles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.ingest.dialect import Dialect
    from streamsig.ingest.header import Body
    from streamsig.ingest.numbers import NumberFormat

_JUDGED = 100
_FEW = 2

_BARS = (Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE)


def check_one_column(body: Body, name: str) -> None:
    """Raise where what looks like one column is several between blanks, or a line of text and nothing else."""
    names = body.names or ("",)
    if not body.records and len(names) == 1 and " " in names[0] and not _several(names[0]):
        raise LayoutError(
            f"{name}, line {body.header_line}: this is one line of text, no table: {one_line(names[0])!r};"
            " download the table again, or name the column with --column 1"
        )
    lines = [record.fields[0].strip() for record in body.records if len(record.fields) == 1][:_JUDGED] or [*names]
    looks = [(line, kind(line).typed, line.split()) for line in lines]
    texts = [
        line for line, typed, words in looks if not typed and len(words) > 1 and any(k.typed for k in kinds(words))
    ]
    if body.fields > 1 or not (2 * len(texts) > len(lines) or _several(names[0])):
        return
    first = body.records[0].line if body.records else body.header_line
    evenly = all(line.split(" ") == line.split() for line in texts)
    advice = "use --delimiter ' '" if evenly else "make them commas: tr -s ' ' , < FILE | streamsig run -"
    raise LayoutError(
        f"{name}, line {first}: the fields seem to be separated by blanks: {one_line((texts or lines)[0])!r}; {advice}"
    )


def _several(text: str) -> bool:
    """Tell whether a name is the names of several columns between blanks (`Close price` is one)."""
    return sum(role is not None for role in roles(text.split())) > 1 and roles([text]) == [None]


def check_no_second_header(body: Body, numbers: Sequence[str] | None, name: str) -> None:
    """Raise where records below name the columns once more, but otherwise: they are another table.

    `numbers` are the texts of a column of numbers, of the records that have as many fields as most.
    """
    sound = (record for record in body.records if len(record.fields) == body.fields)
    valued = {record.line for record, look in zip(sound, kinds(numbers or ()), strict=False) if look is not Kind.TEXT}
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
            f"{name}, line {record.line}: a second header stands there, with other names than the first:"
            f" {numbered(cells)}; to count the rows below it, use --skip-lines {above} and name the close with"
            f" --column; to count those above it: head -n {above} FILE | streamsig run -"
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
        found = next(record for record in body.records if len(record.fields) == body.fields)
        raise LayoutError(
            f"{name}: the columns named open, high, low and close are not so in {wrong} of {moving} sampled rows,"
            f" so the names may be shifted: line {found.line} reads {numbered(found.fields)};"
            " say which field is the close with --column N"
        )


def check_closes(closes: Sequence[str], dialect: Dialect, body: Body, name: str) -> None:
    """Raise where most of the closes are no numbers."""
    numbers = dialect.numbers
    if all(numbers.fits(each) for each in set(shapes(closes))):
        return
    texts = [(i, text) for i, text in enumerate(closes) if not numbers.is_missing(text)]
    bad = [(i, text) for i, text in texts if not numbers.fits(text)]
    if not bad or 2 * len(bad) <= len(texts):
        return
    sound = [record for record in body.records if len(record.fields) == body.fields]
    index, text = bad[0]
    raise LayoutError(
        f"{name}, line {sound[index].line}: {dialect.column_name(dialect.close)} is not a column of numbers:"
        f" {text.strip()[:40]!r}; name another with --column, or say how numbers are written with --decimal"
        " and --thousands"
    )
