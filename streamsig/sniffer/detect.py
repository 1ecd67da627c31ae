"""The layout of a delimited text, detected from its beginning.

The text is split into records (`framing`), and those into header and data (`header`). As a `Table` of columns it is
then described like any other input (`describe`).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from streamsig.csv.corporate_actions import is_action
from streamsig.csv.dialect import Dialect
from streamsig.errors import LayoutError
from streamsig.fields.cells import Kind, are_mostly_numbers, kinds
from streamsig.fields.column_names import Role, roles
from streamsig.sniffer.checks.split_numbers import check_not_split
from streamsig.sniffer.checks.structure import check_no_second_header, check_one_column
from streamsig.sniffer.convention import conventions, plainest
from streamsig.sniffer.describe import describe
from streamsig.sniffer.file_signatures import check_is_table
from streamsig.sniffer.framing import find_framing, first_records
from streamsig.sniffer.header import find_body
from streamsig.sniffer.layout import Layout, LayoutOptions
from streamsig.sniffer.table import Table
from streamsig.sniffer.time_column import TimeColumn, are_timed, untimed_tail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamsig.csv.records import Record
    from streamsig.sniffer.framing import Framing
    from streamsig.sniffer.header import Body

_JUDGED = 300
_BARS = frozenset({Role.OPEN, Role.HIGH, Role.LOW})


def detect(sample: bytes, *, is_complete: bool, options: LayoutOptions | None = None, name: str = "<stdin>") -> Layout:
    """Detect the layout of the text that begins with `sample`, UTF-8 without a byte order mark.

    `is_complete` says that the sample is the whole text; otherwise its last record may be cut off, and is
    ignored. Raises `LayoutError` where the layout is ambiguous, `UsageError` for a flag that no file
    can honour. Linear in the sample.
    """
    options = options or LayoutOptions()
    check_is_table(sample, name)
    framing = find_framing(sample, options)
    records, cut = first_records(sample, framing, name, is_complete=is_complete)
    body = find_body(records, options, name) if records else None
    if cut is not None and (body is None or not body.records):
        raise LayoutError(
            f"{name}, line {cut.line}: no record ends within the first {len(sample)} bytes;"
            " look for an open quote, or name the layout with `delimiter` and `skip_lines`"
        )
    if body is None:
        return _empty(sample, framing, options, name)
    table = _table(body, framing, name, quoted=b'"' in sample, is_complete=is_complete)
    if body.fields == 1:
        check_one_column(body, options, name)
    numbers = next((texts for texts, numeric in zip(table.columns, table.numeric, strict=True) if numeric), None)
    check_no_second_header(body, numbers, name)
    is_bare = framing.delimiter == "," and not framing.line_quoted
    if is_bare and (options.column is not None or body.names is not None):
        check_not_split(body, table, sample, options)
    try:
        layout = describe(table, options)
    except LayoutError as error:
        if is_bare:
            check_not_split(body, table, sample, options)
        raise _with_preamble(error, body) from None
    close, time = layout.dialect.close, table.time.index
    layout = layout._replace(
        dialect=replace(layout.dialect, line_quoted=framing.line_quoted, body_offset=body.start, body_line=body.line),
        warnings=(*layout.warnings, *_notes(body)),
        header_line=None if body.names is None else body.header_line,
        skipped_lines=(body.line if body.names is None else body.header_line) - 1,
        quoted=b'"' in sample,
        timed=time is not None and time != close and are_timed(table.columns[time]),
        prices=_price_columns(body.names, table.few, close),
        cr_line_ends=b"\n" not in sample,
    )
    return layout._replace(reasons=(*_reasons(body, framing), *layout.reasons, *_rows_left_out(table, layout)))


def _empty(sample: bytes, framing: Framing, options: LayoutOptions, name: str) -> Layout:
    """Return a layout for no rows; raises `LayoutError` unless the user says that there is no header either."""
    if options.header is not False:
        raise LayoutError(
            f"{name}: is empty: there is not even a header line; use `header=False` for a file without header and rows"
        )
    close = options.column - 1 if isinstance(options.column, int) else 0
    dialect = Dialect(
        delimiter=framing.delimiter,
        fields=close + 1,
        close=close,
        body_offset=len(sample),
        body_line=framing.line,
        numbers=plainest(conventions(options)),
    )
    return Layout(dialect, TimeColumn())


def _table(body: Body, framing: Framing, name: str, *, quoted: bool, is_complete: bool) -> Table:
    """Return the records that have as many fields as most as columns."""
    full = [record for record in body.records if len(record.fields) == body.fields]
    columns = [list(column) for column in zip(*(record.fields for record in full), strict=True)]
    columns = columns or [[] for _ in range(body.fields)]
    return Table(
        name=name,
        names=body.names,
        columns=columns,
        numeric=[are_mostly_numbers(column[:_JUDGED]) for column in columns],
        lines=[record.line for record in full],
        is_complete=is_complete,
        labels=body.labels,
        header_line=body.header_line,
        has_preamble=bool(body.preamble),
        delimiter=framing.delimiter,
        quoted=quoted and not framing.line_quoted,
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


def _reasons(body: Body, framing: Framing) -> Iterator[tuple[str, str]]:
    """Yield (what, why) pairs about the records, in the order of detection."""
    yield "delimiter", framing.why
    if framing.line_quoted:
        yield "lines", "each is quoted as a whole"
    if body.preamble:
        yield "preamble", f"{_lines(body.preamble)}: neither a row of the table nor its header"
    if body.names is None:
        yield "header", "the first record has values, not names"
    else:
        notes = f", {_lines(body.under_header)} under it say more about the columns" if body.under_header else ""
        yield "header", f"it has names above the values{notes}"


def _notes(body: Body) -> Iterator[str]:
    """Yield warnings about records that are neither the header nor rows."""
    if body.under_header:
        yield f"{_lines(body.under_header)} under the header: no values there, not counted as rows"
    alike = (r for r in body.records if body.names is not None and r.fields[0].strip() == body.names[0])
    again = next((r for r in alike if tuple(c.strip() for c in r.fields) == body.names), None)
    if again:
        yield f"line {again.line} repeats the header; `on_bad_row='skip'` leaves such lines out"


def _lines(records: Sequence[Record]) -> str:
    first, last = records[0].line, records[-1].line
    return f"line {first}" if first == last else f"lines {first} to {last}"


def _rows_left_out(table: Table, layout: Layout) -> Iterator[tuple[str, str]]:
    """Yield (what, why) pairs for sampled rows that a run does not count: totals below the data, and dividends."""
    tail = untimed_tail(table.columns[table.time.index or 0]) if layout.timed and table.is_complete else 0
    if tail:
        yield "footer", f"line {table.lines[-tail]}: rows from there on have no time, as totals have none"
    numbers, closes = layout.dialect.numbers, layout.closes if layout.prices else ()
    if not re.search(r"[^0-9]$|^$", "\n".join(closes), re.MULTILINE):
        return
    without = (row for row, text in enumerate(closes) if numbers.is_missing(text))
    texts = [table.columns[index] for index in layout.prices]
    row = next((row for row in without if any(is_action(column[row], numbers) for column in texts)), None)
    if row is not None:
        yield "actions", f"line {table.lines[row]}: a text among the prices and no close, as of a dividend"


def _price_columns(names: Sequence[str] | None, texts: Sequence[Sequence[str]], close: int) -> tuple[int, ...]:
    """Return the columns named open, high and low with numbers in all sampled rows that have a close."""
    if close >= len(texts):
        return ()
    known = roles(names or ())[: len(texts)]
    rows = [row for row, look in enumerate(kinds(texts[close])) if look is not Kind.MISSING]
    bars = [i for i, role in enumerate(known) if role in _BARS and i != close]
    return tuple(i for i in bars if _are_numbers([texts[i][row] for row in rows]))


def _are_numbers(texts: Sequence[str]) -> bool:
    looks = set(kinds(texts))
    return Kind.NUMBER in looks and looks <= {Kind.NUMBER, Kind.MISSING}
