"""`streamsig help`: print a page of the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamsig.cli.parsing import Parser, examples
from streamsig.cli.terminal import write_stdout

if TYPE_CHECKING:
    import argparse

    from streamsig.stopping import Stopping

TOPICS = {
    "settings": ("reference/settings.md", "every flag and config key"),
    "inspect": ("reference/inspect.md", "what inspect shows, as a table and as JSON"),
    "layouts": ("reference/layouts.md", "which files are understood, and how"),
    "metrics": ("reference/metrics.md", "the keys of the result"),
    "log": ("reference/log.md", "the events of the log"),
    "groups": ("reference/groups.md", "one series for each symbol"),
    "rows": ("reference/rows.md", "each row with its signals, as a file"),
    "exit-codes": ("reference/exit-codes.md", "what the exit codes mean"),
    "python": ("reference/python.md", "the functions and classes of the package"),
    "memory": ("explanation/memory.md", "how much memory a run takes"),
    "reliability": ("explanation/reliability.md", "checkpoints, kills and full disks"),
}
"""The pages of docs/ in a wheel (pyproject.toml), and their descriptions, by topic."""

_PACKAGE = Path(__file__).parent.parent
_FOLDERS = (_PACKAGE / "help", _PACKAGE.parent / "docs")
"""The folders of pages in an installed wheel and in the repository."""


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    topics = "\n".join(f"  {topic:<13}{what}" for topic, (_, what) in TOPICS.items())
    parser = commands.add_parser(
        "help",
        help="print a page of the documentation",
        description="Print a page of the documentation.",
        epilog=f"topics:\n{topics}\n\n{examples('streamsig help layouts', 'streamsig help exit-codes | less')}",
    )
    parser.add_argument("topic", nargs="?", choices=TOPICS, metavar="TOPIC", help="Print this page.")
    parser.set_defaults(run=help_, parser=parser)


def help_(parsed: argparse.Namespace, stopping: Stopping) -> int:
    """Print a page, or the topics; return the exit code."""
    stopping.raise_at_once()
    write_stdout([page(parsed.topic) if parsed.topic else parsed.parser.format_help()])
    return 0


def page(topic: str) -> str:
    """Return the text of a page, without the comments that mark its generated parts."""
    name = TOPICS[topic][0]
    path = next(path for folder in _FOLDERS if (path := folder / name).exists())
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("<!-- "))
