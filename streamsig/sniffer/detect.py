"""The layout of a delimited text, detected from its beginning.

The layout is right, or a `LayoutError` of one sentence names the setting that decides. What a user asks for is never
overruled. Each question has a module: `sample_records` (delimiter, header, where the data begin), `close` (which field
is the close), `convention` (how its numbers are written), `time_column` (which way the rows run), and `checks` (whether
the values agree with it).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.csv.corporate_actions import price_columns
from streamsig.csv.dialect import Dialect
from streamsig.csv.footers import are_timed
from streamsig.errors import LayoutError, UsageError
from streamsig.fields.cells import are_mostly_numbers
from streamsig.fields.column_names import Role, are_numbers, language, roles
from streamsig.fields.numbers import NumberError, NumberFormat
from streamsig.sniffer import convention
from streamsig.sniffer.checks.split_numbers import check_not_split
from streamsig.sniffer.checks.values import (
    check_closes,
    check_names,
    check_no_dates,
    check_no_fractions,
    check_no_second_header,
    check_one_column,
)
from streamsig.sniffer.checks.warnings import doubtful_values, doubts, rows_left_out
from streamsig.sniffer.close.by_name import GROUP_BY, asked_column, numbered
from streamsig.sniffer.close.choice import Fields, named_close, unnamed_close
from streamsig.sniffer.close.ohlc import close_by_shape
from streamsig.sniffer.impostors import check_is_table
from streamsig.sniffer.layout import ASKED, Layout, LayoutOptions, SampleRow
from streamsig.sniffer.sample_records import split_sample
from streamsig.sniffer.time_column import NEWEST_FIRST, RUNS_BACKWARDS, TimeColumn, find_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.csv.records import Record
    from streamsig.sniffer.framing import Framing
    from streamsig.sniffer.header import Body

_NEAR = 1000
"""Records whose values are compared one by one; as many more are taken from the rest of the sample."""

_JUDGED = 300
"""Records that show what kind of values a column holds and which way they run; as many more from the rest."""

_SHOWN = 5


def detect(sample: bytes, *, whole: bool, options: LayoutOptions | None = None, name: str = "<stdin>") -> Layout:
    """Detect the layout of the text that begins with `sample`, UTF-8 without a byte order mark.

    `whole` says that the sample is the whole text; otherwise its last record may be cut off, and is
    ignored. Raises `LayoutError` where the layout is ambiguous, `UsageError` for a flag that no file
    can honour. Linear in the sample.
    """
    options = options or LayoutOptions()
    _check_options(options, name)
    formats = convention.possible(options, name)
    check_is_table(sample, name)
    framing, body = split_sample(sample, whole, options, name)
    if body is None:
        return Layout(_empty(sample, framing, options, formats, name), TimeColumn())
    if body.fields == 1:
        check_one_column(body, options, name)
    texts = _columns(body)
    few = [_thinned(column, _JUDGED) for column in texts]
    numeric = [are_mostly_numbers(column[:_JUDGED]) for column in texts]
    check_no_second_header(body, next((texts[i] for i, each in enumerate(numeric) if each), None), name)
    time = find_time(body.names, few)
    is_bare = framing.delimiter == "," and not framing.line_quoted
    if is_bare and (options.column is not None or body.names is not None):
        check_not_split(body, texts, sample, options, name)
    try:
        groups = tuple(asked_column(body, each, name, GROUP_BY) for each in options.group_by)
        fields = Fields(body, texts, numeric, time, groups, whole, name)
        written = _Numbers(fields, framing, b'"' in sample, formats)
        if options.column is not None:
            close, why = asked_column(body, options.column, name), ASKED
        elif body.names is not None and not are_numbers(body.names):
            close, why = named_close(fields, written.values)
        else:
            close, why = _close_by_shape(written)
    except LayoutError as error:
        if is_bare:
            check_not_split(body, texts, sample, options, name)
        raise _with_preamble(error, body) from None
    numbers, how = written.convention(close)
    if options.column is None and body.names is not None:
        check_names(numbers, body, few, name)
    dialect = Dialect(
        delimiter=framing.delimiter,
        fields=body.fields,
        close=close,
        header=body.names,
        line_quoted=framing.line_quoted,
        body_offset=body.start,
        body_line=body.line,
        time=time.index,
        numbers=numbers,
    )
    closes = texts[close] if close < len(texts) else []
    check_no_fractions(closes, numbers, options, f"{name}: {dialect.column_name(close)}")
    check_closes(closes, dialect, body, name)
    check_no_dates(closes, dialect, body, name)
    times = _times(texts, time)
    timed = time.index not in {None, close} and are_timed(texts[time.index or 0])
    prices = price_columns(body.names, few, close)
    return Layout(
        dialect=dialect,
        time_column=time,
        groups=groups,
        warnings=(
            *_warnings(body, time, closes, numbers, options),
            *doubts(fields, close, why, times),
            *doubtful_values(fields, close, numbers),
        ),
        reasons=(
            *_reasons(body, framing, dialect, why, how),
            *rows_left_out(fields, close, numbers, prices, timed=timed),
        ),
        rows=tuple(SampleRow(r.line, tuple(cell.strip() for cell in r.fields)) for r in body.records[:_SHOWN]),
        rows_sampled=len(body.records),
        closes=tuple(closes),
        times=tuple(times),
        decimals=most_decimals(closes, numbers),
        header_line=None if body.names is None else body.header_line,
        skipped_lines=(body.line if body.names is None else body.header_line) - 1,
        quoted=b'"' in sample,
        timed=timed,
        prices=prices,
        by_returns=b"\n" not in sample,
    )


def _check_options(options: LayoutOptions, name: str) -> None:
    mark = options.delimiter
    if mark is not None and (len(mark) != 1 or not mark.isascii() or mark.isalnum() or mark in '"\r\n'):
        raise UsageError(f"{name}: `delimiter={mark!r}`: it is one ASCII character, no letter, digit or quote")
    if options.skip_lines is not None and options.skip_lines < 0:
        raise UsageError(f"{name}: `skip_lines={options.skip_lines}`: a number of lines is 0 or more")


def _empty(
    sample: bytes, framing: Framing, options: LayoutOptions, formats: Sequence[NumberFormat], name: str
) -> Dialect:
    """Return a layout for no rows; raises `LayoutError` unless the user says that there is no header either."""
    if options.header is not False:
        raise LayoutError(
            f"{name}: is empty: there is not even a header line; use `header=False` for a file without header and rows"
        )
    close = options.column - 1 if isinstance(options.column, int) and options.column > 0 else 0
    return Dialect(
        delimiter=framing.delimiter,
        fields=close + 1,
        close=close,
        body_offset=len(sample),
        body_line=framing.line,
        numbers=convention.plainest(formats),
    )


def _times(texts: list[list[str]], time: TimeColumn) -> list[str]:
    """Return the time of each record, the time of day after the date where it has a column of its own."""
    columns = [[text.strip() for text in texts[index]] for index in (time.index, time.clock) if index is not None]
    return [" ".join(parts) for parts in zip(*columns, strict=True)]


def _columns(body: Body) -> list[list[str]]:
    """Return the texts of each field, from the records that have as many fields as most."""
    full = [record.fields for record in body.records if len(record.fields) == body.fields]
    return [list(column) for column in zip(*full, strict=True)] or [[] for _ in range(body.fields)]


def _thinned(texts: Sequence[str], first: int) -> list[str]:
    """Return the first texts, and up to as many from all over the rest, in order."""
    rest = texts[first:]
    return [*texts[:first], *rest[:: len(rest) // first + 1]]


class _Numbers(NamedTuple):
    """What the conventions of the columns depend on."""

    fields: Fields
    framing: Framing
    quotes: bool
    formats: Sequence[NumberFormat]

    def values(self, index: int) -> list[float]:
        """Return the numbers of a field, NaN where a row has none."""
        numbers, _ = self.convention(index)
        return [convention.float_of(text, numbers) for text in self.fields.texts[index][:_NEAR]]

    def convention(self, close: int | None) -> tuple[NumberFormat, str]:
        """Return how the numbers of a column are written; of all numeric columns for `None`."""
        fields = self.fields
        body, texts = fields.body, fields.texts
        numeric = [
            i for i in range(len(texts)) if fields.numeric[i] and i not in {fields.time.index, fields.time.clock}
        ]
        if close is None:
            prices = numeric
        else:
            bars = {Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE}
            known = roles(body.names)[: len(texts)] if body.names else []
            prices = [close, *(i for i, role in enumerate(known) if role in bars and i != close and fields.numeric[i])]
        if not texts or not prices:
            return convention.plainest(self.formats), "there are no numbers"
        chosen = set(prices)
        written = convention.Written(
            prices=[texts[i] for i in prices if i < len(texts)],
            others=[texts[i] for i in numeric if i not in chosen],
            language=language(body.names or ()),
            delimiter=self.framing.delimiter,
            quoted=self.quotes and not self.framing.line_quoted,
        )
        return convention.decide(written, self.formats, fields.name, fields.column_name(close or 0))


def _close_by_shape(written: _Numbers) -> tuple[int, str]:
    """Return the close of a file without a header, and why; raises `LayoutError` that lists the fields."""
    fields = written.fields
    time, body, name = fields.time, fields.body, fields.name
    numbers, _ = written.convention(None)
    step = -1 if time.direction == NEWEST_FIRST else 1
    columns = [
        np.array([convention.float_of(text, numbers) for text in _thinned(column, _NEAR)[::step]])
        if numeric and index not in {time.index, time.clock}
        else None
        for index, (column, numeric) in enumerate(zip(fields.texts, fields.numeric, strict=True))
    ]
    verdict = close_by_shape(columns)
    if verdict.close is not None:
        return verdict.close, verdict.why
    candidate = unnamed_close(fields, written.values)
    if candidate is not None:
        return candidate
    first = next((r for r in body.records if len(r.fields) == body.fields), body.records[0])
    none = "there is no header line" if body.names is None else "the header has numbers for names"
    raise LayoutError(
        f"{name}, line {first.line}: {none}, and which field is the close is not certain:"
        f" {verdict.why}; the fields are {numbered(first.fields)}; name the close with `column=N`"
    )


def _with_preamble(error: LayoutError, body: Body) -> LayoutError:
    """Add where the table was taken to begin, if there are lines above it: it may begin elsewhere."""
    if not body.preamble:
        return error
    first = body.line if body.names is None else body.header_line
    return LayoutError(
        f"{error}; the table is taken to begin on line {first}, as with `skip_lines={first - 1}`:"
        " if it begins elsewhere, use `skip_lines=N`"
    )


def most_decimals(closes: Sequence[str], numbers: NumberFormat) -> int:
    """Return the largest number of decimals among these texts, exponents and padding zeros resolved."""
    joined = "\n".join(map(str.strip, closes))
    mark = re.escape(numbers.decimal)
    if re.fullmatch(rf"[0-9{mark}\n]*", joined):
        # as nearly all are written
        return max(map(len, re.findall(rf"(?m){mark}([0-9]*[1-9])0*$", joined)), default=0)
    most = 0
    for text in set(closes):
        try:
            value = numbers.parse(text)
        except NumberError:
            continue
        if value is not None:
            exponent = value.as_tuple().exponent
            most = max(most, -exponent if isinstance(exponent, int) else 0)
    return most


def _reasons(body: Body, framing: Framing, dialect: Dialect, close: str, numbers: str) -> tuple[tuple[str, str], ...]:
    """Return (what, why) pairs, in the order of detection."""
    reasons = [("delimiter", framing.why)]
    if framing.line_quoted:
        reasons.append(("lines", "each is quoted as a whole"))
    if body.preamble:
        reasons.append(("preamble", f"{_lines(body.preamble)}: neither a row of the table nor its header"))
    if body.names is None:
        reasons.append(("header", "the first record has values, not names"))
    else:
        notes = f", {_lines(body.under_header)} under it say more about the columns" if body.under_header else ""
        reasons.append(("header", f"it has names above the values{notes}"))
    reasons += [("close", close), ("numbers", numbers)]
    if dialect.time is not None:
        reasons.append(("time", f"{dialect.column_name(dialect.time)} holds the time"))
    return tuple(reasons)


def _lines(records: Sequence[Record]) -> str:
    first, last = records[0].line, records[-1].line
    return f"line {first}" if first == last else f"lines {first} to {last}"


def _warnings(
    body: Body, time: TimeColumn, closes: Sequence[str], numbers: NumberFormat, options: LayoutOptions
) -> tuple[str, ...]:
    warnings = []
    if time.direction == NEWEST_FIRST and not options.newest_first:
        warnings.append(RUNS_BACKWARDS)
    if body.under_header:
        warnings.append(f"{_lines(body.under_header)} under the header: no values there, not counted as rows")
    if body.names is not None:
        first = body.names[0]
        alike = (r for r in body.records if r.fields[0].strip() == first)
        again = next((r for r in alike if tuple(c.strip() for c in r.fields) == body.names), None)
        if again:
            warnings.append(f"line {again.line} repeats the header; `on_bad_row='skip'` leaves such lines out")
    if closes and all(numbers.is_missing(text) for text in closes):
        warnings.append("every sampled close is missing")
    return tuple(warnings)
