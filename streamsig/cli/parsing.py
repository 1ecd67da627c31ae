"""Parses the command line: flags, settings, inputs."""

from __future__ import annotations

import argparse
import functools
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from streamsig.cli.terminal import write_stdout
from streamsig.errors import UsageError
from streamsig.settings.config_file import DEFAULT as CONFIG
from streamsig.settings.settings import INPUT, LAYOUT, LIMITS, OUTPUT, SERIES, SETTINGS, nearest
from streamsig.settings.types import NOT_ALLOWED, YES_NO

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamsig.settings.settings import Setting
    from streamsig.settings.types import Kind

_GROUPS = (INPUT, LAYOUT, SERIES, OUTPUT, LIMITS)


class Parser(argparse.ArgumentParser):
    """Accepts only whole names of flags, and raises UsageError where argparse would print and exit."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 (argparse's own)
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def parse_known_args(  # type: ignore[override]  # argparse has overloads for namespaces of other classes
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, with texts such as `-99,9` as the value of the flag before; raises UsageError for unknown flags."""
        given = self._with_values(sys.argv[1:] if args is None else args)
        parsed, unknown = super().parse_known_args(given, namespace)
        for text in unknown:
            if text.startswith("-"):
                name = text.partition("=")[0]
                self.error(f"unknown flag {name}{nearest(name, self._option_string_actions)}")
        if unknown:
            self.error(f"one argument too many: {unknown[0]}")
        return parsed, []

    def _with_values(self, arguments: Sequence[str]) -> list[str]:
        """Join flags with values that argparse would mistake for flags."""
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
        """Return whether a text that begins with a dash is a value, and not a flag or a mistyped one."""
        return text.startswith("-") and not text[2:3].isalpha() and text not in self._option_string_actions

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:  # noqa: ANN401 (argparse's own)
        # argparse drops a value that is --
        return "--" if action.option_strings and arg_strings == ["--"] else super()._get_values(action, arg_strings)

    def _print_message(self, message: str, file: Any = None) -> None:  # noqa: ANN401, ARG002 (argparse's own)
        write_stdout([message])

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message}; see {self.prog} --help")


def add_flags(parser: Parser, settings: Iterable[str]) -> dict[str, argparse._ArgumentGroup]:
    """Add inputs, `--config` and the flags of settings, in groups; return the groups for further flags."""
    groups = {name: parser.add_argument_group(name) for name in _GROUPS}
    add = groups[INPUT].add_argument
    add("paths", nargs="*", metavar="INPUT", help="Read files (plain or compressed), globs, folders, or - for a pipe.")
    add("--input", action="append", default=[], metavar="INPUT", help="Name an input with a flag; can be repeated.")
    add("--config", metavar="FILE", help=f"Read settings from a YAML file (default: {CONFIG}, if it has any).")
    for key in settings:
        _add_setting(groups[SETTINGS[key].group], SETTINGS[key])
    return groups


def _add_setting(group: argparse._ArgumentGroup, setting: Setting) -> None:
    add = functools.partial(group.add_argument, setting.flag, dest=setting.key, help=setting.help)
    if setting.kind is YES_NO:
        add(action=argparse.BooleanOptionalAction, default=None)
    else:
        action = "extend" if setting.repeats else "store"
        add(action=action, metavar=setting.metavar, type=functools.partial(value_of, setting.flag, setting.kind))


def value_of(flag: str, kind: Kind, text: str) -> object:
    """Return the value of the text of a flag; raises UsageError."""
    try:
        return kind.convert(kind.from_text(text))
    except NOT_ALLOWED as error:
        raise UsageError(f"{flag} must be {kind.allowed}, found {text!r:.80}") from error


def examples(*lines: str) -> str:
    """Return the examples at the end of a help text."""
    return "examples:\n" + "\n".join(f"  {line}" for line in lines)


def inputs_of(parsed: argparse.Namespace) -> list[str]:
    """Return the named inputs, from `--input` or from arguments; raises UsageError for none, or for both."""
    paths, flags = parsed.paths, parsed.input
    if flags and paths and paths != flags:
        raise UsageError(f"--input {flags[0]} and {paths[0]} are both named; name all inputs without --input")
    if not paths and not flags:
        raise UsageError("no input is named; give a file, or - for standard input")
    return [*(paths or flags)]


def settings_of(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that flags set; raises UsageError."""
    given = {key: it for key, it in vars(parsed).items() if key in SETTINGS and it is not None}
    names = [name for name, _ in given.get("signals", ())]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--signal {name} is there twice; give each a name of its own")
    return {key: tuple(it) if SETTINGS[key].repeats else it for key, it in given.items()}
