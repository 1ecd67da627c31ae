"""Numbers that were split at their own mark: `9,90` or `1,998.50` without quotes between commas.

Then no field is the close, whichever the user names.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from streamsig.errors import LayoutError
from streamsig.fields.cells import are_consecutive
from streamsig.fields.column_names import Role, are_numbers, roles
from streamsig.sniffer.table import numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.sniffer.header import Body
    from streamsig.sniffer.layout import LayoutOptions
    from streamsig.sniffer.table import Table

_MARK = ","
_AROUND = " \t\u00a0$€£¥₹₩%"
_WHOLE = r"[+-]?(?:0|[1-9][0-9]{0,6}|[1-9][0-9]{0,2}(?:[.' \u00a0\u2009\u202f][0-9]{3})+)"
_FRACTION = r"[0-9]{1,8}"
_HEAD = r"[+-]?[1-9][0-9]{0,2}"
_TAIL = r"[0-9]{3}(?:\.[0-9]*)?"
_DATE = r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9])?"
_JUDGED = 300
_FEW_DIGITS = 2
_NEAR = 2.0


class _Pair(NamedTuple):
    """Two fields that may be one number: the first of them, and whether it has thousands or decimals.

    With `certain` two numbers would not look like that: the second begins with zeros in some rows.
    """

    first: int
    is_thousands: bool
    certain: bool


def check_not_split(body: Body, table: Table, sample: bytes, options: LayoutOptions) -> None:
    """Raise where the fields between commas seem to be halves of numbers.

    `decimal='.'` says that a comma is not a decimal mark, and `thousands='none'` that
    it does not separate thousands: then they are numbers of their own.
    """
    record = next((each for each in body.records if len(each.fields) == body.fields), None)
    if record is None:
        return
    raw = sample[record.start : record.stop]
    few = [[text.strip(_AROUND) for text in column[:_JUDGED]] for column in table.columns]
    bare = [i for i, (a, b) in enumerate(pairwise(record.fields)) if f"{a}{_MARK}{b}".encode() in raw]
    pairs = [pair for i in bare if (pair := _pair(few, i, options)) is not None]
    names = _names(body)
    splits = _by_names(names, few, pairs) if names else _without_names(few, pairs, options)
    if not splits:
        return
    first = splits[0].first
    joined = f"{record.fields[first].strip()}{_MARK}{record.fields[first + 1].strip()}"
    either = "`thousands='none'`" if splits[0].is_thousands else "`decimal='.'`"
    if body.fields == _FEW_DIGITS:
        column = "" if names else ", column=1"
        advice = f"if each line is one number, use `delimiter=';'{column}`"
    else:
        advice = "write the file again with ; between fields, or with quotes around numbers"
    raise LayoutError(
        f"{table.name}, line {record.line}: the numbers seem to be split at the comma inside of them, so that no field"
        f" is the close: {numbered(record.fields)}, where {first + 1} and {first + 2} may be {joined}; {advice};"
        f" if they are two numbers, use {either}"
    )


def _names(body: Body) -> tuple[str, ...]:
    """Return the header without trailing empty names; without a header, the line above the rows if it names columns."""
    if body.names is not None:
        names = () if are_numbers(body.names) else body.names
    else:
        above = body.preamble[-1].fields if body.preamble else ()
        names = tuple(each.strip() for each in above) if any(roles(above)) else ()
    while names and not names[-1]:
        names = names[:-1]
    return names


def _pair(columns: Sequence[Sequence[str]], first: int, options: LayoutOptions) -> _Pair | None:
    left, right = columns[first], columns[first + 1]
    if not left or _counts(left):
        return None
    certain = any(len(text) > 1 and text[0] == "0" and text.strip("0") for text in right)
    if options.thousands != "" and _all(_HEAD, left) and _all(_TAIL, right):
        return _Pair(first, is_thousands=True, certain=certain)
    if options.decimal == "." or not (_all(_WHOLE, left) and _all(_FRACTION, right)):
        return None
    if _all(_CLOCK, right) and (_all(_DATE, left) or max(map(len, left)) > len("990131")):
        # the date and the time of day
        return None
    return _Pair(first, is_thousands=False, certain=certain)


def _by_names(names: Sequence[str], columns: Sequence[Sequence[str]], pairs: Sequence[_Pair]) -> Sequence[_Pair]:
    """Return the pairs if they can explain why there are more fields than names."""
    missing = len(columns) - len(names)
    if missing < 1 or (missing == 1 and _counts(columns[0]) and roles(names)[0] is not Role.TIME):
        # as many names as fields; or all but that of the row numbers
        return ()
    # a delimiter at the end of every line leaves a name too few as well
    is_ended = not any(map(str.strip, columns[-1]))
    apart: list[_Pair] = []
    for pair in pairs:
        if (not apart or pair.first > apart[-1].first + 1) and (not is_ended or _is_even(columns, pair)):
            apart.append(pair)
    return apart if len(apart) >= missing else ()


def _without_names(columns: Sequence[Sequence[str]], pairs: Sequence[_Pair], options: LayoutOptions) -> Sequence[_Pair]:
    """Return the pairs that are surely one number, or seem to be and hold the field that was asked for."""
    number = int(options.column) - 1 if options.column is not None and str(options.column).isdecimal() else None
    return [
        pair
        for pair in pairs
        if (pair.certain or len(columns) == _FEW_DIGITS or _differs(columns, pair))
        and (number is None or number - pair.first in {0, 1})
    ]


def _is_even(columns: Sequence[Sequence[str]], pair: _Pair) -> bool:
    """Return whether the second halves look like decimals: of equal length, or with leading zeros."""
    widths = {len(text) for text in columns[pair.first + 1]}
    return pair.certain or pair.is_thousands or (len(widths) == 1 and min(widths) >= _FEW_DIGITS)


def _differs(columns: Sequence[Sequence[str]], pair: _Pair) -> bool:
    """Return whether the halves look like those of a number, and differ in size, as two prices do not."""
    left, right = columns[pair.first], columns[pair.first + 1]
    if len(set(right)) == 1 or not (pair.is_thousands or {len(text) for text in right} == {_FEW_DIGITS}):
        return False
    ratios = sorted((_size(a) / _size(b)) for a, b in zip(left, right, strict=True))
    return not 1 / _NEAR < ratios[len(ratios) // 2] < _NEAR


def _size(text: str) -> float:
    whole, _, fraction = text.partition(".") if text.count(".") == 1 else (text, "", "")
    return float(f"0{''.join(filter(str.isdecimal, whole))}.{fraction}") or 1.0


def _all(pattern: str, texts: Sequence[str]) -> bool:
    return all(re.fullmatch(pattern, text) for text in texts)


def _counts(texts: Sequence[str]) -> bool:
    return len(texts) > _FEW_DIGITS and are_consecutive(texts)
