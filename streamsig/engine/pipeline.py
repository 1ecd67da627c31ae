"""One run, from what was named to its figures."""

from __future__ import annotations

import contextlib
import platform
import sys
import time
from typing import TYPE_CHECKING, Any, cast

from streamsig._version import __version__
from streamsig.engine.budget import Budget
from streamsig.engine.count import count_text
from streamsig.engine.events import OrderChecked, RunStarted, Warned
from streamsig.engine.result import Groups, Result, Series, SignalCount
from streamsig.engine.run import Run
from streamsig.engine.stages.accumulator import NEWEST_FIRST, Total
from streamsig.errors import BadRowError, LayoutError, OutputError, SourceError, UsageError
from streamsig.sources.duplicates import once
from streamsig.sources.formats import columnar_format
from streamsig.sources.inputs import expand, is_archive, opened, texts_of
from streamsig.sources.storage import HEAD_BYTES, storage_of, storage_of_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from streamsig.config import Settings
    from streamsig.core.window import ArrowStream
    from streamsig.engine.budget import Plan
    from streamsig.engine.checkpoint.checkpoint import Checkpoint
    from streamsig.engine.checkpoint.resumable import Resumable
    from streamsig.engine.events import Observer, Rejected
    from streamsig.engine.sink import Sink
    from streamsig.engine.stages.accumulator import Count
    from streamsig.engine.stages.rows_out import Teller
    from streamsig.engine.stages.time_order import SeriesOrder
    from streamsig.sources.inputs import Named
    from streamsig.sources.text_source import TextSource


def count_signals(
    named: Sequence[str | Named | ArrowStream],
    settings: Settings,
    observe: Observer = lambda _: None,
    tell: Callable[[pa.RecordBatch], None] | Sink[pa.RecordBatch] | None = None,
    rejects: Sink[Rejected] | None = None,
) -> Result:
    """Count the signal over files, globs, folders, `-` for standard input, or frames.

    Several inputs are one series, those of a glob or folder in natural order of their names, unless `per_file` is
    set; none is counted twice (`sources.duplicates`). `tell` receives the rows. `observe` writes to `rejects`, which a
    checkpoint restores.
    Memory does not grow with the inputs. Raises UsageError, SourceError, LayoutError or BadRowError.
    """
    started = time.perf_counter()
    paths, left_out = once(_inputs(named), apart=settings.per_file)
    budget = Budget(settings, storage_of_all(paths), rows=tell is not None, several=len(paths) > 1)
    observe(RunStarted({**settings.as_json(), "threads": budget.plan.threads}, versions()))
    for message in left_out:
        observe(Warned(message))
    run = _run(paths, settings, observe, budget, tell, rejects)
    with _saving(run):
        for index, path in enumerate(paths):
            if run.checkpoint is None or not run.checkpoint.has_finished(index):
                _count_path(index, path, run, is_last=index == len(paths) - 1)
        if run.checkpoint is not None:
            run.checkpoint.write()
    total, order = run.total, run.order
    if run.teller is not None:
        run.teller.finish()
    counts = total.counts
    too_short = _too_short(total, settings)
    for message in too_short:
        observe(Warned(message))
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
        warnings=tuple(dict.fromkeys((*left_out, *total.warnings, *too_short))),
        signals={
            name: SignalCount(total.rows, count, signal)
            for (name, signal), count in zip(settings.signals, counts, strict=False)
        },
        files={name: Series(*counts) for name, counts in total.files.items()},
        groups=None if total.groups is None else Groups(total.groups, [name for name, _ in settings.signals]),
        order=None if order is None else order.report(),
    )


def _too_short(total: Total, settings: Settings) -> tuple[str, ...]:
    """Return a warning where no series is as long as a signal needs; it has none then, whatever the closes are."""
    rows = total.longest
    names = [name for name, _ in settings.signals] or [""]
    short = [(name, signal) for name, signal in zip(names, settings.counted, strict=True) if signal.reach > rows]
    if not rows or not short:
        return ()
    name, signal = max(short, key=lambda each: each[1].reach)
    what = f'signal "{name}" needs {signal.reach:,} rows' if name else f"the window is {signal.reach:,} rows long"
    return (f"{what}, and the longest series has {rows:,}, so that no row can have it; use a shorter --window",)


def _run(  # noqa: PLR0913, PLR0917 (once for all)
    paths: Sequence[str | ArrowStream],
    settings: Settings,
    observe: Observer,
    budget: Budget,
    tell: Callable[[pa.RecordBatch], None] | Sink[pa.RecordBatch] | None,
    rejects: Sink[Rejected] | None,
) -> Run:
    """Return what the inputs share, as far as earlier runs have come."""
    teller, order = _teller(settings, tell, budget.plan), _series_order(settings)
    rejected = None if rejects is None else _ResumableSink(rejects)
    named: dict[str, Resumable | None] = {"rows": teller, "order": order, "rejected rows": rejected}
    beside = {name: it for name, it in named.items() if it is not None}
    checkpoint = _checkpoint(settings, paths, beside, budget.plan.groups_bytes)
    total = Total(settings, budget.plan.groups_bytes) if checkpoint is None else checkpoint.total
    return Run(settings, observe, budget, total, checkpoint, teller, order)


@contextlib.contextmanager
def _saving(run: Run) -> Iterator[None]:
    """Write down how far a run is that an error, or a signal, ends here."""
    try:
        yield
    except BaseException:
        if run.checkpoint is not None:
            with contextlib.suppress(OutputError, SourceError):  # the first failure is the one to tell
                run.checkpoint.write()
        raise


def _count_path(index: int, path: str | ArrowStream, run: Run, *, is_last: bool) -> None:
    """Add what a path holds, but for what the checkpoint has of it, to the total."""
    if not isinstance(path, str):
        from streamsig.engine.tables import count_frame  # noqa: PLC0415 (it takes pyarrow)

        name = f"<frame {index + 1}>"
        run.total.push(count_frame(path, name, run), name)
        return
    checkpoint = run.checkpoint
    with opened(path) as raw, _saving(run):
        is_last = is_last and not is_archive(raw)
        for member, source in enumerate(texts_of(raw)):
            if checkpoint is not None:
                if checkpoint.has_finished_text(index, member, raw):
                    continue
                checkpoint.begin(index, member, run.total, raw)
            if source.warning is not None:
                run.total.warnings += (source.warning,)
                run.observe(Warned(f"{path}: {source.warning}"))
            run.total.push(_count(source, run, is_last=is_last), source.name)
            if checkpoint is not None:
                checkpoint.end_text(run.total)
        if checkpoint is not None:
            checkpoint.end_input(index, run.total, raw)


def _count(source: TextSource, run: Run, *, is_last: bool) -> Count:
    """Count one input of either kind; to the last text of all rows may be added another time."""
    try:
        first = source.raw.peek(HEAD_BYTES)
        storage, stored = storage_of(first, source.compression), columnar_format(first)
        plan = run.budget.admit(storage)
        if stored is None:
            if plan.spare_bytes is not None:
                source.limit_unpacking(storage.unpack_bytes + plan.spare_bytes)
            return count_text(source, run, is_last=is_last)
        # pyarrow takes long to import, and most runs do without it
        from streamsig.engine.tables import count_columns  # noqa: PLC0415

        if run.checkpoint is not None:
            run.checkpoint.begin_table(source.name)
        return count_columns(source.raw, stored, run)
    except (SourceError, LayoutError, BadRowError):
        # a file that changed meanwhile is the better reason
        source.raw.check_unchanged()
        raise


def _inputs(named: Sequence[str | Named | ArrowStream]) -> list[Named | ArrowStream]:
    if all(isinstance(each, str) for each in named):
        return [*expand(cast("Sequence[str]", named))]
    return [each for one in named for each in (expand([one]) if isinstance(one, str) else [one])]


class _ResumableSink:
    """A sink among what a checkpoint restores."""

    def __init__(self, sink: Any) -> None:  # noqa: ANN401 (as `MarkedSink`)
        self._sink = sink
        self.mark, self.keep = self._sink.mark, self._sink.keep

    def resume(self, kept: Any, total: object) -> None:  # noqa: ANN401, ARG002 (`Resumable`)
        self._sink.restore(kept)

    def go_on(self, kept: Any, state: object) -> None:  # noqa: ANN401 (as above)
        """Do nothing more."""


def _teller(
    settings: Settings, tell: Callable[[pa.RecordBatch], None] | Sink[pa.RecordBatch] | None, plan: Plan
) -> Teller | None:
    if tell is None:
        return None
    from streamsig.engine.stages.rows_out import Teller  # noqa: PLC0415 (it takes pyarrow)

    return Teller(settings, tell, plan.groups_bytes)


def _checkpoint(
    settings: Settings, paths: Sequence[str | ArrowStream], beside: Mapping[str, Resumable], groups_bytes: int
) -> Checkpoint | None:
    if settings.checkpoint is None:
        return None
    if not all(isinstance(path, str) for path in paths):
        raise UsageError("a checkpoint is for files; leave it out for frames")
    from streamsig.engine.checkpoint.checkpoint import Checkpoint  # noqa: PLC0415 (most runs have none)

    return Checkpoint(settings, cast("Sequence[str]", paths), beside, groups_bytes)


def _series_order(settings: Settings) -> SeriesOrder | None:
    if not settings.check_order:
        return None
    from streamsig.engine.stages.time_order import SeriesOrder  # noqa: PLC0415 (it takes pyarrow)

    return SeriesOrder(backwards=settings.order == NEWEST_FIRST, apart=settings.per_file)


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on; of libraries, those that are loaded."""
    libraries = {name: sys.modules.get(name) for name in ("numpy", "pyarrow")}
    loaded = {name: str(library.__version__) for name, library in libraries.items() if library is not None}
    return {"streamsig": __version__, "python": platform.python_version(), **loaded}
