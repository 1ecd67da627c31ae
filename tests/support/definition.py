"""The definition of reading a chunk: `split_records` and `NumberFormat.parse`, record by record."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from streamsig.csv import repeated_headers
from streamsig.csv.bad_records import BadRecordError, Judge, Problem
from streamsig.csv.corporate_actions import is_action
from streamsig.csv.records import count_line_ends, split_records
from streamsig.csv.rejected_rows import Rejected, row_of
from streamsig.fields.messages import shown
from streamsig.fields.numbers import NumberError
from tests.support.strategies import WIDE

if TYPE_CHECKING:
    from streamsig.core.ticks import Ticks
    from streamsig.csv.dialect import Dialect
    from streamsig.csv.reader import Reading
    from streamsig.csv.records import Record


class Read(NamedTuple):
    """The content of a text."""

    closes: list[Decimal | None]
    lines: int
    rejected: list[Rejected]
    texts: list[list[bytes]]


def define(
    text: bytes,
    dialect: Dialect,
    also: tuple[int, ...] = (),
    prices: tuple[int, ...] = (),
    *,
    skip_bad: bool = False,
) -> Read:
    """Return the content of a text; raise BadRecordError for a bad record."""
    judge = Judge(dialect)
    result = Read([], count_line_ends(text, 0, len(text)), [], [[] for _ in also])
    for record in split_records(text, dialect.delimiter, line_quoted=dialect.line_quoted):
        bad = _problem(record, judge, prices)
        if bad is None:
            result.closes.append(dialect.numbers.parse(record.fields[dialect.close]))
            for index, column in zip(also, result.texts, strict=True):
                column.append(record.fields[index].encode())
            continue
        problem, shown_text = bad
        if not skip_bad or problem.reason == repeated_headers.OTHER:
            raise BadRecordError(record.line, problem.column, shown(shown_text), problem.reason, problem.advice)
        row = row_of(text, record.start, record.stop)
        result.rejected.append(Rejected(record.line, problem.column, problem.reason, row))
    return result


def _problem(record: Record, judge: Judge, prices: tuple[int, ...]) -> tuple[Problem, str] | None:
    """Return the problem of a record, and the text that shows it; `None` for a good one."""
    fields = record.fields
    problem = _first_problem(fields, judge, prices)
    if problem is None:
        return None
    if repeated_headers.is_other_header(fields, len(fields), judge.dialect):
        problem = Problem("the whole row", repeated_headers.OTHER, repeated_headers.ADVICE)
    return problem, judge.dialect.delimiter.join(fields) if problem.field is None else fields[problem.field]


def _first_problem(fields: tuple[str, ...], judge: Judge, prices: tuple[int, ...]) -> Problem | None:
    dialect = judge.dialect
    if len(fields) != dialect.fields:
        return judge.ragged(len(fields))
    if any("\0" in field for field in fields):
        return judge.nul()
    try:
        close = dialect.numbers.parse(fields[dialect.close])
    except NumberError as error:
        return judge.close(fields[dialect.close], error)
    actions = (index for index in prices if close is None and is_action(fields[index], dialect.numbers))
    return next((judge.action(index, fields[index]) for index in actions), None)


def values(ticks: Ticks) -> list[Decimal | None]:
    """Return the closes that ticks represent, after checking that missing ones are zeros."""
    missing = [False] * len(ticks) if ticks.missing is None else ticks.missing.tolist()
    whole = ticks.integers()
    assert not any(tick for tick, gap in zip(whole, missing, strict=True) if gap)
    assert ticks.missing is None or any(missing)
    return [None if gap else Decimal(tick).scaleb(-ticks.scale, WIDE) for tick, gap in zip(whole, missing, strict=True)]


def joined(readings: list[Reading]) -> Read:
    """Return the combined content of the chunks of a text."""
    result = Read([], 0, [], [[] for _ in readings[0].texts] if readings else [])
    lines = 0
    for reading in readings:
        result.closes.extend(values(reading.ticks))
        result.rejected.extend(bad._replace(line=bad.line + lines) for bad in reading.rejected)
        for column, texts in zip(result.texts, reading.texts, strict=True):
            column.extend(texts.to_bytes())
        lines += reading.lines
    return result._replace(lines=lines)
