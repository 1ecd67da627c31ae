"""Replaces settings in messages by flags.

Outside the command line, a message names a setting in backticks in the form of Python: `column`, `column=3`,
`skip_lines=2, header=False`, or `column=NAME` for a value that the reader chooses. The command line shows flags.
"""

from __future__ import annotations

import ast
import re
import shlex

from streamsig.settings.settings import SETTINGS
from streamsig.settings.types import YES_NO

_TEXT = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_VALUE = rf"""{_TEXT}|\[(?:(?:{_TEXT})(?:, )?)*\]|[\w-]+"""
_ONE = rf"({'|'.join(SETTINGS)})(?:=({_VALUE}))?"
_NAMED = rf"`({_ONE}(?:, {_ONE})*)`"


def with_flags(message: str) -> str:
    """Return a message with flags in place of settings: `--column 3` for `column=3`."""
    return re.sub(_NAMED, lambda match: " ".join(_flag(*each) for each in re.findall(_ONE, match[1])), message)


def _flag(key: str, value: str) -> str:
    setting = SETTINGS[key]
    try:
        plain = ast.literal_eval(value)
    except (SyntaxError, ValueError):  # none, or a placeholder such as NAME
        return f"{setting.flag} {value}".rstrip()
    if setting.kind is YES_NO:
        return setting.flag if plain else setting.flag.replace("--", "--no-", 1)
    values = plain if isinstance(plain, list) else [plain]
    return " ".join(f"{setting.flag} {shlex.quote(str(each))}" for each in values)
