r"""The rule for all text that leaves the program: it is UTF-8, and bytes that are not valid become `\xNN`.

It applies to metrics, logs, messages, rows and rejected rows, and for what `scan` returns.
"""

from __future__ import annotations

import re

_ESCAPED = re.compile("[\udc80-\udcff]")
"""Bytes of a path or a flag that are not UTF-8, as Python represents them (PEP 383)."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def from_bytes(raw: bytes) -> str:
    """Return bytes of an input as text."""
    return raw.decode("utf-8", "backslashreplace")


def from_str(text: str) -> str:
    """Return text that may come from a path, a flag or a setting with its surrogates escaped."""
    if text.isascii():
        return text
    text = _ESCAPED.sub(lambda match: f"\\x{ord(match[0]) & 0xFF:02x}", text)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def in_json(value: object) -> object:
    """Return the same value with all strings, keys included, in UTF-8."""
    if isinstance(value, str):
        return from_str(value)
    if isinstance(value, dict):
        return {in_json(key): in_json(each) for key, each in value.items()}
    return [in_json(each) for each in value] if isinstance(value, list | tuple) else value
