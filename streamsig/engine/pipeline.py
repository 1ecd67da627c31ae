"""One run, from what was named to its figures."""

from __future__ import annotations

import platform
import sys
import time
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from streamsig._version import __version__
from streamsig.core.window import Fold
from streamsig.engine.count import NEWEST_FIRST, count_text
from streamsig.engine.events import OrderChecked, RunStarted, Warned
from streamsig.errors import BadRowError, LayoutError, SourceError
from streamsig.ingest.inputs import expand, open_texts
from streamsig.ingest.stored import columnar_format

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamsig.config import Settings
    from streamsig.core.signals import Signal
    from streamsig.engine.count import Count
    from streamsig.engine.events import Observer
    from streamsig.engine.order import SeriesOrder
    from streamsig.ingest.sources import TextSource


@dataclass(frozen=True, slots=True)
class Series:
    """Rows, and how many of them have the signal.

    `rows_processed` counts every row, those in warm-up and those without a close included.
    """

    rows_processed: int
    signal_count: int

    @property
    def value(self) -> float:
        """`signal_count / rows_processed` to 4 decimals, 0.0 when there are no rows."""
        return float(round(Fraction(self.signal_count, self.rows_processed or 1), 4))


@dataclass(frozen=True, slots=True)
class SignalCount:
    """A signal that was named, and on how many rows of all it is."""

    signal: Signal
    signal_count: int
    rows_processed: int

    @property
    def value(self) -> float:
        """`signal_count / rows_processed` to 4 decimals, 0.0 when there are no rows."""
        return Series(self.rows_processed, self.signal_count).value


@dataclass(frozen=True, slots=True)
class Result(Series):
    """The figures of a run that ended well; of several signals, `signal_count` and `value` are the first one's.

    `signals` has an entry per signal that was named. `rows_missing` are the rows without a close,
    `rows_rejected` the bad rows that were left out, which are not part of `rows_processed`. `files` has an
    entry per input when each is a series of its own, and is empty otherwise. `order` is what `check_order`
    found (docs/metrics.md), `None` if that was not asked for.
    """

    rows_missing: int
    rows_rejected: int
    window: int
    seed: int
    version: str
    latency_ms: int
    signals: Mapping[str, SignalCount] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    files: Mapping[str, Series] = field(default_factory=dict)
    order: Mapping[str, Any] | None = None


def count_signals(named: Sequence[str], settings: Settings, observe: Observer = lambda _: None) -> Result:
    """Count the signal over files, globs, folders, or `-` for standard input.

    Several inputs are one series in natural order of their names, unless `per_file` is set.
    Memory does not grow with the inputs. Raises SourceError, LayoutError or BadRowError.
    """
    started = time.perf_counter()
    observe(RunStarted(settings.as_json(), versions()))
    whole, rows, missing, rejected = Fold(settings.counted), 0, 0, 0
    apart = [0] * len(settings.counted)
    warnings: list[str] = []
    files: dict[str, Series] = {}
    order = _series_order(settings)
    for path in expand(named):
        for source in open_texts(path):
            if source.warning is not None:
                warnings.append(source.warning)
                observe(Warned(f"{path}: {source.warning}"))
            count = _count(source, settings, observe, (rows, apart[0]))
            rows, missing = rows + count.state.rows, missing + count.state.rows_missing
            apart = list(map(sum, zip(apart, count.state.counts, strict=True)))
            rejected += count.rows_rejected
            warnings += count.warnings
            if order is not None and count.order is not None:
                order.push(count.order)
            if settings.per_file:
                files[source.name] = Series(count.state.rows, count.state.counts[0])
            else:
                whole.push(count.state)
    # those of each file counted by itself lack the windows that reach from one into the next
    counts = apart if settings.per_file else whole.result().counts
    if order is not None:
        observe(OrderChecked(order.report()))
    return Result(
        rows_processed=rows,
        signal_count=counts[0],
        rows_missing=missing,
        rows_rejected=rejected,
        window=settings.counted[0].slow,
        seed=settings.seed,
        version=settings.version,
        latency_ms=round((time.perf_counter() - started) * 1000),
        warnings=tuple(dict.fromkeys(warnings)),
        signals={
            name: SignalCount(signal, count, rows)
            for (name, signal), count in zip(settings.signals, counts, strict=False)
        },
        files=files,
        order=None if order is None else order.report(),
    )


def _count(source: TextSource, settings: Settings, observe: Observer, before: tuple[int, int]) -> Count:
    """Count one input of either kind."""
    try:
        stored = columnar_format(source.raw.peek())
        if stored is None:
            return count_text(source, settings, observe, before)
        # pyarrow takes long to import, and most runs do without it
        from streamsig.engine.tables import count_columns  # noqa: PLC0415

        return count_columns(source.raw, stored, settings, observe, before)
    except (SourceError, LayoutError, BadRowError):
        # a file that changed meanwhile is the better reason
        source.raw.check_unchanged()
        raise


def _series_order(settings: Settings) -> SeriesOrder | None:
    if not settings.check_order:
        return None
    from streamsig.engine.order import SeriesOrder  # noqa: PLC0415 (it takes pyarrow)

    return SeriesOrder(backwards=settings.order == NEWEST_FIRST, apart=settings.per_file)


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on; of libraries, those that are loaded."""
    libraries: list[str] = [name for name in ("numpy", "pyarrow") if name in sys.modules]
    loaded = {name: str(sys.modules[name].__version__) for name in libraries}
    return {"streamsig": __version__, "python": platform.python_version(), **loaded}
