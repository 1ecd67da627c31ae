"""The command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from streamsig._version import __version__
from streamsig.cli.generate import generate
from streamsig.cli.inspect import inspect
from streamsig.cli.parsing import Parser
from streamsig.cli.run import run
from streamsig.cli.terminal import failure, leave, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.stopping import Stopping


def main(arguments: Sequence[str], stopping: Stopping) -> int:
    """Run the command line; return the exit code."""
    try:
        if arguments[:1] == ["run"]:
            return run(arguments[1:], stopping)
        stopping.begin()
        if arguments[:1] == ["generate"]:
            return generate(arguments[1:], stopping)
        if arguments[:1] == ["inspect"]:
            return inspect(arguments[1:], stopping)
        _parser().parse(arguments)
    except SystemExit:  # --help and --version
        return 0
    except BrokenPipeError:
        leave(sys.stdout)
    except BaseException as error:  # noqa: BLE001 (the last line of defence against tracebacks)
        stopping.finish()
        _, message, code = failure(error)
        say(message)
        return code
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="streamsig",
        description="Count exactly on how many rows of a price file the close is above its mean.",
    )
    parser.add_argument("--version", action="version", version=f"streamsig {__version__}")
    # for help and refusals only: main() hands what follows a command to a parser of its own
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="count the signal over a file or a pipe", add_help=False)
    commands.add_parser("inspect", help="show how run would read a file, and why", add_help=False)
    commands.add_parser("generate", help="write realistic one-minute bars as CSV", add_help=False)
    return parser
