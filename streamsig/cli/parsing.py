"""What the command line says: flags, settings, inputs."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from streamsig.cli.terminal import cause, to_stdout
from streamsig.config import has_known_keys, nearest
from streamsig.errors import EXIT_CODES, OutputError, UsageError
from streamsig.setting_types import YES_NO

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
        """Return the parsed arguments; raises UsageError for unknown ones."""
        parsed, unknown = self.parse_known_args(arguments)
        for text in unknown:
            if text.startswith("-"):
                name = text.partition("=")[0]
                self.error(f"unknown flag {name}{nearest(name, self._option_string_actions)}")
        if unknown:
            self.error(f"one argument too many: {unknown[0]}")
        return parsed

    def parse_known_args(  # type: ignore[override]  # argparse has overloads for namespaces of other classes
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse a value that begins with a dash, such as `-99,9`, as the value of the flag in front of it."""
        return super().parse_known_args(self._with_values(sys.argv[1:] if args is None else args), namespace)

    def _with_values(self, arguments: Sequence[str]) -> list[str]:
        """Join flags with values that argparse would take for flags."""
        joined: list[str] = []
        left = iter(arguments)
        for text in left:
            joined.append(text)
            if text == "--":
                break
            action = self._option_string_actions.get(text)
            if action is None or action.nargs is not None:
                continue
            value = next(left, None)
            if value is not None and self._is_dashed_value(value):
                joined[-1] = f"{text}={value}"
            elif value is not None:
                joined.append(value)
        return [*joined, *left]

    def _is_dashed_value(self, text: str) -> bool:
        """Tell whether a text that begins with a dash is a value, and not even a mistyped flag."""
        return text.startswith("-") and not text[2:3].isalpha() and text not in self._option_string_actions

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:  # noqa: ANN401 (argparse's own)
        # argparse drops a value that is --
        return "--" if action.option_strings and arg_strings == ["--"] else super()._get_values(action, arg_strings)

    def _print_message(self, message: str, file: Any = None) -> None:  # noqa: ANN401, ARG002 (argparse's own)
        lost = to_stdout(lambda: sys.stdout.write(message))
        if lost is not None and not isinstance(lost, BrokenPipeError):
            raise OutputError(cause(lost))

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
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
        "--input", action="append", default=[], metavar="INPUT", help="name an input with a flag; can be repeated"
    )


def config_file(named: str | None) -> tuple[Path | None, list[str]]:
    """Return the config file to read, as named or else the default one if it exists, and notes for a person.

    A default one without any known key belongs to another program and is not read.
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
    """Return the named inputs, from `--input` or from arguments; raises UsageError for none, or for both."""
    paths, flags = parsed.paths, parsed.input
    if flags and paths and paths != flags:
        raise UsageError(f"--input {flags[0]} and {paths[0]} are both named; name all inputs without --input")
    if not paths and not flags:
        raise UsageError("no input is named; give a file, or - for standard input")
    return [*(paths or flags)]
