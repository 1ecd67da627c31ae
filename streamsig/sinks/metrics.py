"""The result as JSON; key names, order and meaning are a contract (docs/reference/metrics.md)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from streamsig.core import utf8
from streamsig.engine.result import rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamsig.engine.result import Groups, Result

GROUPS = "groups"


def success(result: Result) -> dict[str, Any]:
    """Return the metrics of a successful run."""
    metrics = {
        "version": result.version,
        "rows_processed": result.rows_processed,
        "metric": "signal_rate",
        "value": result.value,
        "latency_ms": result.latency_ms,
        "seed": result.seed,
        "status": "success",
        "signal_count": result.signal_count,
        "window": result.window,
        "rows_missing": result.rows_missing,
        "rows_rejected": result.rows_rejected,
    }
    if result.signals:
        metrics["signals"] = {
            name: {**asdict(it.signal), "signal_count": it.signal_count, "value": it.value}
            for name, it in result.signals.items()
        }
    if result.files:
        metrics["files"] = {name: {**asdict(series), "value": series.value} for name, series in result.files.items()}
    if result.groups is not None:
        metrics["group_count"] = len(result.groups)
    if result.warnings:
        metrics["warnings"] = list(result.warnings)
    if result.order is not None:
        metrics["order"] = dict(result.order)
    if result.groups is not None:
        # the last key, as there may be millions
        metrics[GROUPS] = result.groups
    return metrics


def failure(version: str, message: str) -> dict[str, Any]:
    """Return the metrics of a run that failed."""
    return {"version": version, "status": "error", "error_message": message}


def to_json(metrics: Mapping[str, Any]) -> Iterator[str]:
    """Yield the text of metrics for file and standard output, with a final newline and one line for each group."""
    groups = metrics.get(GROUPS)
    text = json.dumps(utf8.in_json(without_groups(metrics)), indent=2)
    if groups is None:
        yield text + "\n"
        return
    yield text.removesuffix("\n}") + f',\n  "{GROUPS}": {{'
    yield from _group_lines(groups)
    yield "\n  }\n}\n" if len(groups) else "}\n}\n"


def _group_lines(groups: Groups) -> Iterator[str]:
    """Yield a line for each group; the encoder of `json` would take longer than a run."""
    text = json.encoder.encode_basestring_ascii
    signals = ", ".join(text(name).replace("%", "%%") + ": %d" for name in groups.names)
    before = "\n"
    for key, (rows, _, *counts) in groups.each():
        more = f', "signals": {{{signals % tuple(counts)}}}' if signals else ""
        yield (
            f'{before}    {text(key)}: {{"rows_processed": {rows}, "signal_count": {counts[0]},'
            f' "value": {rate(counts[0], rows)!r}{more}}}'
        )
        before = ",\n"


def without_groups(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return all but the groups."""
    return {key: value for key, value in metrics.items() if key != GROUPS}
