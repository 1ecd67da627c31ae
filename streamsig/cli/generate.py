"""`streamsig generate`: write generated bars as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamsig import files
from streamsig.cli.parsing import Parser, examples
from streamsig.cli.targets import STREAM
from streamsig.errors import UsageError
from streamsig.settings.types import whole_number

if TYPE_CHECKING:
    import argparse

    from streamsig.stopping import Stopping


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "generate",
        help="write realistic one-minute bars as CSV",
        description="Write one-minute bars as CSV, in constant memory. The same seed gives the same bytes.",
        epilog=examples(
            "streamsig generate --rows 1e6 --output prices.csv",
            "streamsig generate --rows 1e6 --symbols 100 --output symbols.csv",
            "streamsig generate --rows 1e8 | streamsig run -",
        ),
    )
    parser.add_argument("--rows", default="10000", metavar="N", help="Write N rows, such as 1e8 (default 10000).")
    parser.add_argument("--seed", default="42", metavar="N", help="Seed the random numbers with N (default 42).")
    parser.add_argument("--symbols", metavar="N", help="Write a bar a minute for each of N symbols (default: none).")
    parser.add_argument("--output", default=STREAM, metavar="FILE", help="Write to FILE (default -: standard output).")
    parser.set_defaults(run=generate)


def generate(parsed: argparse.Namespace, stopping: Stopping) -> int:
    """Write bars; return the exit code."""
    from streamsig.generate import bars  # noqa: PLC0415 (imports numpy.random)

    stopping.raise_at_once()
    try:
        symbols = None if parsed.symbols is None else _whole("--symbols", parsed.symbols)
        blocks = bars(_whole("--rows", parsed.rows), _whole("--seed", parsed.seed), symbols=symbols)
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
