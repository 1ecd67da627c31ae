"""The definition of reading a chunk: `split_records` and `NumberFormat.parse`, record by record."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from streamsig.csv import repeated_headers
from streamsig.csv.bad_records import BadRecordError, Judge, shown
from streamsig.csv.records import count_line_ends, split_records
from streamsig.csv.rejected_rows import Rejected, row_of
from tests.support.strategies import WIDE

if TYPE_CHECKING:
    from streamsig.core.ticks import Ticks
    from streamsig.csv.dialect import Dialect
    from streamsig.csv.reader import Reading


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
    judge = Judge(dialect, prices)
    result = Read([], count_line_ends(text, 0, len(text)), [], [[] for _ in also])
    for record in split_records(text, dialect.delimiter, line_quoted=dialect.line_quoted):
        bad = judge.record(record)
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
