"""What would be read of an input and why, found out without counting anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from streamsig.columnar.arrays import to_texts
from streamsig.columnar.table import open_columnar
from streamsig.csv.records import skip_lines, split_records
from streamsig.engine.count import SAMPLE_BYTES, asked_of, close_column_of, look_at, warnings_of, warnings_of_table
from streamsig.engine.tables import close_column_of_table
from streamsig.errors import LayoutError, SourceError, StreamsigError
from streamsig.sniffer.checks.agreement import CloseColumn, compare
from streamsig.sniffer.detect import most_decimals
from streamsig.sniffer.framing import find_framing
from streamsig.sniffer.impostors import check_is_table
from streamsig.sources.duplicates import once
from streamsig.sources.formats import columnar_format
from streamsig.sources.inputs import expand, opened, texts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streamsig.columnar.table import ColumnarTable
    from streamsig.config import Settings
    from streamsig.sniffer.detect import Detection
    from streamsig.sniffer.time_column import TimeColumn
    from streamsig.sources.streams import RawInput, TextSource

TEXT = "text"
_ROWS = 5
_MOST_COLUMNS = 1000


@dataclass(frozen=True, slots=True)
class Column:
    """A field of the table: its number from 1, its name if there is one, and what it is taken for, if anything."""

    number: int
    name: str | None
    role: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One of the first rows: the physical line it starts on (its number in a columnar file), and its fields."""

    line: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the input is not read: an error's class, its sentence, and the exit code that it ends a run with."""

    type: str
    message: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class Look:
    """One input as it would be read; field by field this is the contract of docs/inspect.md.

    What does not apply, or was not found out before the refusal in `error`, is `None` or empty.
    Numbers of columns and lines count from 1. `reasons` are (what, why) pairs.
    """

    input: str
    error: Refusal | None = None
    size_bytes: int | None = None
    format: str | None = None
    compression: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quoted: bool | None = None
    line_quoted: bool | None = None
    skipped_lines: int | None = None
    header: bool | None = None
    header_line: int | None = None
    close: int | None = None
    time: int | None = None
    clock: int | None = None
    group_by: tuple[int, ...] = ()
    decimal: str | None = None
    thousands: str | None = None
    decimals: int | None = None
    missing: tuple[str, ...] = ()
    rows_sampled: int = 0
    time_first: str | None = None
    time_last: str | None = None
    direction: str | None = None
    reasons: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    first_rows: tuple[Row, ...] = ()


def look(named: Sequence[str], settings: Settings, warn: Callable[[str], None] = lambda _: None) -> Iterator[Look]:
    """Look at files, globs, folders, archives, or `-` for standard input, in the order in which they would be read.

    Reads no more than the beginning of each. An input that cannot be read or understood has its `error`; `warn` is
    told which are left out. Raises SourceError for what names no input at all, UsageError for one that is named twice.
    """
    paths, left_out = once(expand(named), apart=settings.per_file)
    for message in left_out:
        warn(message)
    before: CloseColumn | None = None
    for path in paths:
        try:
            with opened(path) as raw:
                for source in texts_of(raw):
                    found, column = _look_at(source, settings)
                    more = () if source.warning is None else (source.warning,)
                    yield _beside(replace(found, warnings=(*more, *found.warnings)), before, column, settings)
                    before = before if column is None else column
        except (SourceError, LayoutError) as error:
            yield Look(path, _refusal(error))


def _beside(found: Look, before: CloseColumn | None, column: CloseColumn | None, settings: Settings) -> Look:
    """Say of an input what is said of it in a run beside the one before it."""
    if before is None or column is None or settings.per_file:
        return found
    try:
        more = compare(before, column, grouped=bool(settings.group_by))
    except LayoutError as error:
        return replace(found, error=_refusal(error))
    return replace(found, warnings=(*found.warnings, *more))


def _look_at(source: TextSource, settings: Settings) -> tuple[Look, CloseColumn | None]:
    """Look at one input; return how its closes are read as well, if it has any."""
    stored = columnar_format(source.raw.peek())
    start = Look(source.name, size_bytes=source.size_bytes, format=stored or TEXT, compression=source.compression)
    try:
        if stored is not None:
            return _of_table(start, source.raw, stored, settings)
        found = look_at(source, settings)
        column = close_column_of(source.name, found) if found.rows_sampled else None
        return _of_text(start, source, found, settings), column
    except LayoutError as error:
        start = replace(start, error=_refusal(error))
        return (start if stored is not None else _as_far_as_it_goes(start, source, settings)), None
    except StreamsigError as error:
        return replace(start, error=_refusal(error)), None


def _of_text(start: Look, source: TextSource, found: Detection, settings: Settings) -> Look:
    dialect, time = found.dialect, found.time_column
    names = dialect.header or ()
    roles = _roles(time, dialect.close, found.groups)
    return replace(
        start,
        encoding=source.encoding,
        delimiter=dialect.delimiter,
        quoted=found.quoted,
        line_quoted=dialect.line_quoted,
        skipped_lines=found.skipped_lines,
        header=dialect.header is not None,
        header_line=found.header_line,
        close=dialect.close + 1,
        time=_number(time.index),
        clock=_number(time.clock),
        group_by=tuple(index + 1 for index in found.groups),
        decimal=dialect.numbers.decimal,
        thousands=dialect.numbers.thousands,
        decimals=found.decimals,
        missing=found.missing,
        rows_sampled=found.rows_sampled,
        time_first=found.time_first,
        time_last=found.time_last,
        direction=found.direction,
        reasons=found.reasons,
        warnings=warnings_of(found, settings),
        columns=tuple(
            Column(index + 1, names[index] if index < len(names) else None, roles.get(index))
            for index in range(max(dialect.fields, len(names)))
        ),
        first_rows=tuple(Row(row.line, row.fields) for row in found.rows),
    )


def _as_far_as_it_goes(start: Look, source: TextSource, settings: Settings) -> Look:
    """Show the first records of a text that was refused, if it is one."""
    try:
        sample, whole = source.read_sample(SAMPLE_BYTES)
        check_is_table(sample, source.name)
    except StreamsigError:
        return start
    skipped = settings.skip_lines or 0
    framing = find_framing(sample, skip_lines(sample, skipped), skipped + 1, asked_of(settings))
    found = split_records(
        sample, framing.delimiter, line_quoted=framing.line_quoted, start=framing.start, line=framing.line
    )
    records = [each for each in islice(found, _ROWS) if whole or each.stop < len(sample)]
    return replace(
        start,
        encoding=source.encoding,
        delimiter=framing.delimiter,
        quoted=b'"' in sample,
        line_quoted=framing.line_quoted,
        reasons=(("delimiter", framing.why),),
        columns=tuple(
            Column(index + 1, None) for index in range(max((len(each.fields) for each in records), default=0))
        ),
        first_rows=tuple(Row(each.line, tuple(cell.strip() for cell in each.fields)) for each in records),
    )


def _of_table(start: Look, raw: RawInput, stored: str, settings: Settings) -> tuple[Look, CloseColumn | None]:
    with open_columnar(raw.name if raw.is_file else raw, stored, settings.column, raw.name) as table:
        time, groups = table.find_time(), table.find_groups(settings.group_by)
        numbers, how = table.find_numbers(asked_of(settings))
        schema, close = table.schema, table.close_index
        sample = table.sample(range(min(len(schema), _MOST_COLUMNS)))
        roles = _roles(time, close, groups)
        texts = to_texts(table.sample([close]).column(0)).to_pylist()
        times = to_texts(table.sample([time.index]).column(0)) if time.index is not None else []
        rows = list(zip(*(to_texts(column.slice(0, _ROWS)).to_pylist() for column in sample.columns), strict=True))
        found = replace(
            start,
            header=True,
            close=close + 1,
            time=_number(time.index),
            clock=_number(time.clock),
            group_by=tuple(index + 1 for index in groups),
            decimal=numbers.decimal if table.close_is_text else None,
            thousands=numbers.thousands if table.close_is_text else None,
            decimals=most_decimals(texts, numbers),
            missing=tuple(sorted({text or "null" for text in texts if numbers.is_missing(text)})),
            rows_sampled=len(texts),
            time_first=times[0].as_py() if len(times) else None,
            time_last=times[-1].as_py() if len(times) else None,
            direction=time.direction,
            reasons=_reasons(table, time.index, how),
            warnings=(*warnings_of_table(time, settings), *table.check_close(time, groups, numbers)),
            columns=tuple(
                Column(index + 1, field.name, roles.get(index), str(field.type)) for index, field in enumerate(schema)
            ),
            first_rows=tuple(Row(number, fields) for number, fields in enumerate(rows, 1)),
        )
        return found, close_column_of_table(table, numbers, start.input) if texts else None


def _reasons(table: ColumnarTable, time: int | None, how: str) -> tuple[tuple[str, str], ...]:
    told = [] if time is None else [("time", f'column {time + 1} "{table.schema.names[time]}" tells the time')]
    return (("close", table.why), *([("numbers", how)] if table.close_is_text else []), *told)


def _roles(time: TimeColumn, close: int, groups: Sequence[int]) -> dict[int | None, str]:
    """Return what each column is taken for."""
    return {**dict.fromkeys(groups, "group"), time.clock: "clock", time.index: "time", close: "close"}


def _number(index: int | None) -> int | None:
    return None if index is None else index + 1


def _refusal(error: StreamsigError) -> Refusal:
    return Refusal(type(error).__name__, str(error), error.exit_code)
