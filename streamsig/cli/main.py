"""The command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from streamsig._version import __version__
from streamsig.cli import generate, help, inspect, run  # noqa: A004 (the name of the command)
from streamsig.cli.parsing import Parser, examples
from streamsig.cli.terminal import failure, leave, say
from streamsig.errors import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.stopping import Stopping

_COMMANDS = (run, inspect, generate, help)


def main(arguments: Sequence[str], stopping: Stopping) -> int:
    """Run the command line; return the exit code."""
    try:
        parsed = commands()[0].parse_args(arguments)
        return int(parsed.run(parsed, stopping))
    except SystemExit:  # --help and --version
        return 0
    except BrokenPipeError:
        leave(sys.stdout)
        return 0
    except BaseException as error:  # noqa: BLE001 (no traceback reaches the user)
        stopping.finish()
        _, message, code = failure(error)
        say(message)
        # invalid flags leave all files unchanged, but every run prints metrics
        return run.print_failure(message, code) if arguments[:1] == ["run"] else code


def commands() -> tuple[Parser, dict[str, Parser]]:
    """Return the parser of the command line, and the parsers of the commands by name."""
    parser = Parser(
        prog="streamsig",
        description="Count exactly on how many rows of a price file the close is above its mean.",
        epilog="exit codes:\n"
        + "\n".join(f"  {code:<4}{meaning}" for code, meaning in EXIT_CODES.items())
        + "\n\n"
        + examples("streamsig run prices.csv", "streamsig inspect prices.csv", "streamsig help layouts"),
    )
    parser.add_argument("--version", action="version", version=f"streamsig {__version__}")
    named = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(named)
    return parser, named.choices
