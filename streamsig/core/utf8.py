r"""The one rule for text that leaves the program: it is UTF-8, and bytes that are not are written as `\xNN`.

It holds for metrics, logs, messages, rows and rejected rows, and for what `scan` returns.
"""

from __future__ import annotations

import re
from typing import Any

_ESCAPED = re.compile("[\udc80-\udcff]")
"""Bytes of a path or a flag that are not UTF-8, as Python has them in a text (PEP 383)."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def from_bytes(raw: bytes) -> str:
    """Return a text of an input."""
    return raw.decode("utf-8", "backslashreplace")


def from_str(text: str) -> str:
    """Return a text that may hold a path, a flag or a setting; what is UTF-8 comes back unchanged."""
    if text.isascii():
        return text
    text = _ESCAPED.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", text)
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def in_json(value: Any) -> Any:  # noqa: ANN401 (whatever JSON has)
    """Return the same value with all its texts, and keys, in UTF-8."""
    if isinstance(value, str):
        return from_str(value)
    if isinstance(value, dict):
        return {in_json(key): in_json(each) for key, each in value.items()}
    return [in_json(each) for each in value] if isinstance(value, list | tuple) else value
