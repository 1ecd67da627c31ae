"""How messages show the texts and the columns of a file."""

from __future__ import annotations

ADVICE = "fix the row, leave such rows out with `on_bad_row='skip'`, or name another column with `column`"
"""The advice for most bad records."""

_SHOWN, _SHOWN_VALUE = 40, 60


def one_line(text: str) -> str:
    """Return a text of a file on one line, shortened for a message."""
    return " ".join(text[: 10 * _SHOWN].split())[:_SHOWN]


def column_title(index: int, name: str | None) -> str:
    """Return a column, from 0, for a message: `column 5 "close"`, or `column 5` without a name."""
    shown = one_line(name or "")
    return f'column {index + 1} "{shown}"' if shown else f"column {index + 1}"


def shown(text: str) -> str:
    """Quote a text of a file for a message: short, on one line, control characters escaped."""
    short = text if len(text) <= _SHOWN_VALUE else text[: _SHOWN_VALUE - 1] + "…"
    return repr(short)
