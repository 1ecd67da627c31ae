"""The law of the kernels and tables that number texts."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import patch

from fuzz.choices import Choices
from fuzz.guard import guarded_kernels
from streamsig.core import keys as core_keys
from streamsig.core.keys import KeyTable, Texts, number_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORST_SEED = 0xE7037ED1A0B428DB
"""With this seed all hashes are 0; it is a byte longer than those that the program draws."""

_MAX_TEXTS = 2000


def keys(data: bytes) -> None:
    """Texts are numbered as by a dictionary, also in parts, and rows of several columns by their keys."""
    pick = Choices(data)
    with guarded_kernels(), small_tables(pick.take(1)):
        width = 1 + pick.below(3)
        sizes = [1 + pick.below(256) for _ in range(pick.below(5))]
        first, last = sorted(pick.below(8) for _ in range(2))
        texts = _texts(pick)
        _are_numbered_as_by_a_dictionary(texts, sizes, slice(first, last))
        columns = [texts[place::width] for place in range(width)]
        rows = list(zip(*columns, strict=False))
        numbered, groups = number_keys([Texts.of(column[: len(rows)]) for column in columns])
    expected = [_key(row) for row in rows]
    distinct = numbered.to_bytes()
    assert distinct == list(dict.fromkeys(expected))
    assert [distinct[place] for place in groups.tolist()] == expected


@contextlib.contextmanager
def small_tables(seed: bytes, slots: int = 8) -> Iterator[None]:
    """Start tables small, so that they grow, with hashes that are reproducible or all equal.

    `slots` is a power of two.
    """
    drawn = _WORST_SEED.to_bytes(8, "little") if seed == b"\0" else (seed or b"\1") * 7
    system = SimpleNamespace(urandom=lambda _: drawn)
    with patch.multiple(core_keys, _SLOTS=slots, _BYTES=4 * slots, os=system):
        yield


def _are_numbered_as_by_a_dictionary(texts: list[bytes], sizes: list[int], some: slice) -> None:
    known: dict[bytes, int] = {}
    expected = [known.setdefault(text, len(known)) for text in texts]
    joined, table, numbered = Texts.of(texts), KeyTable(), []
    start = 0
    for size in [*sizes, len(texts)]:
        # a part of the texts, with others before and after it
        numbered += table.number(Texts(joined.starts[start : start + size + 1], joined.content)).tolist()
        start = min(start + size, len(texts))
    assert numbered == expected
    assert len(table) == len(known)
    assert table.texts().to_bytes() == list(known)
    assert table.texts(some.start, some.stop).to_bytes() == list(known)[some]
    assert table.number(joined).tolist() == expected


def _texts(pick: Choices) -> list[bytes]:
    """Choose many texts, short, long, repeated and similar ones."""
    texts: list[bytes] = []
    while pick and len(texts) < _MAX_TEXTS:
        kind = pick.below(64)
        if kind < 32:  # noqa: PLR2004 (mostly)
            texts.append(pick.take(kind % 9))
        elif kind < 40:  # noqa: PLR2004
            texts.append(pick.take(8 + pick.below(32)))
        elif kind < 50 and texts:  # noqa: PLR2004
            texts.append(texts[-1 - pick.below(len(texts))])
        elif kind < 62 and texts:  # noqa: PLR2004
            last = texts[-1]
            place = pick.below(len(last) + 1)
            texts.append(last[:place] + pick.take(1) + last[place + 1 :])
        elif kind == 62:  # noqa: PLR2004
            texts.append(pick.take(2) * (1 + pick.below(256)))
        else:
            texts += [b"%d" % number for number in range(pick.below(256))]
    return texts[:_MAX_TEXTS]


def _key(row: tuple[bytes, ...]) -> bytes:
    """Return the documented key of a row: the text, or a CSV record, with invalid UTF-8 escaped."""
    cells = [text.decode("utf-8", "backslashreplace") for text in row]
    if len(cells) > 1:
        cells = ['"' + it.replace('"', '""') + '"' if set(it) & set(',"\r\n') else it for it in cells]
    return ",".join(cells).encode()
