"""`streamsig generate`: bars as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamsig import files
from streamsig.cli.parsing import Parser
from streamsig.errors import UsageError
from streamsig.generate import bars
from streamsig.setting_types import whole_number
from streamsig.sinks.targets import STREAM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.stopping import Stopping


def generate(arguments: Sequence[str], stopping: Stopping) -> int:
    """Write bars; return the exit code."""
    parsed = _parser().parse(arguments)
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


def _parser() -> Parser:
    parser = Parser(
        prog="streamsig generate",
        description="Write one-minute bars as CSV, in constant memory. The same seed gives the same bytes.",
    )
    parser.add_argument("--rows", default="10000", metavar="N", help="rows, such as 10000 or 1e8 (default 10000)")
    parser.add_argument("--seed", default="42", metavar="N", help="seed of the random numbers (default 42)")
    parser.add_argument("--symbols", metavar="N", help="a bar a minute for each of N symbols (default: no symbols)")
    parser.add_argument("--output", default=STREAM, metavar="FILE", help="write here (default -: standard output)")
    return parser


def _whole(flag: str, text: str) -> int:
    try:
        return whole_number(text)
    except ValueError as error:
        raise UsageError(f"{flag} must be a whole number, found {text!r:.80}") from error
