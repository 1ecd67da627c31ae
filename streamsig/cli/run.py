"""`streamsig run`: count the signals; write metrics, the log and one line for a person, however the run ends."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.cli.advice import with_flags
from streamsig.cli.parsing import Parser, add_flags, examples, inputs_of, settings_of
from streamsig.cli.targets import LOG, OUTPUT, Targets
from streamsig.cli.terminal import UNEXPECTED, failure, say, say_if_waiting, settle, trace, write_stdout
from streamsig.engine.events import Rejected, RunFailed, RunFinished, RunStarted, Warned
from streamsig.engine.pipeline import count_signals
from streamsig.errors import OutputError, UsageError
from streamsig.settings.config_file import find_config, read_config, version_of
from streamsig.settings.settings import OUTPUT as OUTPUT_GROUP
from streamsig.settings.settings import SETTINGS, SKIP, Settings, combine
from streamsig.sinks import metrics
from streamsig.sinks.event_messages import message_of
from streamsig.sinks.reject_file import RejectFile
from streamsig.sinks.row_file import FORMATS, RowFile
from streamsig.sources.inputs import expand
from streamsig.sources.raw_input import STDIN

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from streamsig.engine.events import Event, Observer
    from streamsig.sources.inputs import InputPath
    from streamsig.stopping import Stopping


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "run",
        help="count the signal over a file or a pipe",
        description="Count on how many rows the close is above its rolling mean, exactly.",
        usage="streamsig run [FLAG ...] INPUT ...",
        epilog="exit codes: 0 success, 1 unexpected, 2 flags or config, 3 input unreadable, 4 input not understood,\n"
        "            5 output not written, 130 interrupted, 143 terminated (streamsig help exit-codes)\n\n"
        + examples(
            "streamsig run prices.csv --window 20",
            "streamsig run --group-by symbol --signals-out rows.parquet 'months/*.csv.gz'",
            "zcat prices.csv.gz | streamsig run - --output -",
        ),
    )
    groups = add_flags(parser, (key for key, it in SETTINGS.items() if it.help))
    add = groups[OUTPUT_GROUP].add_argument
    add(
        "--output",
        default=OUTPUT,
        metavar="FILE",
        help=f"Write the metrics to FILE; - writes no file (default {OUTPUT}).",
    )
    add(
        "--log-file",
        metavar="FILE",
        help=f"Append JSON lines to FILE, or write them to standard error for - ({LOG}; none with --output -).",
    )
    add("--signals-out", metavar="FILE", help=f"Write each row with its signals: {', '.join(FORMATS)}.")
    add("--rejects", metavar="FILE", help="Write the rows that --on-bad-row skip leaves out, as CSV.")
    add(
        "--progress",
        choices=("auto", "always", "never"),
        default="auto",
        help="Show progress on standard error (default auto: if it is a terminal).",
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace, stopping: Stopping) -> int:
    """Count, report success or failure in the metrics, the log and one line for a person; return the exit code.

    Raises UsageError for invalid flags: then no file is changed.
    """
    named, flags = inputs_of(parsed), settings_of(parsed)
    version: str | None = None
    config: Path | None = None
    with contextlib.ExitStack() as stack:
        targets = stack.enter_context(contextlib.closing(Targets(parsed)))
        observers: list[Observer] = [targets]

        def observe(event: Event) -> None:
            for observer in observers:
                observer(event)

        try:
            stopping.check()
            config, notes = find_config(parsed.config)
            inputs, left_out = targets.admit(expand(named), config)
            observers.append(_watcher(parsed.progress, stack))
            settings = _settings(flags, config)
            version = settings.version
            if settings.checkpoint is not None:
                targets.add_checkpoint(settings.checkpoint)
                inputs, more = targets.admit(inputs, config)
                left_out += more
            if any(each.path == STDIN for each in inputs):
                say_if_waiting()
            job = _Job(inputs, settings, (*notes, *left_out), stopping)
            report = _count(job, targets, observe)
            observe(RunFinished(report))
            code = 0
        except BaseException as error:  # noqa: BLE001 (no traceback reaches the user)
            stopping.finish()
            kind, message, code = failure(error)
            report = metrics.failure(version or version_of(config), message)
            failed = RunFailed(kind, message, code, trace(error) if code == UNEXPECTED else None)
            with contextlib.suppress(OutputError):  # report only the first failure
                observe(failed)
            with contextlib.suppress(OutputError):
                targets.write(report)
    if code:
        say(message)
    return _print(report, targets.path("--output"), code)


def print_failure(message: str, code: int) -> int:
    """Print the metrics of a run that did not start; return the exit code."""
    return _print(metrics.failure(Settings().version, message), None, code)


class _Job(NamedTuple):
    """What to count; `notes` are the warnings from before the run."""

    inputs: Sequence[InputPath]
    settings: Settings
    notes: tuple[str, ...]
    stopping: Stopping


def _count(job: _Job, targets: Targets, observe: Observer) -> dict[str, Any]:
    """Count, then commit metrics, rows and rejected rows; all are written to disk before the first is committed."""
    appends = job.settings.checkpoint is not None
    rejected_to, rows_to = targets.path("--rejects"), targets.path("--signals-out")
    if rejected_to is not None and job.settings.on_bad_row != SKIP:
        raise UsageError("--rejects is for the rows that `on_bad_row='skip'` leaves out; add it")

    def count(event: Event) -> None:
        if isinstance(event, Rejected) and rejects is not None:
            rejects.write(event)
        observe(Warned(with_flags(event.message)) if isinstance(event, Warned) else event)
        if isinstance(event, RunStarted):
            for note in job.notes:
                observe(Warned(note))

    with contextlib.ExitStack() as stack:
        rejects = stack.enter_context(RejectFile(rejected_to, appends=appends)) if rejected_to else None
        rows = stack.enter_context(RowFile(rows_to, appends=appends)) if rows_to else None
        result = count_signals(job.inputs, job.settings, count, rows, rejects)
        job.stopping.raise_at_once()
        warnings = (*job.notes, *map(with_flags, result.warnings))
        report = metrics.success(replace(result, warnings=warnings))
        for sink in filter(None, (rows, rejects)):
            sink.finish()
        targets.write(report)
    return report


def _settings(flags: dict[str, Any], config: Path | None) -> Settings:
    """Return the settings of flags and config."""
    settings = combine(flags, read_config(config) if config else None)
    if settings.memory_limit is not None:
        # pyarrow's default allocator does not return 20 MiB or more of free memory
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    return settings


def _watcher(progress: str, stack: contextlib.ExitStack) -> Observer:
    """Return the observer that shows progress and warnings to a person until the stack closes."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if sys.stderr is None or progress == "never" or (progress == "auto" and not terminal):
        return _say_warnings
    from rich.console import Console  # noqa: PLC0415 (only for progress)

    from streamsig.sinks.progress import ProgressBar  # noqa: PLC0415

    bar = ProgressBar(Console(stderr=True, force_terminal=True))
    stack.callback(settle, sys.stderr)
    stack.callback(bar.close)
    return bar


def _say_warnings(event: Event) -> None:
    if (message := message_of(event)) is not None:
        say(message)


def _print(report: dict[str, Any], saved: Path | None, code: int) -> int:
    """Print the metrics; return `code`, or OutputError's if those of a successful run are lost."""
    try:
        write_stdout(metrics.to_json(report))
    except (BrokenPipeError, OutputError) as lost:
        if code:
            return code
        is_closed = isinstance(lost, BrokenPipeError)
        reason = "standard output is closed" if is_closed else lost
        say(f"{reason}; the metrics are " + (f"in {saved}" if saved else "lost"))
        return 0 if saved and is_closed else OutputError.exit_code
    return code
