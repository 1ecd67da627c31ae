"""The kinds of values of settings: which values are allowed, and how they are converted."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
from collections.abc import Mapping
from decimal import Decimal
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.core.signals import COMPARISONS, Signal

if TYPE_CHECKING:
    from collections.abc import Callable


class Kind(NamedTuple):
    """A kind of value: `allowed` is for messages, `convert` returns a value as `Settings` has it.

    `from_text` turns the text of a flag into a value for `convert`. Both raise one of `NOT_ALLOWED` for other values.
    """

    allowed: str
    convert: Callable[[Any], object]
    from_text: Callable[[str], object] = str


NOT_ALLOWED = (TypeError, ValueError, LookupError)


def _require(condition: object) -> None:
    if not condition:
        raise ValueError


def whole_number(text: str) -> int:
    """Parse a whole number such as `20`, `1_000` or `1e8`; raises ValueError."""
    with contextlib.suppress(ValueError):
        return int(text)
    with contextlib.suppress(ValueError, OverflowError):
        number = float(text)
        if number == int(number) and abs(number) < 2**53:
            return int(number)
    raise ValueError(f"not a whole number: {text!r:.80}")


def _integer(value: Any, low: int, high: int | None = None) -> int:  # noqa: ANN401 (also numpy's integers)
    _require(not isinstance(value, bool))
    number = index(value)
    _require(low <= number and (high is None or number <= high))
    return number


def integer_kind(low: int, high: int, allowed: str) -> Kind:
    """Return the kind of whole numbers from `low` to `high`; `allowed` is its text for messages."""
    return Kind(allowed, lambda value: _integer(value, low, high), whole_number)


def choice(*words: str) -> Kind:
    """Return the kind of these words."""
    return Kind(" or ".join(words), lambda value: words[words.index(value)])


def _yes_no(value: object) -> object:
    _require(isinstance(value, bool))
    return value


def _text(value: str) -> str:
    """Return a text that UTF-8 can encode; an argument in other bytes has lone surrogates."""
    _require(isinstance(value, str))
    value.encode()
    return value


def _name(value: str) -> str:
    _require(value)
    return _text(value)


def _texts(value: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    _require(isinstance(value, list | tuple))
    return tuple(map(_text, value))


def _path(value: str | os.PathLike[str]) -> str:
    path = os.fspath(value)
    _require(isinstance(path, str) and path)
    return path


def _column(value: object) -> str | int:
    if not isinstance(value, str):
        return _integer(value, 1)
    _require(value)
    return value


def _column_of_text(text: str) -> str | int:
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else text


def _columns(value: object) -> tuple[str | int, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    _require(values)
    return tuple(map(_column, values))


def _delimiter(value: str) -> str:
    character = {"tab": "\t", "\\t": "\t"}.get(value.lower(), value) if isinstance(value, str) else ""
    _require(len(character) == 1 and character.isascii() and not character.isalnum() and character not in '"\r\n')
    return character


def _thousands(value: str) -> str:
    separator = {"none": "", "space": " "}.get(value.lower(), value) if isinstance(value, str) else value
    _require(separator in ("", ",", ".", "'", " "))
    return separator


_NOT_FOR_FILES = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
"""Codecs of Python for domain names and source code; some take quadratic time or always fail."""


def _codec(name: str) -> str:
    codec = codecs.lookup(name)
    # there is no public attribute
    _require(codec._is_text_encoding and codec.name.replace("-", "_") not in _NOT_FOR_FILES)  # noqa: SLF001
    return name


_SIZE = r"([0-9]+(?:\.[0-9]+)?) ?([a-z]*)"
_UNITS = {"": 1, "b": 1, **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)}}
_UNITS |= {f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)}


def _size(value: object) -> int:
    """Return a size such as `256MiB`, `1.5 GiB` or `200MB`, or a whole number, in bytes.

    `256M` is refused, as programs do not agree on its value.
    """
    if not isinstance(value, str):
        return _integer(value, 1)
    match = re.fullmatch(_SIZE, value.lower())
    if match is None:
        return _integer(whole_number(value), 1)
    number, unit = match.groups()
    _require("." not in number or unit not in {"", "b"})
    return _integer(int(Decimal(number) * _UNITS[unit]), 1)


_MAX_SIGNALS = 1000


def _signals_of_text(text: str) -> dict[str, dict[str, Any]]:
    """Parse `NAME=FAST:SLOW[:COMPARE]`."""
    name, _, rule = text.partition("=")
    fast, slow, *compare = rule.split(":")
    keys = zip(("compare", "more"), compare, strict=False)
    return {name: {"fast": whole_number(fast), "slow": whole_number(slow), **dict(keys)}}


def _signal(value: Signal | Mapping[str, Any]) -> Signal:
    if isinstance(value, Signal):
        return value
    _require(isinstance(value, Mapping) and not any(isinstance(each, bool) for each in value.values()))
    return Signal(**{"fast": 1, **value})


def _signals(value: Mapping[str, Any]) -> tuple[tuple[str, Signal], ...]:
    _require(isinstance(value, Mapping) and 1 <= len(value) <= _MAX_SIGNALS)
    return tuple((_name(name), _signal(each)) for name, each in value.items())


TEXT = Kind('a text, such as "v1"', _name)
PATH = Kind("the path of a file", _path)
SIZE = Kind("a size such as 256MiB, 1.5GiB or 200MB, or a whole number of bytes", _size)
YES_NO = Kind("true or false", _yes_no, bool)
TEXTS = Kind("a list of texts in UTF-8", _texts, lambda text: [text])
COLUMN = Kind("a column name, or a field number from 1", _column, _column_of_text)
COLUMNS = Kind("one or more column names, or field numbers from 1", _columns)
DELIMITER = Kind('one ASCII character that is not a letter, a digit or a quote, or "tab"', _delimiter)
THOUSANDS = Kind('one of , . \' "space" or "none"', _thousands)
CODEC = Kind("the name of a text encoding, such as utf-8, utf-16 or cp1252", _codec)
SIGNALS = Kind(
    f"1 to {_MAX_SIGNALS} names, each with fast and slow (rows, from 1) and compare ({', '.join(COMPARISONS)}),"
    " such as golden_cross: {fast: 50, slow: 200, compare: cross_above}; as a flag golden_cross=50:200:cross_above",
    _signals,
    _signals_of_text,
)
