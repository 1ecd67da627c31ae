"""Headers among the rows, as in files that were joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsig.fields.column_names import Role, compact, roles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streamsig.csv.dialect import Dialect

REPEATED = "the header line is repeated, as when files are joined"
OTHER = "another header, with the columns in another order, as when files are joined"
ADVICE = "split the file above this line, and name both parts as inputs"

_FEW = 2
_USUAL = (b"close", b"price", b"last", b"date", b"time")
_CLOSES = frozenset({Role.CLOSE, Role.LAST})


def is_other_header(fields: Sequence[str], count: int, dialect: Dialect) -> bool:
    """Return whether a record of `count` fields is a header below which another column would be read as the close.

    `fields` are all of them, or the first of very many.
    """
    names, known = [compact(field) for field in fields], roles(fields)
    own = [compact(name) for name in dialect.header or ()]
    texts = {*names} - {""}
    # a letter may mean anything, unless the header has it
    roled = {text for text, role in zip(names, known, strict=True) if role is not None and len(text) > 1}
    named = (roled | {text for text in names if text in own}) & texts
    closes = [place for place, role in enumerate(known) if role in _CLOSES]
    title = None if dialect.close_title is None else compact(dialect.close_title)
    has_close = bool(closes) or title in names
    if len(named) < _FEW or 2 * len(named) <= len(texts) or not has_close:
        return False
    if count != dialect.fields:
        return True
    if any(text and text != mine and text in own for text, mine in zip(names, own, strict=False)):
        return True
    return bool(closes) and dialect.close not in closes and names[dialect.close : dialect.close + 1] != [title]


def may_be_headers(rows: Sequence[bytes], dialect: Dialect) -> Iterator[int]:
    """Yield the indices of rows that contain two names of columns."""
    own = {name.strip().encode().lower() for name in dialect.header or () if any(map(str.isalpha, name))}
    present = _names_in(b"\n".join(rows).lower(), {*own, *_USUAL})
    if len(present) >= _FEW:
        yield from (place for place, row in enumerate(rows) if len(_names_in(row.lower(), present)) >= _FEW)


def _names_in(text: bytes, names: Iterable[bytes]) -> list[bytes]:
    return [name for name in names if name in text]
