"""Whether the rows of a table belong to several series, which are counted as one unless they are grouped."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from streamsig.fields.column_names import is_key
from streamsig.fields.messages import one_line
from streamsig.fields.numbers import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.sniffer.layout import Layout
    from streamsig.sniffer.table import Table

_FEWEST = 4
"""Rows that show that times repeat."""

_REPEATED, _EXPLAINED, _THROUGHOUT = 0.3, 0.1, 0.9
"""Share of rows whose time is not new; share of them that a key leaves; share of times that repeat throughout."""

_FEWEST_DIGITS = len("120000")
"""Digits of the shortest text that is a time by itself."""

_SHOWN = 3
_ROUNDED = r"\d[eE]\+?\d"
_SIMPLE = r"[A-Za-z_][A-Za-z0-9_]*"


def series_warning(table: Table, layout: Layout) -> str | None:
    """Return a warning where rows seem to belong to several series, `None` where they do not."""
    time = table.time
    left = [i for i in range(len(table.columns)) if i not in {layout.dialect.close, time.index, time.clock}]
    texts = [index for index in left if not table.numeric[index]]
    named = [i for i in left if is_key(table.name_of(i)) and (i in texts or _are_codes(table.columns[i]))]
    key = next((index for index in named if len(_values(table.columns[index])) > 1), None)
    if key is None:
        key = _key_of_times(table, layout.times, texts)
    if key is not None:
        values = _values(table.columns[key])
        name = one_line(table.name_of(key))
        shown = ", ".join(one_line(value) for value in values[:_SHOWN])
        more = ", ..." if len(values) > _SHOWN else ""
        unique = re.fullmatch(_SIMPLE, name) and (table.names or ()).count(name) == 1
        setting = f"`group_by={name if unique else key + 1!r}`"
        return (
            f"{table.title(key)} has {len(values)} values in the sample ({shown}{more}), as if rows"
            f" were of several series, but all are counted as one; use {setting} to count each as a series of its own"
        )
    if _repeat_throughout(layout.times):
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


def _key_of_times(table: Table, times: Sequence[str], texts: Sequence[int]) -> int | None:
    """Return the column of few distinct texts within each of which times do not repeat."""
    rows = len(times)
    repeated = rows - len(set(times))
    if rows < _FEWEST or repeated < _REPEATED * rows:
        return None
    for index in texts:
        values = table.columns[index]
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
