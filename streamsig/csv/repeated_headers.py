"""Headers among the rows, as they stand in files that were joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsig.fields.column_names import Role, compact, roles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streamsig.csv.dialect import Dialect

REPEATED = "the header line is there again, as when files are joined"
OTHER = "another header stands there, with the columns in another order, as when files are joined"
ADVICE = "split the file above this line, and name both parts as inputs"

_FEW = 2
_USUAL = (b"close", b"price", b"last", b"date", b"time")
_CLOSES = frozenset({Role.CLOSE, Role.LAST})


def is_other_header(fields: Sequence[str], more: int, dialect: Dialect) -> bool:
    """Tell whether a record names columns, and rows below it would be read from the wrong ones.

    `more` is how many further fields there are.
    """
    found, known = [compact(field) for field in fields], roles(fields)
    own = [compact(name) for name in dialect.header or ()]
    texts = {*found} - {""}
    # a letter may stand for anything, unless the header has it
    roled = {text for text, role in zip(found, known, strict=True) if role is not None and len(text) > 1}
    named = (roled | {text for text in found if text in own}) & texts
    closes = [place for place, role in enumerate(known) if role in _CLOSES]
    title = None if dialect.close_title is None else compact(dialect.close_title)
    has_close = bool(closes) or title in found
    if len(named) < _FEW or 2 * len(named) <= len(texts) or not has_close:
        return False
    if len(found) + more != dialect.fields:
        return True
    if any(text and text != mine and text in own for text, mine in zip(found, own, strict=False)):
        return True
    return bool(closes) and dialect.close not in closes and found[dialect.close] != title


def may_be_headers(rows: Sequence[bytes], dialect: Dialect) -> Iterator[int]:
    """Yield which rows have two names of columns in them."""
    own = {name.strip().encode().lower() for name in dialect.header or () if any(map(str.isalpha, name))}
    present = _names_in(b"\n".join(rows).lower(), {*own, *_USUAL})
    if len(present) >= _FEW:
        yield from (place for place, row in enumerate(rows) if len(_names_in(row.lower(), present)) >= _FEW)


def _names_in(text: bytes, names: Iterable[bytes]) -> list[bytes]:
    return [name for name in names if name in text]
