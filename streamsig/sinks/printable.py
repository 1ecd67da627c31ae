"""Escapes text from files and system messages for a terminal."""

from __future__ import annotations

from streamsig.core import utf8


def printable(text: str, keep: str = "") -> str:
    """Return a text with characters that are not printable, such as escape sequences and line ends, escaped.

    Characters in `keep` are unchanged.
    """
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in utf8.from_str(text))
