"""Text from files and system messages, made fit for a terminal."""

from __future__ import annotations

from streamsig.core import utf8


def printable(text: str, keep: str = "") -> str:
    """Return a text with everything that is not printable, such as escape sequences and line ends, written out.

    What is in `keep` stays as it is.
    """
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in utf8.from_str(text))
