"""The layout of a columnar input: which columns are close, time and groups, and how texts of closes are written."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa

from streamsig.columnar.arrays import holds_numbers, is_text, to_texts
from streamsig.csv.dialect import Dialect, one_line
from streamsig.errors import LayoutError
from streamsig.fields.cells import are_mostly_numbers
from streamsig.fields.column_names import Role, almost_closes, is_key, is_no_price, language, lasts, roles
from streamsig.fields.numbers import NumberFormat
from streamsig.sniffer import convention
from streamsig.sniffer.checks.affixes import advice_on_affixes
from streamsig.sniffer.checks.values import check_no_book, check_no_fractions
from streamsig.sniffer.checks.warnings import doubtful_values, doubts
from streamsig.sniffer.close.by_name import GROUP_BY, asked_column, close_by_name, no_close
from streamsig.sniffer.close.candidate import ONLY_CANDIDATE
from streamsig.sniffer.close.choice import Fields, check_prices
from streamsig.sniffer.close.date_like import dates_in
from streamsig.sniffer.close.order_books import may_show_a_book
from streamsig.sniffer.convention import float_of
from streamsig.sniffer.detect import most_decimals
from streamsig.sniffer.header import Body
from streamsig.sniffer.layout import ASKED, Layout, LayoutOptions
from streamsig.sniffer.time_column import NEWEST_FIRST, RUNS_BACKWARDS, TimeColumn, find_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Sample = Callable[[int], pa.Array]
    """Returns a column of the first rows."""

_MOST_SAMPLED = 20
"""Columns of numbers or texts that are sampled, in addition to those with a known name or type."""

_PLAIN = re.compile(r"(-?[0-9]{1,15}(\.[0-9]{1,15})?)?")
"""Usual numbers and nulls, as columns of numbers have them."""

_MOST_TEXTS = 10
"""Columns of keys and texts in which rows of several series show."""

_BARS = frozenset({Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE})
_JUDGED = 300
"""Values that show what kind of values a column holds."""


def detect_table(schema: pa.Schema, sample: Sample, options: LayoutOptions, kind: str, name: str) -> Layout:
    """Detect the layout of a columnar input of a `kind`.

    Raises LayoutError where names, types and values do not settle it, and UsageError for impossible options.
    """
    names = tuple(map(str, schema.names))
    close, why = _choose_close(schema, options.column, name)
    groups = tuple(asked_column(_header(names), each, name, GROUP_BY) for each in options.group_by)
    time = _choose_time(schema, close, sample)
    numbers, how = _choose_numbers(schema, close, sample, options, name)
    clock = [] if time.index is None else [time.index] if time.clock is None else [time.index, time.clock]
    named = [i for i, each in enumerate(names) if is_key(each) or may_show_a_book(each)]
    texts = [i for i, field in enumerate(schema) if i not in named and is_text(field.type)]
    sampled = _texts(sample, [close, *clock, *[*named, *texts][:_MOST_TEXTS]])
    times = [" ".join(text.strip() for text in parts) for parts in zip(*(sampled[i] for i in clock), strict=True)]
    header, numeric = _header(names), [not is_text(field.type) for field in schema]
    fields = Fields(header, [sampled.get(i, ()) for i in range(len(names))], numeric, time, groups, True, name)  # noqa: FBT003
    _check_close(fields, close, why, numbers)
    backwards = time.direction == NEWEST_FIRST and not options.newest_first
    reasons = [("close", why), ("numbers", how)] if not numeric[close] else [("close", why)]
    if time.index is not None:
        reasons.append(("time", f"{fields.column_name(time.index)} holds the time"))
    return Layout(
        dialect=Dialect("", len(names), close, names, time=time.index, numbers=numbers),
        time_column=time,
        format=kind,
        types=tuple(str(field.type) for field in schema),
        groups=groups,
        warnings=(
            *((RUNS_BACKWARDS,) if backwards else ()),
            *doubts(fields, close, why, times),
            *doubtful_values(fields, close, numbers),
        ),
        reasons=tuple(reasons),
        rows_sampled=len(sampled[close]),
        closes=tuple(sampled[close]),
        times=tuple(times),
        decimals=most_decimals(sampled[close], numbers),
        close_is_text=not numeric[close],
    )


def _texts(sample: Sample, places: Sequence[int]) -> dict[int, list[str]]:
    """Return the sampled texts of columns by their index."""
    return {place: to_texts(sample(place)).to_pylist() for place in dict.fromkeys(places)}


def _choose_close(schema: pa.Schema, column: str | int | None, name: str) -> tuple[int, str]:
    """Return the index of the close column, and why it is that one."""
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
            f" but {_shown_type(schema[index].type)}; name the close with `column`"
        )
    return index, why


def _close_by_name(schema: pa.Schema, possible: Sequence[bool], name: str) -> tuple[int, str]:
    """Choose by the names of columns of numbers; where those are not enough, by all names, for the message."""
    names = schema.names
    candidates = [each if able else "" for each, able in zip(names, possible, strict=True)]
    close = None
    with suppress(LayoutError):
        close = close_by_name(_header(candidates), possible, name)
    close = close or close_by_name(_header(names), possible, name)
    if close is not None:
        return close
    if not almost_closes(names) and not lasts(names):
        # only their values show whether texts are numbers
        left = [i for i, able in enumerate(possible) if able and not is_no_price(names[i]) and not is_key(names[i])]
        numbers = [index for index in left if not is_text(schema[index].type)]
        if len(numbers) == 1 and names[numbers[0]].isascii():
            return numbers[0], ONLY_CANDIDATE
    raise no_close(_header(names), name)


def _choose_time(schema: pa.Schema, close: int, sample: Sample) -> TimeColumn:
    """Return which column holds the time, and which way the sampled rows run in it."""
    known = roles(schema.names)
    is_time = [pa.types.is_temporal(field.type) or known[i] is Role.TIME for i, field in enumerate(schema)]
    others = [index for index, field in enumerate(schema) if not is_time[index] and holds_numbers(field.type)]
    places = sorted({*(index for index, sure in enumerate(is_time) if sure), *others[:_MOST_SAMPLED]} - {close})
    columns = _texts(sample, places)
    time = find_time([schema.names[index] for index in places], [columns[index] for index in places])
    index, clock = (None if place is None else places[place] for place in (time.index, time.clock))
    return TimeColumn(index, clock, time.direction)


def _choose_numbers(
    schema: pa.Schema, close: int, sample: Sample, options: LayoutOptions, name: str
) -> tuple[NumberFormat, str]:
    """Return how the closes are written, and why: texts as in a CSV, other types with a point and no separator."""
    formats = convention.possible(options, name)
    title = f'column "{one_line(schema.names[close])}"'
    is_number = not is_text(schema[close].type)
    others = [] if is_number else [i for i, field in enumerate(schema) if i != close and is_text(field.type)]
    columns = _texts(sample, [close, *others[:_MOST_SAMPLED]])
    closes = columns.pop(close)
    if is_number:
        numbers, why = NumberFormat(missing=frozenset(options.missing)), "the column has a type of numbers"
    elif not closes:
        return convention.plainest(formats), "there are no numbers"
    else:
        known = roles(schema.names)
        numeric = {index: column for index, column in columns.items() if are_mostly_numbers(column[:_JUDGED])}
        texts = convention.Written(
            prices=[closes, *(column for index, column in numeric.items() if known[index] in _BARS)],
            others=[column for index, column in numeric.items() if known[index] not in _BARS],
            language=language(schema.names),
            delimiter="",
            quoted=True,
        )
        numbers, why = convention.decide(texts, formats, name, title)
        check_no_fractions(closes, numbers, options, f"{name}: {title}")
    if not (is_number and all(map(_PLAIN.fullmatch, closes))):
        _check_numbers(closes, numbers, name, title)
    return numbers, why


def _check_numbers(closes: Sequence[str], numbers: NumberFormat, name: str, title: str) -> None:
    """Raise LayoutError where most of the sampled closes are not numbers."""
    texts = [(line, text) for line, text in enumerate(closes, 1) if not numbers.is_missing(text)]
    bad = [(line, text) for line, text in texts if not numbers.fits(text)]
    if 2 * len(bad) > len(texts):
        line, text = bad[0]
        plain = advice_on_affixes([each for _, each in texts], None)
        advice = plain or "say how numbers are written with `decimal` and `thousands`"
        raise LayoutError(
            f"{name}, line {line}: {title} is not a column of numbers: {one_line(text)!r}; name another with `column`,"
            f" or {advice}"
        )


def _check_close(fields: Fields, close: int, why: str, numbers: NumberFormat) -> None:
    """Raise LayoutError where the values of the close are dates, no prices, or those of an order book."""
    closes, name = fields.texts[close], fields.name
    dates = dates_in(closes, alone=fields.time.index in {None, close})
    if dates is not None:
        raise LayoutError(f"{name}: {fields.column_name(close)} holds {dates}, no closes; name the close with `column`")
    if why == ONLY_CANDIDATE:
        check_prices(fields, close, [float_of(text, numbers) for text in closes])
    if why != ASKED:
        check_no_book(fields.body, fields.texts, close, fields.groups, name)


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
