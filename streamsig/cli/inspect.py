"""`streamsig inspect`: show how `run` would read an input, and why."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from streamsig.cli.parsing import CONFIG, Parser, add_input, add_setting, config_file, inputs_of
from streamsig.cli.terminal import cause, say, say_if_waiting, to_stdout
from streamsig.config import SETTINGS, make_settings, values_of_flags
from streamsig.errors import OutputError
from streamsig.sinks.printable import printable
from streamsig.sources.streams import STDIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.stopping import Stopping

LAYOUT = (
    "column",
    "delimiter",
    "header",
    "skip_lines",
    "encoding",
    "decimal",
    "thousands",
    "missing",
    "order",
    "group_by",
)
"""The settings that reading depends on."""


def inspect(arguments: Sequence[str], stopping: Stopping) -> int:
    """Show each input; return 0, or the exit code of `run` for the first input that it would refuse."""
    parsed = _parser().parse(arguments)
    paths = inputs_of(parsed)
    flags = values_of_flags({key: getattr(parsed, key) for key in LAYOUT})
    config, notes = config_file(parsed.config)
    settings = make_settings(flags, config)
    for message in notes:
        _warn(message)
    if STDIN in paths:
        say_if_waiting()
    # slow to import, and not needed by other commands
    from streamsig.engine.inspection import inspect_inputs  # noqa: PLC0415
    from streamsig.sinks.layout_report import to_json, to_table  # noqa: PLC0415

    seen, code = [], 0
    terminal = sys.stdout is not None and sys.stdout.isatty()
    for found in inspect_inputs(paths, settings, _warn):
        stopping.check()
        if found["error"] is not None:
            code = code or found["error"]["exit_code"]
        if parsed.json:
            seen.append(found)
        else:
            width = shutil.get_terminal_size().columns
            _put(("\n" if seen else "") + to_table(found, width, colour=terminal))
            seen[:] = [found]
        if found["error"] is not None and not (terminal and not parsed.json):
            say(printable(" ".join(found["error"]["message"].split())))
    if parsed.json:
        _put(to_json(seen))
    return code


def _warn(message: str) -> None:
    say(f"warning: {message}")


def _put(text: str) -> None:
    # a character that the terminal cannot encode is replaced
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    lost = to_stdout(lambda: sys.stdout.write(text.encode(encoding, "replace").decode(encoding)))
    if isinstance(lost, BrokenPipeError):
        raise lost
    if lost is not None:
        raise OutputError(cause(lost))


def _parser() -> Parser:
    parser = Parser(
        prog="streamsig inspect",
        description="Show how run would read an input, and why. Only the beginning of the input is read.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="INPUT",
        help="price files (plain or compressed), globs or folders; -: standard input",
    )
    add_input(parser)
    parser.add_argument("--config", metavar="FILE", help=f"YAML with settings (default: {CONFIG}, if it has any)")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    group = parser.add_argument_group("settings", "as for run; also keys of the config file, which flags override")
    for key in LAYOUT:
        add_setting(group, SETTINGS[key])
    return parser
