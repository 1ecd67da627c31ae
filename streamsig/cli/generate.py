"""`streamsig generate`: write generated bars as CSV."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from streamsig import files
from streamsig.cli.parsing import Parser, examples, value_of
from streamsig.cli.targets import STREAM
from streamsig.errors import UsageError
from streamsig.settings.types import integer_kind

if TYPE_CHECKING:
    import argparse

    from streamsig.stopping import Stopping


_NUMBER = integer_kind(-(2**63), 2**63, "a whole number")


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
    for flag, default, text in (
        ("--rows", 10_000, "Write N rows, such as 1e8 (default 10000)."),
        ("--seed", 42, "Seed the random numbers with N (default 42)."),
        ("--symbols", None, "Write a bar a minute for each of N symbols (default: none)."),
    ):
        parser.add_argument(flag, default=default, metavar="N", help=text, type=partial(value_of, flag, _NUMBER))
    parser.add_argument("--output", default=STREAM, metavar="FILE", help="Write to FILE (default -: standard output).")
    parser.set_defaults(run=generate)


def generate(parsed: argparse.Namespace, stopping: Stopping) -> int:
    """Write bars; return the exit code."""
    from streamsig.generate import bars  # noqa: PLC0415 (imports numpy.random)

    stopping.raise_at_once()
    try:
        blocks = bars(parsed.rows, parsed.seed, symbols=parsed.symbols)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if parsed.output != STREAM:
        files.check_writable(Path(parsed.output))
    with files.writing_stdout() if parsed.output == STREAM else files.replacing(Path(parsed.output)) as file:
        for block in blocks:
            stopping.check()
            file.write(block)
    return 0
