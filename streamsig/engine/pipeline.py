"""One run, from its inputs to its metrics: opens inputs, builds stages, and runs the loop over each input."""

from __future__ import annotations

import platform
import sys
import time
from typing import TYPE_CHECKING, Any, cast

from streamsig._version import __version__
from streamsig.core.groups import GroupState
from streamsig.engine.batches.batch import OpenInput
from streamsig.engine.batches.text import TextBatches
from streamsig.engine.budget import Budget
from streamsig.engine.checkpoint.checkpoint import Checkpoint
from streamsig.engine.detection import LayoutDetector
from streamsig.engine.events import InputFound, OrderChecked, Resumed, RunStarted, Warned
from streamsig.engine.loop import Run, count_input
from streamsig.engine.result import Counts, Groups, Result, SignalCount
from streamsig.engine.sink import Sink
from streamsig.engine.stages.accumulator import accumulator_of
from streamsig.engine.stages.input_checks import InputChecks
from streamsig.errors import BadRowError, LayoutError, SourceError, UsageError
from streamsig.sniffer.layout import LayoutOptions
from streamsig.sources.duplicates import without_duplicates
from streamsig.sources.formats import HEAD_BYTES, columnar_format, storage_of, storage_of_all
from streamsig.sources.inputs import expand, is_archive, opened, sizes_of, texts_of
from streamsig.stopping import check_stop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from streamsig.columnar.table import ColumnarTable
    from streamsig.core.window import ArrowStream
    from streamsig.engine.events import Observer, Rejected
    from streamsig.engine.loop import BatchSource
    from streamsig.engine.stages.accumulator import Accumulator
    from streamsig.engine.stages.rows_out import RowsOut
    from streamsig.engine.stages.stage import Stage
    from streamsig.engine.stages.time_order import TimeOrder
    from streamsig.settings.settings import Settings
    from streamsig.sources.inputs import InputPath
    from streamsig.sources.text_source import TextSource

    Emit = Callable[[pa.RecordBatch], None] | Sink[pa.RecordBatch]


def count_signals(
    named: Sequence[str | InputPath | ArrowStream],
    settings: Settings,
    observe: Observer = lambda _: None,
    emit: Emit | None = None,
    rejects: Sink[Rejected] | None = None,
) -> Result:
    """Count the signal over files, globs, folders, `-` for standard input, or frames.

    Several inputs are one series, those of a glob or folder in natural order of their names, unless `per_file` is
    set; none is counted twice (`sources.duplicates`). `emit` receives the rows. `observe` writes to `rejects`, which a
    checkpoint restores. Memory does not grow with the inputs.
    Raises UsageError, SourceError, LayoutError or BadRowError.
    """
    started = time.perf_counter()
    paths, left_out = without_duplicates(_inputs(named), per_file=settings.per_file)
    budget = Budget(settings, storage_of_all(paths), rows=emit is not None, several=len(paths) > 1)
    observe(RunStarted({**settings.as_json(), "threads": budget.plan.threads}, versions(), sizes_of(paths)))
    for message in left_out:
        observe(Warned(message))
    accumulator, checks = accumulator_of(settings, budget, emits=emit is not None), InputChecks(settings, observe)
    order, rows = _time_order(settings), _rows_out(settings, emit, accumulator)
    stages: list[Stage[Any]] = [stage for stage in (checks, accumulator, order, rows) if stage is not None]
    sinks = {"rows": emit, "rejected rows": rejects}
    checkpoint = Checkpoint(settings, paths, stages, {name: it for name, it in sinks.items() if isinstance(it, Sink)})
    run = Run(settings, observe, budget, LayoutDetector(settings), checkpoint, checks, accumulator, stages)
    with checkpoint.committing():
        for index, path in enumerate(paths):
            check_stop()
            if not checkpoint.has_ended(index):
                _count_path(index, path, run, is_last=index == len(paths) - 1)
    for stage in stages:
        stage.finish()
    too_short = _too_short(accumulator, settings)
    for message in too_short:
        observe(Warned(message))
    if order is not None:
        observe(OrderChecked(order.report()))
    state, names = accumulator.total, [name for name, _ in settings.signals]
    return Result(
        rows_processed=accumulator.rows,
        signal_count=state.counts[0],
        rows_missing=state.rows_missing,
        rows_rejected=checks.rows_rejected,
        window=settings.counted[0].slow,
        seed=settings.seed,
        version=settings.version,
        latency_ms=round((time.perf_counter() - started) * 1000),
        warnings=tuple(dict.fromkeys((*left_out, *checks.warnings, *too_short))),
        signals={
            name: SignalCount(accumulator.rows, count, signal)
            for (name, signal), count in zip(settings.signals, state.counts, strict=False)
        },
        files={name: Counts(*each) for name, each in accumulator.files.items()},
        groups=Groups(state, names) if isinstance(state, GroupState) else None,
        order=None if order is None else order.report(),
    )


def _count_path(index: int, path: str | ArrowStream, run: Run, *, is_last: bool) -> None:
    """Count the rest of an input that the checkpoint does not have."""
    if not isinstance(path, str):
        from streamsig.columnar.table import open_frame  # noqa: PLC0415 (imports pyarrow)

        name = f"<frame {index + 1}>"
        with open_frame(path, name) as table:
            _count_table(table, InputFound(name, None, {}), run, int)
        return
    with opened(path) as raw, run.checkpoint.reading(index, raw):
        is_last = is_last and not is_archive(raw)
        for member, source in enumerate(texts_of(raw)):
            if not run.checkpoint.has_ended_text(member):
                _count_member(source, run, is_last=is_last)


def _count_member(source: TextSource, run: Run, *, is_last: bool) -> None:
    """Count one text or table."""
    try:
        first = source.raw.peek(HEAD_BYTES)
        storage, stored = storage_of(first, source.compression), columnar_format(first)
        plan = run.budget.admit(storage)
        if stored is None:
            if plan.headroom_bytes is not None:
                source.limit_unpacking(storage.unpack_bytes + plan.headroom_bytes)
            _count_text(source, run, is_last=is_last)
            return
        # pyarrow is slow to import, and most runs do not need it
        from streamsig.columnar.table import open_columnar  # noqa: PLC0415

        raw = source.raw
        # the metadata of Parquet are at its end: a file is opened by name, for random access
        with open_columnar(raw.name if raw.is_file else raw, stored, raw.name) as table:
            _count_table(table, InputFound(raw.name, raw.size_bytes, {}), run, lambda: raw.consumed_bytes)
    except (SourceError, LayoutError, BadRowError):
        # if the file has changed, report that instead
        source.raw.check_unchanged()
        raise


def _count_text(source: TextSource, run: Run, *, is_last: bool) -> None:
    """Count a text; with a checkpoint the last text may grow later, unless `finished` is set."""
    may_grow = is_last and run.checkpoint.is_on and not run.settings.finished
    layout = run.detector.detect(source, may_grow=may_grow)
    storage = {"compression": source.compression, "encoding": source.encoding}
    run.observe(InputFound(source.name, source.size_bytes, {**storage, **layout.to_log()}))
    _count_batches(TextBatches(source, layout, run, may_grow=may_grow), run, source, is_last=is_last)


def _count_table(table: ColumnarTable, event: InputFound, run: Run, consumed: Callable[[], int]) -> None:
    from streamsig.engine.batches.table import TableBatches  # noqa: PLC0415 (it takes pyarrow)

    if run.budget.plan.table_bytes is not None:
        table.limit(run.budget.plan.table_bytes)
    layout = table.detect(LayoutOptions.of(run.settings))
    run.observe(event._replace(layout=layout.to_log()))
    _count_batches(TableBatches(table, OpenInput(event.name, layout, layout.warnings), run, consumed), run)


def _count_batches(batches: BatchSource, run: Run, text: TextSource | None = None, *, is_last: bool = False) -> None:
    with run.checkpoint.beginning(batches.opened, text, batches.first, is_last=is_last) as start:
        for stage in run.stages:
            stage.begin_input(batches.opened, start)
    if start != batches.first:
        run.observe(Resumed(batches.opened.name, start.offset, run.accumulator.rows))
    count_input(batches, start, run)


def _too_short(accumulator: Accumulator[Any], settings: Settings) -> tuple[str, ...]:
    """Return a warning if every series is shorter than a signal needs: its count is then 0, whatever the closes are."""
    rows = accumulator.total.longest
    short = [(name, signal) for name, signal in settings.named_signals if signal.reach > rows]
    if not rows or not short:
        return ()
    name, signal = max(short, key=lambda each: each[1].reach)
    what = f"the window is {signal.reach:,} rows long"
    if settings.signals:
        what = f'signal "{name}" needs {signal.reach:,} rows'
    return (f"{what}, and the longest series has {rows:,}, so no row can have the signal; use a shorter `window`",)


def _inputs(named: Sequence[str | InputPath | ArrowStream]) -> list[InputPath | ArrowStream]:
    if all(isinstance(each, str) for each in named):
        return [*expand(cast("Sequence[str]", named))]
    return [each for one in named for each in (expand([one]) if isinstance(one, str) else [one])]


def _rows_out(settings: Settings, emit: Emit | None, accumulator: Accumulator[Any]) -> RowsOut | None:
    if emit is None:
        return None
    if settings.checkpoint is not None and not isinstance(emit, Sink):
        raise UsageError("rows resume from a checkpoint only in a file; leave out the checkpoint")
    from streamsig.engine.stages.rows_out import RowsOut  # noqa: PLC0415 (it takes pyarrow)

    write = emit.write if isinstance(emit, Sink) else emit
    return RowsOut(settings, write, accumulator)


def _time_order(settings: Settings) -> TimeOrder | None:
    if not settings.check_order:
        return None
    from streamsig.engine.stages.time_order import TimeOrder  # noqa: PLC0415 (it takes pyarrow)

    return TimeOrder(settings)


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on; of libraries, those that are loaded."""
    libraries = {name: sys.modules.get(name) for name in ("numpy", "pyarrow")}
    loaded = {name: str(library.__version__) for name, library in libraries.items() if library is not None}
    return {"streamsig": __version__, "python": platform.python_version(), **loaded}
