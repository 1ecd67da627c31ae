"""What the command line says: flags, settings, inputs."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from streamsig.commands.terminal import cause, to_stdout
from streamsig.config import has_known_keys, nearest
from streamsig.errors import EXIT_CODES, OutputError, UsageError
from streamsig.kinds import YES_NO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.config import Setting

CONFIG = "config.yaml"


class Parser(argparse.ArgumentParser):
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
        lost = to_stdout(lambda: sys.stdout.write(message))
        if lost is not None and not isinstance(lost, BrokenPipeError):
            raise OutputError(cause(lost))

    def error(self, message: str) -> NoReturn:
        """Refuse what was asked for."""
        raise UsageError(f"{message}; see {self.prog} --help")


def add_setting(group: argparse._ArgumentGroup, setting: Setting) -> None:
    """Add the flag of a setting."""
    if setting.kind is YES_NO:
        group.add_argument(
            setting.flag, dest=setting.key, action=argparse.BooleanOptionalAction, help=setting.help, default=None
        )
    else:
        action = "append" if setting.repeats else "store"
        group.add_argument(setting.flag, dest=setting.key, action=action, metavar=setting.metavar, help=setting.help)


def add_input(parser: argparse.ArgumentParser) -> None:
    """Add the flag that names an input."""
    parser.add_argument(
        "--input", action="append", default=[], metavar="INPUT", help="the same, as a flag; can be repeated"
    )


def config_file(named: str | None) -> tuple[Path | None, list[str]]:
    """Return the config file to read, as named, else the usual one where it is there, and notes for a person.

    One that was not named and has no key of ours belongs to another program, and is left alone.
    """
    if named is not None:
        return Path(named), []
    path = Path(CONFIG)
    if not os.path.lexists(path):
        return None, []
    if has_known_keys(path):
        return path, []
    return None, [f"{path} is left alone: it has none of the keys of streamsig; name a config with --config FILE"]


def inputs_of(parsed: argparse.Namespace) -> list[str]:
    """Return the inputs that are named, by flag or without; raises UsageError where none is, or both are."""
    paths, flags = parsed.paths, parsed.input
    if flags and paths and paths != flags:
        raise UsageError(f"--input {flags[0]} and {paths[0]} are both named; name all inputs without --input")
    if not paths and not flags:
        raise UsageError("no input is named; give a file, or - for standard input")
    return [*(paths or flags)]
