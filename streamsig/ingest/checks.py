"""Whether the values bear out what the header says, before anything is counted on it."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from streamsig.errors import LayoutError
from streamsig.ingest.columns import numbered
from streamsig.ingest.convention import float_of
from streamsig.ingest.names import Role, roles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.ingest.dialect import Dialect
    from streamsig.ingest.header import Body
    from streamsig.ingest.numbers import NumberFormat

_BARS = (Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE)


def check_names(numbers: NumberFormat, body: Body, near: list[list[str]], name: str) -> None:
    """Raise where the columns named open, high, low and close are not so in most rows."""
    known = roles(body.names or ())
    places = [known.index(role) for role in _BARS if known.count(role) == 1]
    if len(places) < len(_BARS) or max(places) >= len(near):
        return
    moving = wrong = 0
    for _, h, low, c in zip(*([float_of(text, numbers) for text in near[i]] for i in places), strict=True):
        if not isnan(h + low + c) and h != low:
            moving += 1
            wrong += h < low or c < low or c > h
    if moving and 2 * wrong > moving:
        found = next(record for record in body.records if len(record.fields) == body.fields)
        raise LayoutError(
            f"{name}: the columns named open, high, low and close are not so in {wrong} of {moving} sampled rows,"
            f" so the names may be shifted: line {found.line} reads {numbered(found.fields)};"
            " say which field is the close with --column N"
        )


def check_closes(closes: Sequence[str], dialect: Dialect, body: Body, name: str) -> None:
    """Raise where most of the closes are no numbers."""
    numbers = dialect.numbers
    texts = [(i, text) for i, text in enumerate(closes) if not numbers.is_missing(text)]
    bad = [(i, text) for i, text in texts if not numbers.fits(text)]
    if not bad or 2 * len(bad) <= len(texts):
        return
    sound = [record for record in body.records if len(record.fields) == body.fields]
    index, text = bad[0]
    raise LayoutError(
        f"{name}, line {sound[index].line}: {dialect.column_name(dialect.close)} is not a column of numbers:"
        f" {text.strip()[:40]!r}; name another with --column, or say how numbers are written with --decimal"
        " and --thousands"
    )
