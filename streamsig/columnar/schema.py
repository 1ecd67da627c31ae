"""Which columns of a columnar file are the close and the time, and how the texts of a close are written."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa

from streamsig.columnar.arrays import holds_numbers, is_text, to_texts
from streamsig.csv.dialect import one_line
from streamsig.errors import LayoutError
from streamsig.fields.cells import Kind, kinds
from streamsig.fields.column_names import Role, almost_closes, is_key, is_no_price, language, lasts, roles
from streamsig.fields.numbers import NumberFormat
from streamsig.sniffer import convention
from streamsig.sniffer.checks.affixes import advice_on_affixes
from streamsig.sniffer.checks.values import check_no_book, check_no_fractions
from streamsig.sniffer.checks.warnings import doubtful_values, doubts
from streamsig.sniffer.close.by_name import GROUP_BY, asked_column, close_by_name, no_close
from streamsig.sniffer.close.candidate import ONLY_CANDIDATE
from streamsig.sniffer.close.choice import ASKED, Fields, check_prices
from streamsig.sniffer.close.date_like import dates_in
from streamsig.sniffer.close.order_books import may_tell_of_a_book
from streamsig.sniffer.convention import float_of
from streamsig.sniffer.header import Body
from streamsig.sniffer.time_column import TimeColumn, find_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamsig.csv.dialect import Asked

_LOOKED_AT = 20
"""Columns of numbers or texts that are looked at for times, besides those whose name or type says so."""

_MOST_TEXTS = 10
"""Columns of keys and texts that are looked at for what rows belong to."""

_BARS = frozenset({Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE})
_JUDGED = 300
"""Values that tell what kind of values a column holds."""


def choose_close(schema: pa.Schema, column: str | int | None, name: str) -> tuple[int, str]:
    """Return the index of the close column, and why it is that one.

    Raises LayoutError where it cannot be told or holds no numbers.
    """
    if not schema.names:
        raise LayoutError(f"{name}: the file has no columns; there is no close in it")
    possible = [holds_numbers(field.type) for field in schema]
    if column is not None:
        index, why = asked_column(_header(schema.names), column, name), ASKED
    else:
        index, why = _close_by_name(schema, possible, name)
    if not possible[index]:
        raise LayoutError(
            f"{name}: column {index + 1} {schema.names[index]!r} holds no numbers"
            f" but {_shown_type(schema[index].type)}; name the close with --column"
        )
    return index, why


def choose_groups(schema: pa.Schema, columns: Sequence[str | int], name: str) -> tuple[int, ...]:
    """Return the indices of the columns that were asked for to group by; raises LayoutError."""
    return tuple(asked_column(_header(schema.names), column, name, GROUP_BY) for column in columns)


def choose_time(schema: pa.Schema, close: int, sample: Callable[[Sequence[int]], pa.RecordBatch]) -> TimeColumn:
    """Return which column tells the time, and which way the rows run in what `sample` returns of some columns."""
    told = [
        pa.types.is_temporal(field.type) or role is Role.TIME
        for field, role in zip(schema, roles(schema.names), strict=True)
    ]
    others = [index for index, field in enumerate(schema) if not told[index] and holds_numbers(field.type)]
    places = sorted({*(index for index, sure in enumerate(told) if sure), *others[:_LOOKED_AT]} - {close})
    columns = [to_texts(column).to_pylist() for column in sample(places).columns]
    time = find_time([schema.names[index] for index in places], columns)
    return TimeColumn(
        None if time.index is None else places[time.index],
        None if time.clock is None else places[time.clock],
        time.direction,
    )


def choose_numbers(
    schema: pa.Schema,
    close: int,
    sample: Callable[[Sequence[int]], pa.RecordBatch],
    asked: Asked,
    name: str,
) -> tuple[NumberFormat, str]:
    """Return how the closes are written, and why: of texts as in a CSV, other types have nothing to decide.

    Raises LayoutError where texts can be read in two ways, or most of them are not numbers, and UsageError for
    flags that no file can honour.
    """
    formats = convention.possible(asked, name)
    title = f'column "{one_line(schema.names[close])}"'
    if not is_text(schema[close].type):
        # programs write these with a point, whatever the texts of other columns have
        written = NumberFormat(missing=frozenset(asked.missing))
        _check_closes(to_texts(sample([close]).column(0)).to_pylist(), written, name, title)
        return convention.plainest(formats), "the column has a type of numbers"
    others = [index for index, field in enumerate(schema) if index != close and is_text(field.type)]
    places = [close, *others[:_LOOKED_AT]]
    columns = [to_texts(column).to_pylist() for column in sample(places).columns]
    closes, known = columns[0], roles(schema.names)
    if not closes:
        return convention.plainest(formats), "there are no numbers"
    numeric = [(known[index], column) for index, column in zip(places, columns, strict=True) if _is_numeric(column)]
    texts = convention.Written(
        prices=[closes, *(column for role, column in numeric if role in _BARS and column is not closes)],
        others=[column for role, column in numeric if role not in _BARS and column is not closes],
        language=language(schema.names),
        delimiter="",
        quoted=True,
    )
    numbers, why = convention.decide(texts, formats, name, title)
    check_no_fractions(closes, numbers, asked, f"{name}: {title}")
    _check_closes(closes, numbers, name, title)
    return numbers, why


def _is_numeric(texts: Sequence[str]) -> bool:
    looks = [kind for kind in kinds(texts[:_JUDGED]) if kind is not Kind.MISSING]
    return bool(looks) and 2 * sum(kind is Kind.NUMBER for kind in looks) > len(looks)


def _check_closes(closes: Sequence[str], numbers: NumberFormat, name: str, title: str) -> None:
    """Raise LayoutError where most of the sampled closes are not numbers."""
    texts = [(line, text) for line, text in enumerate(closes, 1) if not numbers.is_missing(text)]
    bad = [(line, text) for line, text in texts if not numbers.fits(text)]
    if 2 * len(bad) > len(texts):
        line, text = bad[0]
        plain = advice_on_affixes([each for _, each in texts], None)
        advice = plain or "say how numbers are written with --decimal and --thousands"
        raise LayoutError(
            f"{name}, line {line}: {title} is not a column of numbers: {one_line(text)!r}; name another with --column,"
            f" or {advice}"
        )


def _close_by_name(schema: pa.Schema, possible: Sequence[bool], name: str) -> tuple[int, str]:
    """Go by the names of columns of numbers; where those do not settle it, by all, for the message."""
    names = schema.names
    candidates = [each if able else "" for each, able in zip(names, possible, strict=True)]
    found = None
    with suppress(LayoutError):
        found = close_by_name(_header(candidates), possible, name)
    found = found or close_by_name(_header(names), possible, name)
    if found is not None:
        return found
    if not almost_closes(names) and not lasts(names):
        # of texts, only their values tell whether they are numbers
        left = [i for i, able in enumerate(possible) if able and not is_no_price(names[i]) and not is_key(names[i])]
        numbers = [index for index in left if not is_text(schema[index].type)]
        if len(numbers) == 1 and names[numbers[0]].isascii():
            return numbers[0], ONLY_CANDIDATE
    raise no_close(_header(names), name)


def check_close(  # noqa: PLR0913, PLR0917 (all that is known of the table)
    schema: pa.Schema,
    close: tuple[int, str],
    time: TimeColumn,
    groups: Sequence[int],
    numbers: NumberFormat,
    sample: Callable[[Sequence[int]], pa.RecordBatch],
    name: str,
) -> tuple[str, ...]:
    """Return warnings of what the close may mean, `close` being its column and why it is that one.

    Raises LayoutError where its values are no closes.
    """
    (index, why), names = close, schema.names
    named = [i for i, each in enumerate(names) if is_key(each) or may_tell_of_a_book(each)]
    texts = [i for i, field in enumerate(schema) if i not in named and is_text(field.type)]
    clock = [i for i in (time.index, time.clock) if i is not None]
    places = list(dict.fromkeys([index, *clock, *[*named, *texts][:_MOST_TEXTS]]))
    found = dict(zip(places, (to_texts(column).to_pylist() for column in sample(places).columns), strict=True))
    closes = found[index]
    header = _header(names)
    numeric = [not is_text(field.type) for field in schema]
    fields = Fields(header, [found.get(i, ()) for i in range(len(names))], numeric, time, groups, True, name)  # noqa: FBT003
    dates = dates_in(closes, alone=time.index in {None, index})
    if dates is not None:
        raise LayoutError(f"{name}: {fields.column_name(index)} holds {dates}, no closes; name the close with --column")
    if why == ONLY_CANDIDATE:
        check_prices(fields, index, [float_of(text, numbers) for text in closes])
    if why != ASKED:
        check_no_book(header, fields.texts, index, groups, name)
    times = [" ".join(parts) for parts in zip(*(found[i] for i in clock), strict=True)]
    return (*doubts(fields, index, why, times), *doubtful_values(fields, index, numbers))


def _header(names: Sequence[str]) -> Body:
    return Body(
        names=tuple(names),
        labels=(),
        header_line=0,
        records=[],
        fields=len(names),
        start=0,
        line=0,
        preamble=(),
        under_header=(),
    )


def _shown_type(kind: pa.DataType) -> str:
    text = " ".join(str(kind).split())
    return text if len(text) <= len("timestamp[ns, tz=America/New_York]") else str(kind).partition("<")[0]
