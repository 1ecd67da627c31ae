"""Shows how a run would read each input, and why, without counting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamsig.columnar.table import open_columnar
from streamsig.engine.detection import LayoutDetector, compare_with
from streamsig.errors import LayoutError, SourceError, StreamsigError
from streamsig.sniffer.file_signatures import check_is_table
from streamsig.sniffer.framing import find_framing, first_records
from streamsig.sniffer.layout import TEXT, Layout, LayoutOptions, SampleRow
from streamsig.sources.duplicates import without_duplicates
from streamsig.sources.formats import columnar_format
from streamsig.sources.inputs import expand, opened, texts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streamsig.settings.settings import Settings
    from streamsig.sniffer.checks.agreement import CloseColumn
    from streamsig.sources.text_source import TextSource

Inspection = dict[str, Any]
"""An object of docs/reference/inspect.md. A key that does not apply, or is not known at a refusal, is null or empty."""

_ROWS = 5
_BLANK: Inspection = {
    **dict.fromkeys(("input", "error", "size_bytes", "format", "compression", "encoding", "delimiter", "quoted")),
    **dict.fromkeys(("line_quoted", "skipped_lines", "header", "header_line", "close", "time", "clock")),
    "group_by": [],
    **dict.fromkeys(("decimal", "thousands", "decimals")),
    "missing": [],
    "rows_sampled": 0,
    **dict.fromkeys(("time_first", "time_last", "direction")),
    "reasons": {},
    "warnings": [],
    "columns": [],
    "first_rows": [],
}


def inspect_inputs(
    named: Sequence[str], settings: Settings, warn: Callable[[str], None] = lambda _: None
) -> Iterator[Inspection]:
    """Inspect files, globs, folders, archives, or `-` for standard input, in the order in which they would be read.

    Reads no more than the beginning of each. An input that cannot be read or understood has its `error`; `warn` is
    called for inputs that are left out. Raises SourceError for a name without inputs, UsageError for one named twice.
    """
    paths, left_out = without_duplicates(expand(named), per_file=settings.per_file)
    for message in left_out:
        warn(message)
    before: CloseColumn | None = None
    detector = LayoutDetector(settings)
    for path in paths:
        try:
            with opened(path) as raw:
                for source in texts_of(raw):
                    inspection, column = _inspect(source, settings, detector)
                    inspection["warnings"] = [*([source.warning] if source.warning else []), *inspection["warnings"]]
                    if column is not None:
                        try:
                            inspection["warnings"] += compare_with(before, column, settings)
                        except LayoutError as error:
                            inspection["error"] = _refusal(error)
                        before = column
                    yield inspection
        except (SourceError, LayoutError) as error:
            yield {**_BLANK, "input": path, "error": _refusal(error)}


def _inspect(source: TextSource, settings: Settings, detector: LayoutDetector) -> tuple[Inspection, CloseColumn | None]:
    """Inspect one input; also return how its closes are read, `None` if it has none."""
    stored = columnar_format(source.raw.peek())
    inspection: Inspection = {
        **_BLANK,
        "input": source.name,
        "size_bytes": source.size_bytes,
        "format": stored or TEXT,
        "compression": source.compression,
    }
    try:
        if stored is None:
            layout = detector.detect(source)
            inspection["encoding"] = source.encoding
        else:
            raw = source.raw
            with open_columnar(raw.name if raw.is_file else raw, stored, raw.name) as table:
                layout = table.detect(LayoutOptions.of(settings))
    except StreamsigError as error:
        inspection["error"] = _refusal(error)
        if stored is None and isinstance(error, LayoutError):
            inspection |= _framing(source, settings)
        return inspection, None
    return inspection | _facts(layout), layout.close_column(source.name) if layout.rows_sampled else None


def _facts(layout: Layout) -> Inspection:
    """Return the keys of a layout; columns count from 1."""
    dialect, time, names = layout.dialect, layout.time_column, layout.dialect.header or ()
    roles: dict[int | None, str] = {**dict.fromkeys(layout.groups, "group")}
    roles |= {time.clock: "clock", time.index: "time", dialect.close: "close"}
    columns = [
        _column(i, names[i] if i < len(names) else None, roles.get(i), layout.types[i] if layout.types else None)
        for i in range(max(dialect.fields, len(names)))
    ]
    framing = {
        "delimiter": dialect.delimiter,
        "quoted": layout.quoted,
        "line_quoted": dialect.line_quoted,
        "skipped_lines": layout.skipped_lines,
        "header_line": layout.header_line,
    }
    marks = {"decimal": dialect.numbers.decimal, "thousands": dialect.numbers.thousands}
    return {
        **(framing if layout.format == TEXT else {}),
        "header": dialect.header is not None,
        "close": dialect.close + 1,
        "time": None if time.index is None else time.index + 1,
        "clock": None if time.clock is None else time.clock + 1,
        "group_by": [index + 1 for index in layout.groups],
        **(marks if layout.close_is_text else {}),
        "decimals": layout.decimals,
        "missing": [*layout.missing],
        "rows_sampled": layout.rows_sampled,
        "time_first": layout.times[0] if layout.times else None,
        "time_last": layout.times[-1] if layout.times else None,
        "direction": time.direction,
        "reasons": dict(layout.reasons),
        "warnings": [*layout.warnings],
        "columns": columns,
        "first_rows": _rows(layout.rows),
    }


def _framing(source: TextSource, settings: Settings) -> Inspection:
    """Return the first records of a refused text and how its fields are separated; nothing if it is not a table."""
    try:
        sample, is_complete = source.read_sample(settings.sample_bytes)
        check_is_table(sample, source.name)
        framing = find_framing(sample, LayoutOptions.of(settings))
        records, _ = first_records(sample, framing, source.name, is_complete=is_complete, most=_ROWS)
    except StreamsigError:
        return {}
    return {
        "encoding": source.encoding,
        "delimiter": framing.delimiter,
        "quoted": b'"' in sample,
        "line_quoted": framing.line_quoted,
        "reasons": {"delimiter": framing.why},
        "columns": [_column(index) for index in range(max((len(each.fields) for each in records), default=0))],
        "first_rows": _rows([SampleRow(each.line, tuple(map(str.strip, each.fields))) for each in records]),
    }


def _column(index: int, name: str | None = None, role: str | None = None, kind: str | None = None) -> Inspection:
    return {"number": index + 1, "name": name, "role": role, "type": kind}


def _rows(rows: Sequence[SampleRow]) -> list[Inspection]:
    return [{"line": row.line, "fields": [*row.fields]} for row in rows]


def _refusal(error: StreamsigError) -> Inspection:
    """Return why an input is not read, and the exit code of a run that reads it."""
    return {"type": type(error).__name__, "message": str(error), "exit_code": error.exit_code}
