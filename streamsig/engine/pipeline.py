"""One run, from what was named to its figures."""

from __future__ import annotations

import contextlib
import platform
import sys
import time
from typing import TYPE_CHECKING

from streamsig._version import __version__
from streamsig.engine.count import count_text
from streamsig.engine.events import OrderChecked, RunStarted, Warned
from streamsig.engine.result import Groups, Result, Series, SignalCount
from streamsig.engine.tally import NEWEST_FIRST, Total
from streamsig.errors import BadRowError, LayoutError, OutputError, SourceError
from streamsig.ingest.inputs import expand, open_texts
from streamsig.ingest.stored import columnar_format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.config import Settings
    from streamsig.engine.checkpoint import Checkpoint
    from streamsig.engine.count import Count
    from streamsig.engine.events import Observer
    from streamsig.engine.order import SeriesOrder
    from streamsig.ingest.sources import TextSource


def count_signals(named: Sequence[str], settings: Settings, observe: Observer = lambda _: None) -> Result:
    """Count the signal over files, globs, folders, or `-` for standard input.

    Several inputs are one series in natural order of their names, unless `per_file` is set.
    Memory does not grow with the inputs. Raises SourceError, LayoutError or BadRowError.
    """
    started = time.perf_counter()
    observe(RunStarted(settings.as_json(), versions()))
    paths = expand(named)
    order = _series_order(settings)
    checkpoint = _checkpoint(settings, paths)
    total = Total(settings) if checkpoint is None else checkpoint.total
    for index, path in enumerate(paths):
        if checkpoint is None or not checkpoint.has_finished(index):
            _count_path(index, path, settings, observe, total, checkpoint, order)
    if checkpoint is not None:
        checkpoint.finish(total)
    counts = total.counts
    if order is not None:
        observe(OrderChecked(order.report()))
    return Result(
        rows_processed=total.rows,
        signal_count=counts[0],
        rows_missing=total.rows_missing,
        rows_rejected=total.rows_rejected,
        window=settings.counted[0].slow,
        seed=settings.seed,
        version=settings.version,
        latency_ms=round((time.perf_counter() - started) * 1000),
        warnings=tuple(dict.fromkeys(total.warnings)),
        signals={
            name: SignalCount(signal, count, total.rows)
            for (name, signal), count in zip(settings.signals, counts, strict=False)
        },
        files={name: Series(*counts) for name, counts in total.files.items()},
        groups=None if total.groups is None else Groups(total.groups, [name for name, _ in settings.signals]),
        order=None if order is None else order.report(),
    )


def _count_path(  # noqa: PLR0913, PLR0917 (what all paths share)
    index: int,
    path: str,
    settings: Settings,
    observe: Observer,
    total: Total,
    checkpoint: Checkpoint | None,
    order: SeriesOrder | None,
) -> None:
    """Add what a path holds, but for what the checkpoint has of it, to the total."""
    for member, source in enumerate(open_texts(path)):
        if checkpoint is not None:
            if checkpoint.has_finished_member(index, member):
                continue
            checkpoint.begin(index, member, total)
        if source.warning is not None:
            total.warnings += (source.warning,)
            observe(Warned(f"{path}: {source.warning}"))
        count = _count(source, settings, observe, (total.rows, total.signals), checkpoint)
        total.push(count, source.name)
        if order is not None and count.order is not None:
            order.push(count.order)


def _count(
    source: TextSource, settings: Settings, observe: Observer, before: tuple[int, int], checkpoint: Checkpoint | None
) -> Count:
    """Count one input of either kind."""
    try:
        stored = columnar_format(source.raw.peek())
        if stored is None:
            count = count_text(source, settings, observe, before, checkpoint)
            if checkpoint is not None:
                checkpoint.end()
            return count
        # pyarrow takes long to import, and most runs do without it
        from streamsig.engine.tables import count_columns  # noqa: PLC0415

        return count_columns(source.raw, stored, settings, observe, before)
    except BaseException as error:
        if checkpoint is not None:
            with contextlib.suppress(OutputError, SourceError):  # the first failure is the one to tell
                checkpoint.write()
        if isinstance(error, SourceError | LayoutError | BadRowError):
            # a file that changed meanwhile is the better reason
            source.raw.check_unchanged()
        raise


def _checkpoint(settings: Settings, paths: Sequence[str]) -> Checkpoint | None:
    if settings.checkpoint is None:
        return None
    from streamsig.engine.checkpoint import Checkpoint  # noqa: PLC0415 (most runs have none)

    return Checkpoint(settings, paths)


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
