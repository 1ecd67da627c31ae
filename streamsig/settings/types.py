"""The kinds of values of settings: which values are allowed, and how the text of a flag is converted."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
from collections.abc import Mapping
from fractions import Fraction
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex, cast

from streamsig.core.signals import ABOVE, COMPARISONS, MAX_FACTOR, Signal

if TYPE_CHECKING:
    from collections.abc import Callable


class Kind(NamedTuple):
    """A kind of value: `allowed` for messages, `accepts` to check a value, `from_text` to convert the text of a flag.

    `plain` converts an accepted value to the type in `Settings`.
    """

    allowed: str
    accepts: Callable[[object], bool]
    from_text: Callable[[str], object]
    plain: Callable[[Any], object] = lambda value: value


def whole_number(text: str) -> int:
    """Parse a whole number such as `20`, `1_000` or `1e8`; raises ValueError."""
    with contextlib.suppress(ValueError):
        return int(text)
    with contextlib.suppress(ValueError, OverflowError):
        number = float(text)
        if number == int(number) and abs(number) < 2**53:
            return int(number)
    raise ValueError(f"not a whole number: {text!r:.80}")


def integer(value: object) -> int | None:
    """Return a whole number, also one of numpy, as an `int`; `None` for a `bool` and for anything else."""
    if isinstance(value, bool):
        return None
    try:
        return index(cast("SupportsIndex", value))
    except TypeError:
        return None


def whole(low: int, high: int, allowed: str) -> Kind:
    """Return the kind of whole numbers from `low` to `high`; `allowed` is its text for messages."""

    def accepts(value: object) -> bool:
        number = integer(value)
        return number is not None and low <= number <= high

    return Kind(allowed, accepts, whole_number, index)


_UNITS = {"": 1, "b": 1, **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)}}
_UNITS |= {f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([a-z]*)", re.IGNORECASE)


def size_bytes(text: str) -> int:
    """Parse a size such as `256MiB`, `1.5 GiB` or `200MB`, or a whole number of bytes; raises ValueError.

    `256M` is refused, as programs do not agree on its value.
    """
    with contextlib.suppress(ValueError):
        return whole_number(text)
    match = _SIZE.fullmatch(text)
    if match is None or match[2].lower() not in _UNITS or ("." in match[1] and match[2].lower() in {"", "b"}):
        raise ValueError(f"not a size: {text!r:.80}")
    return int(Fraction(match[1]) * _UNITS[match[2].lower()])


def _is_size(value: object) -> bool:
    with contextlib.suppress(ValueError):
        return (size_bytes(value) if isinstance(value, str) else integer(value) or 0) >= 1
    return False


def _plain_size(value: int | str) -> int:
    return size_bytes(value) if isinstance(value, str) else index(value)


SIZE = Kind("a size such as 256MiB, 1.5GiB or 200MB, or a whole number of bytes", _is_size, size_bytes, _plain_size)


def _column_of(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() else text


TEXT = Kind('a text, such as "v1"', lambda value: isinstance(value, str) and value != "", str)
PATH = Kind(
    "the path of a file",
    lambda value: isinstance(value, str | os.PathLike) and isinstance(os.fspath(value), str) and os.fspath(value) != "",
    str,
    os.fspath,
)


def _is_column(value: object) -> bool:
    return value != "" if isinstance(value, str) else (integer(value) or 0) >= 1


def _plain_column(value: int | str) -> int | str:
    return value if isinstance(value, str) else index(value)


COLUMN = Kind("a column name, or a field number from 1", _is_column, _column_of, _plain_column)


def _are_columns(value: object) -> bool:
    values = value if isinstance(value, list | tuple) else [value]
    return bool(values) and all(COLUMN.accepts(each) for each in values)


COLUMNS = Kind(
    "one or more column names, or field numbers from 1",
    _are_columns,
    lambda text: [text],
    lambda value: tuple(map(_plain_column, value if isinstance(value, list | tuple) else [value])),
)


def choice(*words: str) -> Kind:
    """Return the kind of these words."""
    return Kind(" or ".join(words), lambda value: value in words, str)


def _delimiter_of(text: str) -> str:
    return {"tab": "\t", "\\t": "\t"}.get(text.lower(), text)


def _thousands_of(text: str) -> str:
    return {"none": "", "space": " "}.get(text.lower(), text)


_NOT_FOR_FILES = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
"""Codecs of Python for domain names and source code; some take quadratic time or always fail."""


def _is_codec(value: object) -> bool:
    try:
        codec = codecs.lookup(value if isinstance(value, str) else "")
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        return False
    # there is no public attribute
    return codec._is_text_encoding and codec.name.replace("-", "_") not in _NOT_FOR_FILES  # noqa: SLF001


def _are_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_text, value))


def _is_text(value: object) -> bool:
    """Return whether a value is a text that UTF-8 can encode; an argument in other bytes has lone surrogates."""
    with contextlib.suppress(UnicodeEncodeError):
        return isinstance(value, str) and value.encode() is not None
    return False


YES_NO = Kind("true or false", lambda value: type(value) is bool, bool)
TEXTS = Kind("a list of texts in UTF-8", _are_texts, lambda text: [text], tuple)
DELIMITER = Kind(
    'one character, or "tab"',
    lambda value: isinstance(value, str) and len(_delimiter_of(value)) == 1,
    _delimiter_of,
    _delimiter_of,
)
THOUSANDS = Kind(
    'one of , . \' "space" or "none"',
    lambda value: isinstance(value, str) and _thousands_of(value) in ("", ",", ".", "'", " "),
    _thousands_of,
    _thousands_of,
)

_MOST_SIGNALS = 1000


def _signal_of_text(text: str) -> dict[str, dict[str, Any]]:
    """Parse `NAME=FAST:SLOW[:COMPARE]`; `_are_signals` refuses the result of a malformed text."""
    name, _, rule = text.partition("=")
    parts = rule.split(":")
    values = [whole_number(part) if place < len(_SIGNAL_NUMBERS) else part for place, part in enumerate(parts)]
    return {name: dict(zip((*_SIGNAL_NUMBERS, "compare", "more"), values, strict=False))}


_SIGNAL_NUMBERS = ("fast", "slow")


def _is_signal(value: object) -> bool:
    if isinstance(value, Signal):
        return True
    if not isinstance(value, Mapping) or not {"slow"} <= set(value) <= {*_SIGNAL_NUMBERS, "compare"}:
        return False
    fast, slow = integer(value.get("fast", 1)) or 0, integer(value["slow"]) or 0
    return fast >= 1 and slow >= 1 and fast * slow <= MAX_FACTOR and value.get("compare", ABOVE) in COMPARISONS


def _are_signals(value: object) -> bool:
    if not isinstance(value, Mapping) or not 1 <= len(value) <= _MOST_SIGNALS:
        return False
    return all(_is_name(name) and _is_signal(each) for name, each in value.items())


def _is_name(value: object) -> bool:
    """Return whether a column of a file can have this name."""
    return value != "" and _is_text(value)


def _plain_signals(value: Mapping[str, Any]) -> tuple[tuple[str, Signal], ...]:
    signals = (each if isinstance(each, Signal) else Signal(**{"fast": 1, **each}) for each in value.values())
    return tuple(zip(value, signals, strict=True))


SIGNALS = Kind(
    f"1 to {_MOST_SIGNALS} names, each with fast and slow (rows, from 1) and compare ({', '.join(COMPARISONS)}),"
    " such as golden_cross: {fast: 50, slow: 200, compare: cross_above}; as a flag golden_cross=50:200:cross_above",
    _are_signals,
    _signal_of_text,
    _plain_signals,
)
CODEC = Kind("the name of a text encoding, such as utf-8, utf-16 or cp1252", _is_codec, str)
