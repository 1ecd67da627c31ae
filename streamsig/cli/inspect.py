"""`streamsig inspect`: show how `run` would read an input, and why."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from streamsig.cli.advice import with_flags
from streamsig.cli.parsing import Parser, add_flags, examples, inputs_of, settings_of
from streamsig.cli.terminal import say, say_if_waiting, write_stdout
from streamsig.settings.config_file import find_config, read_config
from streamsig.settings.settings import LAYOUT, OUTPUT, SETTINGS, combine
from streamsig.sinks.printable import printable
from streamsig.sources.raw_input import STDIN

if TYPE_CHECKING:
    import argparse

    from streamsig.engine.inspection import Inspection
    from streamsig.stopping import Stopping


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "inspect",
        help="show how run would read a file, and why",
        description="Show how run would read an input, and why. Only the beginning of the input is read.",
        usage="streamsig inspect [FLAG ...] INPUT ...",
        epilog=examples(
            "streamsig inspect prices.csv",
            "streamsig inspect --column NAV 'funds/*.csv'",
            "streamsig inspect --json prices.csv | jq .inputs[0].close",
        ),
    )
    of_layout = (key for key, setting in SETTINGS.items() if setting.group == LAYOUT)
    groups = add_flags(parser, (*of_layout, "order", "group_by"))
    groups[OUTPUT].add_argument("--json", action="store_true", help="Print JSON, for programs.")
    parser.set_defaults(run=inspect)


def inspect(parsed: argparse.Namespace, stopping: Stopping) -> int:
    """Show each input; return 0, or the exit code of `run` for the first input that it would refuse."""
    paths, flags = inputs_of(parsed), settings_of(parsed)
    config, notes = find_config(parsed.config)
    settings = combine(flags, read_config(config) if config else None)
    for message in notes:
        _warn(message)
    if STDIN in paths:
        say_if_waiting()
    # slow to import, and not needed by other commands
    from streamsig.cli.layout_report import is_alike, to_json, to_table  # noqa: PLC0415
    from streamsig.engine.inspection import inspect_inputs  # noqa: PLC0415

    stopping.raise_at_once()
    seen, code, was_alike = [], 0, False
    terminal = sys.stdout is not None and sys.stdout.isatty()
    for each in inspect_inputs(paths, settings, _warn):
        stopping.check()
        inspection = _with_flags(each)
        if inspection["error"] is not None:
            code = code or inspection["error"]["exit_code"]
        if parsed.json:
            seen.append(inspection)
        else:
            width = shutil.get_terminal_size().columns
            alike = bool(seen) and is_alike(inspection, seen[-1])
            gap = "\n" if seen and not (alike and was_alike) else ""
            write_stdout([gap, to_table(inspection, width, colour=terminal, is_like_before=alike)])
            seen[:], was_alike = [inspection], alike
        if inspection["error"] is not None and not (terminal and not parsed.json):
            say(printable(" ".join(inspection["error"]["message"].split())))
    if parsed.json:
        write_stdout([to_json(seen)])
    return code


def _with_flags(inspection: Inspection) -> Inspection:
    """Return an inspection with flags in its messages."""
    error = inspection["error"] and {**inspection["error"], "message": with_flags(inspection["error"]["message"])}
    reasons = {what: with_flags(why) for what, why in inspection["reasons"].items()}
    return {**inspection, "error": error, "reasons": reasons, "warnings": [*map(with_flags, inspection["warnings"])]}


def _warn(message: str) -> None:
    say(f"warning: {with_flags(message)}")
