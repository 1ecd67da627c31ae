"""Whether the inputs of one series agree: their closes are read at one scale, and from one column."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from streamsig.errors import LayoutError
from streamsig.fields.column_names import Role, compact, roles
from streamsig.fields.messages import one_line
from streamsig.sniffer.convention import float_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.fields.numbers import NumberFormat

_JUDGED = 300
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LEAST, _MOST = 31.6, 31_623.0
"""Between these a ratio of prices is nearer to that of a mark misread, 1000, than to 1 or to a million."""


class CloseColumn(NamedTuple):
    """How the closes of an input are read: from which column, near which value, and whether that is a guess.

    `column` is `None` where there are no names. `level` is the median of the first closes, 0 for none. `mark` is the
    decimal mark where the closes show one. With `mark_by_convention` a mark before three digits is taken for it.
    """

    name: str
    column: str | None
    level: float
    mark: str
    mark_by_convention: bool

    @classmethod
    def of(cls, name: str, column: str | None, closes: Sequence[str], numbers: NumberFormat) -> CloseColumn:
        """Return what sampled closes show."""
        few = closes[:_JUDGED]
        if numbers.decimal == "." and not numbers.missing and all(map(_PLAIN.fullmatch, few)):
            # as nearly all are written
            values = sorted(value for value in map(float, few) if value > 0)
        else:
            few = [text for text in few if not numbers.is_missing(text)]
            values = sorted(value for value in (float_of(text, numbers) for text in few) if value > 0)
        mark = numbers.decimal if any(numbers.decimal in text for text in few) else ""
        level = values[len(values) // 2] if values else 0.0
        return cls(name, column, level, mark, numbers.mark_by_convention)


def compare(before: CloseColumn, this: CloseColumn, *, grouped: bool) -> tuple[str, ...]:
    """Return a warning where two inputs of a series have closes of different names.

    Raises LayoutError where a mark that was read by custom in one contradicts the other. Groups have levels of
    their own: there only the marks are compared.
    """
    guess, other = (this, before) if this.mark_by_convention else (before, this)
    if guess.mark_by_convention and (_other_mark(guess, other) if grouped else _other_scale(guess, other)):
        raise LayoutError(
            f"{this.name}: its closes are near {this.level:g}, and those of {before.name} near {before.level:g}:"
            f" in {guess.name} a {guess.mark} before three digits was taken for the decimal mark, and may separate"
            f" thousands; say which with `thousands={guess.mark!r}` or `decimal={guess.mark!r}`"
        )
    one, two = before.column, this.column
    if one is None or two is None or compact(one) == compact(two) or roles([one, two]) == [Role.CLOSE, Role.CLOSE]:
        return ()
    what = f'the close is column "{one_line(two)}" here, and "{one_line(one)}" in {before.name}, which is one series'
    return (f"{what} with it; if one column is meant, use `column`",)


def _other_mark(guess: CloseColumn, other: CloseColumn) -> bool:
    return not other.mark_by_convention and bool(other.mark) and other.mark != guess.mark


def _other_scale(guess: CloseColumn, other: CloseColumn) -> bool:
    if not guess.level or not other.level:
        return False
    lower, upper = min(guess.level, other.level), max(guess.level, other.level)
    return _LEAST < upper / lower < _MOST
