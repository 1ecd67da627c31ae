"""Whether the rows of a table belong to several series, which are counted as one unless they are grouped."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from streamsig.csv.dialect import one_line
from streamsig.fields.column_names import is_key
from streamsig.fields.numbers import MISSING
from streamsig.sniffer.close.by_name import column_title

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEWEST = 4
"""Rows that show that times repeat."""

_REPEATED, _EXPLAINED, _THROUGHOUT = 0.3, 0.1, 0.9
"""Share of rows whose time is not new; share of them that a key leaves; share of times that repeat throughout."""

_FEWEST_DIGITS = len("120000")
"""Digits of the shortest text that is a time by itself."""

_SHOWN = 3
_ROUNDED = r"\d[eE]\+?\d"
_SIMPLE = r"[A-Za-z_][A-Za-z0-9_]*"


class Columns(NamedTuple):
    """The sampled texts of each field: `text` says which hold texts, `other` which are close, time or the like.

    `times` has the time of each row, or is empty.
    """

    names: Sequence[str] | None
    texts: Sequence[Sequence[str]]
    text: Sequence[bool]
    other: Sequence[int | None]
    times: Sequence[str]

    def name(self, index: int) -> str:
        """Return the name of a field, empty where it has none."""
        return self.names[index] if self.names is not None and index < len(self.names) else ""


def several_series(columns: Columns) -> str | None:
    """Return a warning where rows seem to belong to several series, `None` where they do not."""
    left = [index for index in range(len(columns.texts)) if index not in columns.other]
    named = [i for i in left if is_key(columns.name(i)) and (columns.text[i] or _are_codes(columns.texts[i]))]
    key = next((index for index in named if len(_values(columns.texts[index])) > 1), None)
    if key is None:
        key = _key_of_times(columns, [index for index in left if columns.text[index]])
    if key is not None:
        values = _values(columns.texts[key])
        name = one_line(columns.name(key))
        shown = ", ".join(one_line(value) for value in values[:_SHOWN])
        more = ", ..." if len(values) > _SHOWN else ""
        unique = re.fullmatch(_SIMPLE, name) and sum(columns.name(i) == name for i in range(len(columns.texts))) == 1
        setting = f"`group_by={name if unique else key + 1!r}`"
        return (
            f"{column_title(columns.names, key)} has {len(values)} values in the sample ({shown}{more}), as if rows"
            f" were of several series, but all are counted as one; use {setting} to count each as a series of its own"
        )
    if _repeat_throughout(columns.times):
        return (
            "times repeat throughout, as if rows were of several series, but all are counted as one; if a column"
            " distinguishes them, use `group_by=COLUMN` to count each as a series of its own"
        )
    return None


def _values(texts: Sequence[str]) -> list[str]:
    """Return the distinct texts in order of appearance, without those that mean a missing value."""
    return [text for text in dict.fromkeys(map(str.strip, texts)) if text.casefold() not in MISSING]


def _are_codes(texts: Sequence[str]) -> bool:
    """Return whether whole numbers are the codes of few things."""
    values = _values(texts)
    return 2 * len(values) <= len(texts) and all(value.isdecimal() for value in values)


def _key_of_times(columns: Columns, texts: Sequence[int]) -> int | None:
    """Return the column of few distinct texts within each of which times do not repeat."""
    times, rows = columns.times, len(columns.times)
    repeated = rows - len(set(times))
    if rows < _FEWEST or repeated < _REPEATED * rows:
        return None
    for index in texts:
        values = columns.texts[index]
        if 1 < len(_values(values)) <= rows / 2 and rows - len({*zip(times, values, strict=True)}) <= (
            _EXPLAINED * repeated
        ):
            return index
    return None


def _repeat_throughout(times: Sequence[str]) -> bool:
    """Return whether nearly all times repeat, most of them equally often; trades repeat theirs, but not so evenly.

    A snapshot has one time in all rows; a text of few digits, such as `1`, is not a time. Times that a spreadsheet has
    rounded, such as 1.7E+15, prove nothing.
    """
    counts = Counter(times)
    often = [count for count in counts.values() if count > 1]
    if len(counts) == 1 and sum(map(str.isdecimal, times[0])) < _FEWEST_DIGITS:
        return False
    if len(times) < _FEWEST or len(often) < _THROUGHOUT * len(counts):
        return False
    return 2 * Counter(often).most_common(1)[0][1] >= len(counts) and not any(
        re.search(_ROUNDED, time) for time in counts
    )
