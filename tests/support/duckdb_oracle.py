"""Signals as DuckDB counts them over DECIMAL, partition by partition: an engine that shares no code with ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from streamsig import Signal


def counts(duckdb: Any, signal: Signal, rows: Sequence[tuple[str, Decimal | None]]) -> dict[str, int]:
    """Return the number of signals by key; a row is a key and a close, or `None` for a missing close."""
    if not rows:
        return {}

    def over(rows: int) -> str:
        return f"OVER (PARTITION BY k ORDER BY i ROWS BETWEEN {rows - 1} PRECEDING AND CURRENT ROW)"

    values = ", ".join(
        f"({place}, '{key}', {'NULL' if close is None else close}::DECIMAL(18, 2))"
        for place, (key, close) in enumerate(rows)
    )
    fast, slow = f"sum(x) {over(signal.fast)}", f"sum(x) {over(signal.slow)}"
    wanted = 1 if signal.is_above else -1
    query = f"""
        WITH sides AS (
            SELECT i, k, CASE WHEN count(x) {over(signal.window)} = {signal.window}
                THEN sign({signal.slow} * {fast} - {signal.fast} * {slow}) END AS side
            FROM (VALUES {values}) AS t(i, k, x)
        ), pairs AS (SELECT k, side, lag(side) OVER (PARTITION BY k ORDER BY i) AS before FROM sides)
        SELECT k, count(*) FILTER (side = {wanted} {f"AND before <> {wanted}" if signal.is_cross else ""})
        FROM pairs GROUP BY k
    """  # noqa: S608 (all values of our own)
    return dict(duckdb.execute(query).fetchall())
