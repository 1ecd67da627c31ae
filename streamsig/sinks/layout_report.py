"""What was found out about inputs, as a table for people and as JSON for programs (docs/inspect.md)."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streamsig.core import utf8
from streamsig.engine.look import TEXT
from streamsig.sinks.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from streamsig.engine.look import Look, Row

_MOST_COLUMNS = 60
_ROW_CHARACTERS = 18
"""Of a line, what one of the first rows should have."""

_LONGEST_CELL = 200
_MANY_MARKERS = 12


def to_json(looks: Iterable[Look]) -> str:
    """Return the looks as one JSON object, with a final newline."""
    inputs = [{**asdict(it), "reasons": dict(it.reasons)} for it in looks]
    return json.dumps(utf8.in_json({"inputs": inputs}), indent=2) + "\n"


def to_table(look: Look, width: int, *, colour: bool = False) -> str:
    """Return a look as lines of at most `width` characters, each with its line end.

    Whatever comes from the file is escaped: neither control characters nor markup get through.
    """
    out = io.StringIO()
    console = Console(
        file=out,
        width=max(width, 1),
        force_terminal=colour,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )
    console.print(_text(look.input, "bold"), overflow="fold")
    facts = Table.grid(padding=(0, 2))
    facts.add_column(overflow="fold", style="dim")
    facts.add_column(overflow="fold")
    for label, fact in _facts(look):
        facts.add_row(
            _text(label), _text(fact, "yellow" if label == "warning" else "red" if label == "refused" else "")
        )
    console.print(facts)
    if look.columns and look.first_rows:
        console.print()
        console.print(_first_rows(look, width))
    if look.error is None and len(look.columns) > _MOST_COLUMNS:
        console.print(f"... {len(look.columns) - _MOST_COLUMNS:,} columns more", overflow="fold")
    text = out.getvalue()
    # cells are padded to the end of the line, which nobody needs to copy
    return text if colour else "".join(line.rstrip() + "\n" for line in text.splitlines())


def _facts(look: Look) -> Iterator[tuple[str, str]]:
    size = "size not known" if look.size_bytes is None else _count(look.size_bytes, "byte")
    kinds = (look.format, look.compression and f"packed with {look.compression}", look.encoding, size)
    if look.format is not None:
        yield "stored", ", ".join(str(kind) for kind in kinds if kind)
    yield from _layout(look, {key: f": {why}" for key, why in look.reasons})
    if look.decimals is not None:
        most = _count(look.decimals, "decimal")
        yield "sample", f"the first {_count(look.rows_sampled, 'row')}: up to {most}, {_missing(look.missing)}"
        yield "time", _time(look)
    for warning in look.warnings:
        yield "warning", warning
    if look.error is not None:
        yield "refused", look.error.message


def _layout(look: Look, why: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if look.delimiter is not None:
        quotes = "each line quoted as a whole" if look.line_quoted else "quotes" if look.quoted else "no quotes"
        yield "fields", f"{_mark(look.delimiter)} between them{why.get('delimiter', '')}; {quotes}"
    if look.skipped_lines:
        yield "skipped", f"{_count(look.skipped_lines, 'line')} at the start{why.get('preamble', '')}"
    if look.header is not None and look.format == TEXT:
        yield "header", ("none" if look.header_line is None else f"line {look.header_line}") + why.get("header", "")
    if look.close is not None:
        yield "close", f"{_column(look, look.close)}{why.get('close', '')}"
    if look.group_by:
        yield "groups", f"by {' and '.join(_column(look, number) for number in look.group_by)}: asked for"
    if look.decimal is not None:
        thousands = f", {_mark(look.thousands)} between thousands" if look.thousands else ""
        yield "numbers", f"{_mark(look.decimal)} before decimals{thousands}{why.get('numbers', '')}"


def _time(look: Look) -> str:
    if look.time is None:
        return "no column tells it"
    clock = "" if look.clock is None else f" with {_column(look, look.clock)}"
    span = "" if look.time_first is None else f", {look.time_first} to {look.time_last} in the sample"
    return f"{_column(look, look.time)}{clock}{span}, {look.direction}"


def _missing(markers: tuple[str, ...]) -> str:
    if not markers:
        return "none missing"
    shown = ["empty" if not it else f'"{it}"' for it in markers[:_MANY_MARKERS]]
    return f"missing where {' or '.join(shown)}"


def _first_rows(look: Look, width: int) -> Table:
    rows: tuple[Row, ...] = look.first_rows[: max(1, (width - 2 * _ROW_CHARACTERS) // _ROW_CHARACTERS)]
    types = any(column.type for column in look.columns)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", justify="right", no_wrap=True)
    for title in ("name", *(("type",) if types else ()), "is", *(f"line {row.line}" for row in rows)):
        table.add_column(title, no_wrap=True, overflow="ellipsis")
    for column in look.columns[:_MOST_COLUMNS]:
        place = column.number - 1
        cells = [row.fields[place] if place < len(row.fields) else "" for row in rows]
        kind = [_text(column.type or "", "dim")] if types else []
        table.add_row(
            _text(str(column.number)),
            _text(column.name or ""),
            *kind,
            _text("CLOSE" if column.role == "close" else column.role or ""),
            *map(_text, cells),
            style="bold green" if column.role == "close" else None,
        )
    return table


def _column(look: Look, number: int) -> str:
    name = look.columns[number - 1].name if number <= len(look.columns) else None
    return f"column {number}" + (f' "{name}"' if name else "")


def _mark(mark: str | None) -> str:
    return {"\t": "tab", " ": "blanks"}.get(mark or "", f'"{mark}"')


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text[:_LONGEST_CELL] if not style else text), style)
