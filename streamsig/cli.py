"""The command line: the only place that prints, and that picks an exit code."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from streamsig._version import __version__
from streamsig.config import (
    SETTINGS,
    TEXTS,
    YES_NO,
    make_settings,
    nearest,
    values_of_flags,
    version_of,
    whole_number,
)
from streamsig.emit import files, metrics
from streamsig.emit.rejects import writing_rejects
from streamsig.emit.targets import LOG, OUTPUT, STREAM, Targets
from streamsig.engine.count import SKIP
from streamsig.engine.events import RunFailed, RunFinished, Warned
from streamsig.engine.pipeline import count_signals
from streamsig.errors import EXIT_CODES, OutputError, StreamsigError, UsageError
from streamsig.generate import bars
from streamsig.ingest.inputs import expand
from streamsig.stopping import Interrupted, Terminated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamsig.config import Setting, Settings
    from streamsig.engine.events import Event, Observer
    from streamsig.stopping import Stopping

CONFIG = "config.yaml"
UNEXPECTED, INTERRUPTED, TERMINATED = 1, 130, 143


class _Parser(argparse.ArgumentParser):
    """Takes flags by their whole name only, and raises UsageError where argparse would print and exit."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 (argparse's own)
        super().__init__(
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog="exit codes:\n" + "\n".join(f"  {code:<4}{meaning}" for code, meaning in EXIT_CODES.items()),
            **options,
        )

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return what the arguments say; raises UsageError for those that nobody asked for."""
        parsed, unknown = self.parse_known_args(arguments)
        for text in unknown:
            if text.startswith("-"):
                name = text.partition("=")[0]
                self.error(f"unknown flag {name}{nearest(name, self._option_string_actions)}")
        if unknown:
            self.error(f"one argument too many: {unknown[0]}")
        return parsed

    def _print_message(self, message: str, file: Any = None) -> None:  # noqa: ANN401, ARG002 (argparse's own)
        lost = _to_stdout(lambda: sys.stdout.write(message))
        if lost is not None and not isinstance(lost, BrokenPipeError):
            raise OutputError(_cause(lost))

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def main(arguments: Sequence[str], stopping: Stopping) -> int:
    """Run the command line; return the exit code."""
    try:
        if arguments[:1] == ["run"]:
            return _run(arguments[1:], stopping)
        stopping.begin()
        if arguments[:1] == ["generate"]:
            return _generate(arguments[1:], stopping)
        _parser().parse(arguments)
    except SystemExit:  # --help and --version
        return 0
    except BrokenPipeError:
        _leave(sys.stdout)
    except BaseException as error:  # noqa: BLE001 (the last line of defence against tracebacks)
        stopping.finish()
        _, message, code = _failure(error)
        _say(message)
        return code
    return 0


def _parser() -> _Parser:
    parser = _Parser(
        prog="streamsig",
        description="Count exactly on how many rows of a price file the close is above its mean.",
    )
    parser.add_argument("--version", action="version", version=f"streamsig {__version__}")
    # for help and refusals only: main() hands what follows a command to a parser of its own
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="count the signal over a file or a pipe", add_help=False)
    commands.add_parser("generate", help="write realistic one-minute bars as CSV", add_help=False)
    return parser


def _run_parser() -> _Parser:
    parser = _Parser(
        prog="streamsig run",
        description="Count on how many rows the close is above its rolling mean, exactly.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="INPUT",
        help="price files, plain or compressed, globs and folders; - for standard input",
    )
    _add_places(parser)
    parser.add_argument(
        "--progress",
        choices=("auto", "always", "never"),
        default="auto",
        help="on standard error (default auto: when it is a terminal)",
    )
    group = parser.add_argument_group("settings", "each is also a key of the config file; the flag wins")
    for setting in SETTINGS.values():
        if setting.help:
            _add_setting(group, setting)
    return parser


def _add_setting(group: argparse._ArgumentGroup, setting: Setting) -> None:
    if setting.kind is YES_NO:
        group.add_argument(
            setting.flag, dest=setting.key, action=argparse.BooleanOptionalAction, help=setting.help, default=None
        )
    else:
        action = "append" if setting.kind is TEXTS else "store"
        group.add_argument(setting.flag, dest=setting.key, action=action, metavar=setting.metavar, help=setting.help)


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", metavar="INPUT", help="the same, as a flag")
    parser.add_argument("--config", metavar="FILE", help=f"settings as YAML (default: {CONFIG} if it is there)")
    parser.add_argument(
        "--output",
        default=OUTPUT,
        metavar="FILE",
        help=f"the metrics (default {OUTPUT}); - for standard output alone",
    )
    parser.add_argument(
        "--log-file",
        metavar="FILE",
        help=f"JSON lines (default {LOG}, or none with --output -); - for standard error",
    )
    parser.add_argument("--rejects", metavar="FILE", help="the rows that --on-bad-row skip leaves out, as CSV")


def _generate_parser() -> _Parser:
    parser = _Parser(
        prog="streamsig generate",
        description="Write one-minute bars as CSV, the same bytes for the same seed, in constant memory.",
    )
    parser.add_argument("--rows", default="10000", metavar="N", help="such as 10000 or 1e8 (default 10000)")
    parser.add_argument("--seed", default="42", metavar="N", help="which series (default 42)")
    parser.add_argument("--output", default=STREAM, metavar="FILE", help="where to (default -: standard output)")
    return parser


def _run(arguments: Sequence[str], stopping: Stopping) -> int:
    """Do the job; however it ends, the metrics, the log and one line for a person say so."""
    places, others = _places(arguments)
    config = _config(places.config)
    version: str | None = None
    with contextlib.ExitStack() as stack:
        targets = stack.enter_context(contextlib.closing(Targets.named(places.output, places.log_file, places.rejects)))
        observers: list[Observer] = [targets]

        def observe(event: Event) -> None:
            for observer in observers:
                observer(event)

        def count(event: Event) -> None:
            stopping.check()
            observe(event)

        try:
            stopping.begin()
            try:
                parsed = _run_parser().parse(arguments)
                paths = _inputs(parsed)
            except UsageError:
                targets.spare(others)  # any of them may have been meant as the input
                raise
            paths = expand(paths)
            targets.check(paths, config)
            observers.append(_watcher(parsed.progress, stack))
            flags = values_of_flags({key: getattr(parsed, key) for key, it in SETTINGS.items() if it.help})
            settings = make_settings(flags, config)
            version = settings.version
            with _rejects(targets, settings) as write_reject:
                observers.append(write_reject)
                figures = metrics.success(count_signals(paths, settings, count))
            targets.write(figures)
            observe(RunFinished(figures))
            code = 0
        except SystemExit:  # --help
            raise
        except BaseException as error:  # noqa: BLE001 (the last line of defence against tracebacks)
            stopping.finish()
            kind, message, code = _failure(error)
            figures = metrics.failure(version or version_of(config), message)
            failed = RunFailed(kind, message, code, _trace(error) if code == UNEXPECTED else None)
            with contextlib.suppress(OutputError):  # the first failure is the one to tell
                observe(failed)
            with contextlib.suppress(OutputError):
                targets.write(figures)
    if code:
        _say(message)
    return _print(figures, targets.output, code)


def _generate(arguments: Sequence[str], stopping: Stopping) -> int:
    parsed = _generate_parser().parse(arguments)
    try:
        blocks = bars(_whole("--rows", parsed.rows), _whole("--seed", parsed.seed))
    except ValueError as error:
        raise UsageError(str(error)) from error
    if parsed.output != STREAM:
        files.check_writable(Path(parsed.output))
    with files.writing_stdout() if parsed.output == STREAM else files.replacing(Path(parsed.output)) as file:
        for block in blocks:
            stopping.check()
            file.write(block)
    return 0


def _whole(flag: str, text: str) -> int:
    try:
        return whole_number(text)
    except ValueError as error:
        raise UsageError(f"{flag} must be a whole number, found {text!r:.80}") from error


def _places(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Find out where to report a failure, even when the flags make no sense, and what the other words are."""
    parser = _Parser(add_help=False)
    _add_places(parser)
    try:
        known, others = parser.parse_known_args(arguments)
    except UsageError:
        return argparse.Namespace(output=STREAM, log_file=None, config=None, rejects=None), []
    return known, [*others, known.input] if known.input else others


def _config(named: str | None) -> Path | None:
    if named is not None:
        return Path(named)
    return Path(CONFIG) if os.path.lexists(CONFIG) else None


def _inputs(parsed: argparse.Namespace) -> list[str]:
    paths: list[str] = parsed.paths
    if parsed.input and paths and paths != [parsed.input]:
        raise UsageError(f"--input {parsed.input} and {paths[0]} are both named; name all inputs without --input")
    if not paths and not parsed.input:
        raise UsageError("no input is named; give a file, or - for standard input")
    return paths or [parsed.input]


def _rejects(targets: Targets, settings: Settings) -> contextlib.AbstractContextManager[Observer]:
    """Return what writes the rows that are left out, if that was asked for."""
    if targets.rejects is None:
        return contextlib.nullcontext(lambda _: None)
    if settings.on_bad_row != SKIP:
        raise UsageError("--rejects is for the rows that --on-bad-row skip leaves out; add it")
    return writing_rejects(targets.rejects)


def _watcher(progress: str, stack: contextlib.ExitStack) -> Observer:
    """Return what tells a person how the run goes, until the stack is left."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if sys.stderr is None or progress == "never" or (progress == "auto" and not terminal):
        return _say_warnings
    from rich.console import Console  # noqa: PLC0415 (only where there is someone to see it)

    from streamsig.emit.progress import ProgressBar  # noqa: PLC0415

    bar = ProgressBar(Console(stderr=True, force_terminal=True))
    stack.callback(_settle, sys.stderr)
    stack.callback(bar.close)
    return bar


def _say_warnings(event: Event) -> None:
    if isinstance(event, Warned):
        _say(f"warning: {event.message}")


def _failure(error: BaseException) -> tuple[str, str, int]:
    """Return an error's name, its message on one line, and the exit code."""
    kind, message, code = type(error).__name__, str(error), UNEXPECTED
    if isinstance(error, StreamsigError):
        code = error.exit_code
    elif isinstance(error, Interrupted | KeyboardInterrupt):
        message, code = "interrupted before the end; there is no result", INTERRUPTED
    elif isinstance(error, Terminated):
        message, code = "terminated before the end; there is no result", TERMINATED
    elif isinstance(error, MemoryError):
        message = "out of memory; ask for fewer --threads or a smaller --window"
    else:
        message = f"unexpected: {kind}: {message}; this is a bug, please report it with the log"
    return kind, "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(message.split())), code


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _print(figures: dict[str, Any], saved: Path | None, code: int) -> int:
    """Put the figures on standard output; return `code`, or that of losing the figures of a success."""
    lost = _to_stdout(lambda: sys.stdout.write(metrics.to_json(figures)))
    if lost is None or code:
        return code
    _say(f"{_cause(lost)}; the metrics are " + (f"in {saved}" if saved else "lost"))
    return 0 if saved and isinstance(lost, BrokenPipeError) else OutputError.exit_code


def _to_stdout(write: Callable[[], object]) -> OSError | None:
    """Write and flush; return what went wrong, a BrokenPipeError where nobody reads."""
    try:
        if sys.stdout is None:
            return BrokenPipeError()  # closed before we began
        write()
        sys.stdout.flush()
    except OSError as error:
        _leave(sys.stdout)
        return error
    return None


def _cause(error: OSError) -> str:
    if isinstance(error, BrokenPipeError):
        return "standard output is closed"
    return f"standard output cannot be written: {error.strerror or error}"


def _say(message: str) -> None:
    """Tell a person one line on standard error, if there is one."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"streamsig: {message}\n")
        _settle(sys.stderr)


def _settle(stream: TextIO) -> None:
    """Flush a standard stream, or leave it."""
    try:
        stream.flush()
    except (OSError, ValueError):
        _leave(stream)


def _leave(stream: TextIO | None) -> None:
    """Let nothing more go to a standard stream: the interpreter would flush it at exit, and fail."""
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
