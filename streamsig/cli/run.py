"""`streamsig run`: count the signals; write metrics, the log and one line for a person, however the run ends."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.cli.parsing import CONFIG, Parser, add_input, add_setting, config_file, inputs_of
from streamsig.cli.terminal import (
    UNEXPECTED,
    cause,
    failure,
    say,
    say_if_waiting,
    settle,
    to_stdout,
    trace,
)
from streamsig.config import SETTINGS, make_settings, values_of_flags, version_of
from streamsig.engine.count import SKIP
from streamsig.engine.events import OrderChecked, Rejected, RunFailed, RunFinished, RunStarted, Warned
from streamsig.engine.pipeline import count_signals
from streamsig.errors import OutputError, UsageError
from streamsig.sinks import metrics
from streamsig.sinks.order_summary import sentence
from streamsig.sinks.reject_file import RejectFile
from streamsig.sinks.row_file import FORMATS, RowFile
from streamsig.sinks.targets import LOG, OUTPUT, STREAM, Targets
from streamsig.sources.inputs import expand
from streamsig.sources.streams import STDIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.config import Settings
    from streamsig.engine.events import Event, Observer
    from streamsig.sources.inputs import Named
    from streamsig.stopping import Stopping


def run(arguments: Sequence[str], stopping: Stopping) -> int:
    """Count, and report success or failure in the metrics, the log and one line for a person.

    Invalid flags leave all files as they are.
    """
    places = _places(arguments)
    version: str | None = None
    config: Path | None = None
    with contextlib.ExitStack() as stack:
        targets = stack.enter_context(contextlib.closing(Targets.named(places)))
        observers: list[Observer] = [targets]

        def observe(event: Event) -> None:
            for observer in observers:
                observer(event)

        try:
            stopping.begin()
            named, flags, progress = _parsed(arguments, targets)
            config, notes = config_file(places.config)
            inputs, left_out = targets.leave_out(expand(named))
            targets.check(_paths(inputs), config)
            observers.append(_watcher(progress, stack))
            settings = _settings(flags, config)
            version = settings.version
            if settings.checkpoint is not None:
                targets.checkpoint = Path(settings.checkpoint)
                inputs, more = targets.leave_out(inputs)
                left_out += more
                targets.check(_paths(inputs), config)
            if any(each.path == STDIN for each in inputs):
                say_if_waiting()
            job = _Job(inputs, settings, (*notes, *left_out), stopping)
            figures = _figures(job, targets, observe)
            observe(RunFinished(figures))
            code = 0
        except SystemExit:  # --help
            raise
        except BaseException as error:  # noqa: BLE001 (the last line of defence against tracebacks)
            stopping.finish()
            kind, message, code = failure(error)
            figures = metrics.failure(version or version_of(config), message)
            failed = RunFailed(kind, message, code, trace(error) if code == UNEXPECTED else None)
            with contextlib.suppress(OutputError):  # report only the first failure
                observe(failed)
            with contextlib.suppress(OutputError):
                targets.write(figures)
    if code:
        say(message)
    return print_figures(figures, targets.output, code)


class _Job(NamedTuple):
    """What to count; `notes` are the warnings from before the run."""

    inputs: Sequence[Named]
    settings: Settings
    notes: tuple[str, ...]
    stopping: Stopping


def _parsed(arguments: Sequence[str], targets: Targets) -> tuple[list[str], dict[str, Any], str]:
    """Return the inputs, the settings and the kind of progress that the flags name.

    With invalid flags it is not clear which files are targets, so that none is written.
    """
    try:
        parsed = _parser().parse(arguments)
        flags = {key: getattr(parsed, key) for key, it in SETTINGS.items() if it.help}
        return inputs_of(parsed), values_of_flags(flags), parsed.progress
    except UsageError:
        targets.let_all_go()
        raise


def _paths(inputs: Sequence[Named]) -> list[str]:
    return [each.path for each in inputs]


def _figures(job: _Job, targets: Targets, observe: Observer) -> dict[str, Any]:
    """Count, then commit metrics, rows and rejected rows; a file that cannot be written is noticed before."""

    def count(event: Event) -> None:
        job.stopping.check()
        if isinstance(event, Rejected) and rejects is not None:
            rejects.write(event)
        observe(event)
        if isinstance(event, RunStarted):
            for note in job.notes:
                observe(Warned(note))

    with _rejects(targets, job.settings) as rejects, _rows(targets, job.settings) as rows:
        result = count_signals(job.inputs, job.settings, count, rows, rejects)
        figures = metrics.success(replace(result, warnings=(*job.notes, *result.warnings)))
        for sink in (rows, rejects):
            if sink is not None:
                sink.finish()
        targets.write(figures)
    return figures


def _parser() -> Parser:
    parser = Parser(
        prog="streamsig run",
        description="Count on how many rows the close is above its rolling mean, exactly.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="INPUT",
        help="price files (plain or compressed), globs or folders; -: standard input",
    )
    _add_places(parser)
    parser.add_argument(
        "--progress",
        choices=("auto", "always", "never"),
        default="auto",
        help="show progress on standard error (default auto: if it is a terminal)",
    )
    group = parser.add_argument_group("settings", "also keys of the config file, which flags override")
    for setting in SETTINGS.values():
        if setting.help:
            add_setting(group, setting)
    return parser


def _add_places(parser: argparse.ArgumentParser) -> None:
    add_input(parser)
    parser.add_argument("--config", metavar="FILE", help=f"YAML with settings (default: {CONFIG}, if it has any)")
    parser.add_argument(
        "--output",
        default=OUTPUT,
        metavar="FILE",
        help=f"write the metrics here (default {OUTPUT}); -: only to standard output",
    )
    parser.add_argument(
        "--log-file",
        metavar="FILE",
        help=f"append JSON lines here (default {LOG}, or nothing with --output -); -: to standard error",
    )
    parser.add_argument(
        "--signals-out", metavar="FILE", help=f"write each row with its signals: {', '.join(FORMATS)} (docs/rows.md)"
    )
    parser.add_argument("--rejects", metavar="FILE", help="write the rows that --on-bad-row skip leaves out, as CSV")


def _places(arguments: Sequence[str]) -> argparse.Namespace:
    """Return where to report a failure, even if the flags are invalid."""
    parser = Parser(add_help=False)
    _add_places(parser)
    try:
        return parser.parse_known_args(arguments)[0]
    except UsageError:
        return argparse.Namespace(output=STREAM, log_file=None, config=None, rejects=None, signals_out=None)


def _settings(flags: dict[str, Any], config: Path | None) -> Settings:
    """Return the settings of flags and config."""
    settings = make_settings(flags, config)
    if settings.memory_limit is not None:
        # pyarrow's own allocators do not return 20 MiB and more of free memory
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    return settings


def _rejects(targets: Targets, settings: Settings) -> contextlib.AbstractContextManager[RejectFile | None]:
    """Return the sink of rejected rows, if `--rejects` is given."""
    if targets.rejects is None:
        return contextlib.nullcontext()
    if settings.on_bad_row != SKIP:
        raise UsageError("--rejects is for the rows that --on-bad-row skip leaves out; add it")
    return RejectFile(targets.rejects, appends=settings.checkpoint is not None)


def _rows(targets: Targets, settings: Settings) -> contextlib.AbstractContextManager[RowFile | None]:
    """Return the sink of rows, if `--signals-out` is given."""
    if targets.rows is None:
        return contextlib.nullcontext()
    return RowFile(targets.rows, appends=settings.checkpoint is not None)


def _watcher(progress: str, stack: contextlib.ExitStack) -> Observer:
    """Return the observer that shows progress and warnings to a person until the stack closes."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if sys.stderr is None or progress == "never" or (progress == "auto" and not terminal):
        return _say_warnings
    from rich.console import Console  # noqa: PLC0415 (only where there is someone to see it)

    from streamsig.sinks.progress import ProgressBar  # noqa: PLC0415

    bar = ProgressBar(Console(stderr=True, force_terminal=True))
    stack.callback(settle, sys.stderr)
    stack.callback(bar.close)
    return bar


def _say_warnings(event: Event) -> None:
    if isinstance(event, Warned):
        say(f"warning: {event.message}")
    elif isinstance(event, OrderChecked):
        say(sentence(event.order))


def print_figures(figures: dict[str, Any], saved: Path | None, code: int) -> int:
    """Print the metrics; return `code`, or OutputError's if those of a successful run are lost."""
    lost = to_stdout(lambda: sys.stdout.writelines(metrics.to_json(figures)))
    if lost is None or code:
        return code
    say(f"{cause(lost)}; the metrics are " + (f"in {saved}" if saved else "lost"))
    return 0 if saved and isinstance(lost, BrokenPipeError) else OutputError.exit_code
