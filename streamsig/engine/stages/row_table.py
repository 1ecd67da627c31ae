"""Rows with their signals as Arrow record batches of one schema, whatever the decimals of the closes."""

from __future__ import annotations

from contextlib import suppress
from decimal import Context, Decimal
from itertools import chain, count
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from streamsig.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamsig.core.row_signals import RowValues
    from streamsig.core.signals import Signal
    from streamsig.core.ticks import Ticks

CLOSE = pa.decimal128(38, 18)
"""A fixed type, so that files of different days and inputs have one schema: 20 digits before the mark, 18 after it."""

_EXACT = Context(prec=1000)
_LAST_DIGIT, _TOO_LARGE = Decimal(1).scaleb(-CLOSE.scale), 10 ** (CLOSE.precision - CLOSE.scale)


class RowTable:
    """Builds record batches from rows in order.

    The columns are `row` (from `first` on), `time` if there is one, the `keys`, `close`, and for each named signal the
    means NAME_fast and NAME_slow (null where there is none), if it `has_means`, and NAME (0 or 1).
    """

    def __init__(
        self,
        signals: Sequence[tuple[str, Signal]],
        *,
        keys: Sequence[str] = (),
        has_time: bool,
        has_means: bool = True,
        first: int = 1,
    ) -> None:
        self._signals, self._has_means = tuple(signals), has_means
        columns = [("row", pa.int64()), *((("time", pa.string()),) if has_time else ()), ("close", CLOSE)]
        place = len(columns) - 1
        free = _free_names([name for name, _ in columns])
        # keys are placed before the close, which has the first claim to its name
        columns[place:place] = [(free(name), pa.string()) for name in keys]
        for name, _ in self._signals:
            means = [(free(f"{name}_{which}"), pa.float64()) for which in ("fast", "slow") if has_means]
            columns += [*means, (free(name), pa.uint8())]
        self.schema = pa.schema(columns)
        self._texts, self._next = len(keys) + has_time, first

    def batch(self, ticks: Ticks, texts: Sequence[pa.Array], values: RowValues) -> pa.RecordBatch:
        """Return the next rows; `texts` are their times, if any, and keys. Raises OutputError."""
        rows, first = len(ticks), self._next
        self._next += rows
        absent = [pa.nulls(rows, pa.string())] * (self._texts - len(texts))
        columns = [pa.array(np.arange(first, first + rows)), *absent, *texts, self._closes(ticks, first)]
        for (_, signal), flags in zip(self._signals, values.flags, strict=True):
            means = (values.averages[length] for length in (signal.fast, signal.slow) if self._has_means)
            columns += [*(pa.array(each, from_pandas=True) for each in means), pa.array(flags)]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _closes(self, ticks: Ticks, first: int) -> pa.Array:
        if ticks.scale <= CLOSE.scale:
            with suppress(OverflowError):
                return ticks.to_arrow(CLOSE.scale)
        missing = [False] * len(ticks) if ticks.missing is None else ticks.missing.tolist()
        closes: list[Decimal | None] = []
        for row, (tick, absent) in enumerate(zip(ticks.integers(), missing, strict=True), first):
            close = Decimal(tick).scaleb(-ticks.scale, _EXACT)
            # pyarrow refuses trailing zeros, which rows at a common scale have
            fitted = close.quantize(_LAST_DIGIT, context=_EXACT)
            if abs(close) >= _TOO_LARGE or fitted != close:
                raise OutputError(
                    f"row {row}: the close {close.normalize(_EXACT)} does not fit in {CLOSE}, which rows are written"
                    " with; count without them"
                )
            closes.append(None if absent else fitted)
        return pa.array(closes, CLOSE)


def _free_names(taken: Sequence[str]) -> Callable[[str], str]:
    """Return a function that numbers names already taken: a key may have the name of another column."""
    seen = set(taken)

    def free(name: str) -> str:
        name = next(it for it in chain([name], (f"{name}_{number}" for number in count(2))) if it not in seen)
        seen.add(name)
        return name

    return free
