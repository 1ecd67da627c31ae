"""The layouts of inputs, as a table for people and as JSON for programs (docs/reference/inspect.md)."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streamsig.core import utf8
from streamsig.sinks.printable import printable
from streamsig.sniffer.layout import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from streamsig.engine.inspection import Inspection

_MOST_COLUMNS = 60
_ROW_CHARACTERS = 18
"""Of a line, what one of the first rows should have."""

_LONGEST_CELL = 200
_MANY_MARKERS = 12


def to_json(inspections: Iterable[Inspection]) -> str:
    """Return inspections as one JSON object, with a final newline."""
    return json.dumps(utf8.in_json({"inputs": [*inspections]}), indent=2) + "\n"


def to_table(inspection: Inspection, width: int, *, colour: bool = False) -> str:
    """Return an inspection as lines of at most `width` characters, each with its line end.

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
    console.print(_text(inspection["input"], "bold"), overflow="fold")
    facts = Table.grid(padding=(0, 2))
    facts.add_column(overflow="fold", style="dim")
    facts.add_column(overflow="fold")
    for label, fact in _facts(inspection):
        facts.add_row(
            _text(label), _text(fact, "yellow" if label == "warning" else "red" if label == "refused" else "")
        )
    console.print(facts)
    if inspection["columns"] and inspection["first_rows"]:
        console.print()
        console.print(_first_rows(inspection, width))
    if inspection["error"] is None and len(inspection["columns"]) > _MOST_COLUMNS:
        console.print(f"... {len(inspection['columns']) - _MOST_COLUMNS:,} columns more", overflow="fold")
    text = out.getvalue()
    # cells are padded to the end of the line, which nobody needs to copy
    return text if colour else "".join(line.rstrip() + "\n" for line in text.splitlines())


def _facts(inspection: Inspection) -> Iterator[tuple[str, str]]:
    size = "size not known" if inspection["size_bytes"] is None else _count(inspection["size_bytes"], "byte")
    kinds = (
        inspection["format"],
        inspection["compression"] and f"packed with {inspection['compression']}",
        inspection["encoding"],
        size,
    )
    if inspection["format"] is not None:
        yield "stored", ", ".join(str(kind) for kind in kinds if kind)
    yield from _layout(inspection, {key: f": {why}" for key, why in inspection["reasons"].items()})
    if inspection["decimals"] is not None:
        most = _count(inspection["decimals"], "decimal")
        yield (
            "sample",
            f"the first {_count(inspection['rows_sampled'], 'row')}: up to {most}, {_missing(inspection['missing'])}",
        )
        yield "time", _time(inspection)
    for warning in inspection["warnings"]:
        yield "warning", warning
    if inspection["error"] is not None:
        yield "refused", inspection["error"]["message"]


def _layout(inspection: Inspection, why: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if inspection["delimiter"] is not None:
        quotes = (
            "each line quoted as a whole"
            if inspection["line_quoted"]
            else "quotes"
            if inspection["quoted"]
            else "no quotes"
        )
        yield "fields", f"{_mark(inspection['delimiter'])} between them{why.get('delimiter', '')}; {quotes}"
    if inspection["skipped_lines"]:
        yield "skipped", f"{_count(inspection['skipped_lines'], 'line')} at the start{why.get('preamble', '')}"
    if inspection["header"] is not None and inspection["format"] == TEXT:
        yield (
            "header",
            ("none" if inspection["header_line"] is None else f"line {inspection['header_line']}")
            + why.get("header", ""),
        )
    if inspection["close"] is not None:
        yield "close", f"{_column(inspection, inspection['close'])}{why.get('close', '')}"
    if inspection["group_by"]:
        yield (
            "groups",
            f"by {' and '.join(_column(inspection, number) for number in inspection['group_by'])}: asked for",
        )
    if inspection["decimal"] is not None:
        thousands = f", {_mark(inspection['thousands'])} between thousands" if inspection["thousands"] else ""
        yield "numbers", f"{_mark(inspection['decimal'])} before decimals{thousands}{why.get('numbers', '')}"
    for key in ("footer", "actions"):
        if key in why:
            yield "not rows", why[key].removeprefix(": ")


def _time(inspection: Inspection) -> str:
    if inspection["time"] is None:
        return "no column tells it"
    clock = "" if inspection["clock"] is None else f" with {_column(inspection, inspection['clock'])}"
    span = (
        ""
        if inspection["time_first"] is None
        else f", {inspection['time_first']} to {inspection['time_last']} in the sample"
    )
    return f"{_column(inspection, inspection['time'])}{clock}{span}, {inspection['direction']}"


def _missing(markers: Sequence[str]) -> str:
    if not markers:
        return "none missing"
    shown = ["empty" if not it else f'"{it}"' for it in markers[:_MANY_MARKERS]]
    return f"missing where {' or '.join(shown)}"


def _first_rows(inspection: Inspection, width: int) -> Table:
    rows = inspection["first_rows"][: max(1, (width - 2 * _ROW_CHARACTERS) // _ROW_CHARACTERS)]
    types = any(column["type"] for column in inspection["columns"])
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", justify="right", no_wrap=True)
    for title in ("name", *(("type",) if types else ()), "is", *(f"line {row['line']}" for row in rows)):
        table.add_column(title, no_wrap=True, overflow="ellipsis")
    for column in inspection["columns"][:_MOST_COLUMNS]:
        place = column["number"] - 1
        cells = [row["fields"][place] if place < len(row["fields"]) else "" for row in rows]
        kind = [_text(column["type"] or "", "dim")] if types else []
        table.add_row(
            _text(str(column["number"])),
            _text(column["name"] or ""),
            *kind,
            _text("CLOSE" if column["role"] == "close" else column["role"] or ""),
            *map(_text, cells),
            style="bold green" if column["role"] == "close" else None,
        )
    return table


def _column(inspection: Inspection, number: int) -> str:
    name = inspection["columns"][number - 1]["name"] if number <= len(inspection["columns"]) else None
    return f"column {number}" + (f' "{name}"' if name else "")


def _mark(mark: str | None) -> str:
    return {"\t": "tab", " ": "blanks"}.get(mark or "", f'"{mark}"')


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text[:_LONGEST_CELL] if not style else text), style)
