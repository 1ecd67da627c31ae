"""The result as JSON; key names, order and meaning are a contract (docs/metrics.md)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamsig.engine.result import Result

GROUPS = "groups"


def success(result: Result) -> dict[str, Any]:
    """Return the metrics of a run that ended well."""
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
    """Yield metrics as they stand in the file and on standard output, with a final newline; a group takes one line."""
    groups = metrics.get(GROUPS)
    text = json.dumps(without_groups(metrics), indent=2)
    if groups is None:
        yield text + "\n"
        return
    yield text.removesuffix("\n}") + f',\n  "{GROUPS}": {{'
    before = "\n"
    for key, group in groups.each():
        figures = {"rows_processed": group.rows_processed, "signal_count": group.signal_count, "value": group.value}
        if group.signals:
            figures["signals"] = group.signals
        yield f"{before}    {json.dumps(key)}: {json.dumps(figures)}"
        before = ",\n"
    yield "}\n}\n" if before == "\n" else "\n  }\n}\n"


def without_groups(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return all but the groups."""
    return {key: value for key, value in metrics.items() if key != GROUPS}
