"""The result as JSON; key names, order and meaning are a contract (docs/metrics.md)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamsig.engine.pipeline import Result


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
    if result.warnings:
        metrics["warnings"] = list(result.warnings)
    if result.order is not None:
        metrics["order"] = dict(result.order)
    return metrics


def failure(version: str, message: str) -> dict[str, Any]:
    """Return the metrics of a run that failed."""
    return {"version": version, "status": "error", "error_message": message}


def to_json(metrics: Mapping[str, Any]) -> str:
    """Return metrics as they stand in the file and on standard output, with a final newline."""
    return json.dumps(metrics, indent=2) + "\n"
