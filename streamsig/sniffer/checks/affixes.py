"""Texts around the numbers of a column, and a command that removes them."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from streamsig.fields.cells import Kind, kind, kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NUMBER = r"[-+]?[.,]?[0-9](?:[0-9.,' ]*[0-9])?"
# a minus or parentheses around a number are its sign
_AFFIXED = rf"(?P<before>[^0-9()+-]*?)(?P<number>{_NUMBER}|\({_NUMBER}\))(?P<after>[^0-9()+-]*)"
_SPECIAL = r"[\\.*\[\]^$/]"
_LONGEST = 64


class Affixes(NamedTuple):
    """The texts before and after a number."""

    before: str
    after: str


def affixes(text: str) -> Affixes | None:
    """Return the texts around a number, `None` where a text has no number or nothing around it."""
    match = re.fullmatch(_AFFIXED, text.strip()) if len(text) <= _LONGEST else None
    if match is None or not (match["before"] or match["after"]) or kind(match["number"].strip("()")) is not Kind.NUMBER:
        return None
    return Affixes(match["before"], match["after"])


def advice_on_affixes(texts: Sequence[str], cells: Iterable[str] | None) -> str | None:
    """Return how to get plain numbers from texts that have other texts around them, `None` for other texts.

    `cells` are those of the file that a command must not damage; without them no command is named.
    """
    each = {affixes(text) for text in texts}
    first = next(iter(each))
    if None in each or first is None:
        return None
    if len(each) > 1:
        return "write the file again with plain numbers"
    what = " and ".join(repr(part) for part in first if part)
    command = None if cells is None else _command(first, cells)
    return f"remove {what} first" + (f": {command}" if command else "")


def _command(around: Affixes, cells: Iterable[str]) -> str | None:
    """Return a command that removes texts next to digits, `None` where it would change other cells, too."""
    joined = around.before + around.after
    if not (joined.isascii() and joined.isprintable()) or any(mark in joined for mark in '",;|'):
        return None
    parts = []
    if around.before:
        parts.append((rf"{re.escape(around.before)}([-+.(0-9])", rf"s/{_escaped(around.before)}\([-+.(0-9]\)/\1/g"))
    if around.after:
        parts.append((rf"([0-9)]){re.escape(around.after)}", rf"s/\([0-9)]\){_escaped(around.after)}/\1/g"))
    before = list(cells)
    after = before
    for pattern, _ in parts:
        after = [re.sub(pattern, r"\1", cell) for cell in after]
    changed = [new for old, new in zip(before, after, strict=True) if new != old]
    if any(look is not Kind.NUMBER for look in kinds(changed)):
        return None
    return f"sed {shlex.quote(';'.join(script for _, script in parts))} FILE | streamsig run -"


def _escaped(text: str) -> str:
    return re.sub(_SPECIAL, r"\\\g<0>", text)
