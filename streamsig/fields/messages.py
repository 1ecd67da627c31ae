"""How messages show the texts and the columns of a file."""

from __future__ import annotations

_SHOWN = 40


def one_line(text: str) -> str:
    """Return a text of a file on one line, shortened for a message."""
    return " ".join(text[: 10 * _SHOWN].split())[:_SHOWN]


def column_title(index: int, name: str | None) -> str:
    """Return a column, from 0, for a message: `column 5 "close"`, or `column 5` without a name."""
    shown = one_line(name or "")
    return f'column {index + 1} "{shown}"' if shown else f"column {index + 1}"
