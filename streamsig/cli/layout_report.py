"""The layouts of inputs, as a table for people and as JSON for programs (docs/reference/inspect.md)."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streamsig.core import utf8
from streamsig.fields.messages import column_title
from streamsig.sinks.printable import printable
from streamsig.sniffer.layout import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from streamsig.engine.inspection import Inspection

_MAX_COLUMNS = 60
_ROW_CHARACTERS = 18
"""The width for each of the first rows."""

_OF_ROWS = {"input", "size_bytes", "first_rows", "rows_sampled", "decimals", "missing", "time_first", "time_last"}
"""Keys in which inputs that are read in the same way may differ."""

_LONGEST_CELL = 200
_MANY_MARKERS = 12


def to_json(inspections: Iterable[Inspection]) -> str:
    """Return inspections as one JSON object, with a final newline."""
    return json.dumps(utf8.in_json({"inputs": [*inspections]}), indent=2) + "\n"


def is_alike(entry: Inspection, before: Inspection) -> bool:
    """Return whether two inputs are read in the same way."""
    is_read = entry["error"] is None and before["error"] is None
    return is_read and all(entry[key] == before[key] for key in entry.keys() - _OF_ROWS)


def to_table(entry: Inspection, width: int, *, colour: bool = False, is_like_before: bool = False) -> str:
    """Return an inspection as lines of at most `width` characters, each with its line end.

    An input that is read like the one before takes one line. Text from the file is escaped: no control characters, no
    markup.
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
    if is_like_before:
        size, span = _size(entry), _span(entry)
        console.print(_text(entry["input"], "bold") + _text(f": as above, {size}{span}"), overflow="fold")
        return out.getvalue()
    console.print(_text(entry["input"], "bold"), overflow="fold")
    facts = Table.grid(padding=(0, 2))
    facts.add_column(overflow="fold", style="dim")
    facts.add_column(overflow="fold")
    for label, fact in _facts(entry):
        facts.add_row(
            _text(label), _text(fact, "yellow" if label == "warning" else "red" if label == "refused" else "")
        )
    console.print(facts)
    if entry["columns"] and entry["first_rows"]:
        console.print()
        console.print(_first_rows(entry, width))
    if entry["error"] is None and len(entry["columns"]) > _MAX_COLUMNS:
        console.print(f"... {len(entry['columns']) - _MAX_COLUMNS:,} columns more", overflow="fold")
    text = out.getvalue()
    # without the padding of the last cells
    return text if colour else "".join(line.rstrip() + "\n" for line in text.splitlines())


def _facts(entry: Inspection) -> Iterator[tuple[str, str]]:
    packed = entry["compression"] and f"packed with {entry['compression']}"
    kinds = (entry["format"], packed, entry["encoding"], _size(entry))
    if entry["format"] is not None:
        yield "stored", ", ".join(str(kind) for kind in kinds if kind)
    yield from _layout(entry, {key: f": {why}" for key, why in entry["reasons"].items()})
    if entry["decimals"] is not None:
        most = _count(entry["decimals"], "decimal")
        yield "sample", f"the first {_count(entry['rows_sampled'], 'row')}: up to {most}, {_missing(entry['missing'])}"
        yield "time", _time(entry)
    for warning in entry["warnings"]:
        yield "warning", warning
    if entry["error"] is not None:
        yield "refused", entry["error"]["message"]


def _layout(entry: Inspection, why: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if entry["delimiter"] is not None:
        quotes = "each line quoted as a whole" if entry["line_quoted"] else "quotes" if entry["quoted"] else "no quotes"
        yield "fields", f"{_mark(entry['delimiter'])} between them{why.get('delimiter', '')}; {quotes}"
    if entry["skipped_lines"]:
        yield "skipped", f"{_count(entry['skipped_lines'], 'line')} at the start{why.get('preamble', '')}"
    if entry["header"] is not None and entry["format"] == TEXT:
        yield (
            "header",
            ("none" if entry["header_line"] is None else f"line {entry['header_line']}") + why.get("header", ""),
        )
    if entry["close"] is not None:
        yield "close", f"{_column(entry, entry['close'])}{why.get('close', '')}"
    if entry["group_by"]:
        yield "groups", f"by {' and '.join(_column(entry, number) for number in entry['group_by'])}: asked for"
    if entry["decimal"] is not None:
        thousands = f", {_mark(entry['thousands'])} between thousands" if entry["thousands"] else ""
        yield "numbers", f"{_mark(entry['decimal'])} before decimals{thousands}{why.get('numbers', '')}"
    for key in ("footer", "actions"):
        if key in why:
            yield "not rows", why[key].removeprefix(": ")


def _time(entry: Inspection) -> str:
    if entry["time"] is None:
        return "no time column"
    clock = "" if entry["clock"] is None else f" with {_column(entry, entry['clock'])}"
    return f"{_column(entry, entry['time'])}{clock}{_span(entry)}, {entry['direction']}"


def _span(entry: Inspection) -> str:
    return "" if entry["time_first"] is None else f", {entry['time_first']} to {entry['time_last']} in the sample"


def _size(entry: Inspection) -> str:
    return "size not known" if entry["size_bytes"] is None else _count(entry["size_bytes"], "byte")


def _missing(markers: Sequence[str]) -> str:
    if not markers:
        return "none missing"
    shown = ["empty" if not it else f'"{it}"' for it in markers[:_MANY_MARKERS]]
    return f"missing where {' or '.join(shown)}"


def _first_rows(entry: Inspection, width: int) -> Table:
    rows = entry["first_rows"][: max(1, (width - 2 * _ROW_CHARACTERS) // _ROW_CHARACTERS)]
    types = any(column["type"] for column in entry["columns"])
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", justify="right", no_wrap=True)
    for title in ("name", *(("type",) if types else ()), "is", *(f"line {row['line']}" for row in rows)):
        table.add_column(title, no_wrap=True, overflow="ellipsis")
    for column in entry["columns"][:_MAX_COLUMNS]:
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


def _column(entry: Inspection, number: int) -> str:
    name = entry["columns"][number - 1]["name"] if number <= len(entry["columns"]) else None
    return column_title(number - 1, name)


def _mark(mark: str | None) -> str:
    return {"\t": "tab", " ": "blanks"}.get(mark or "", f'"{mark}"')


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text[:_LONGEST_CELL] if not style else text), style)
