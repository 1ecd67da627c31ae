"""The number written in one field, exactly.

This is the definition of a close that everything else must agree with: `reader` lets pyarrow
parse what pyarrow parses in the same way, and comes here for the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

MAX_DIGITS = 38
"""Digits that a close may have, before and after the decimal mark together (decimal128)."""

MISSING = frozenset(
    {"", "nan", "-nan", "null", "na", "#na", "n/a", "n.a.", "#n/a", "#n/a n/a", "<na>", "none", "nil"}
    | {"\\n", "-", "--", "."}
)
"""Texts that mean "no close", in lower case and without surrounding blanks."""

_LONGEST = 512
"""Characters of a field that are looked at: 38 digits never need more, even padded with zeros."""

_CURRENCY = r"(?:US\$|R\$|A\$|C\$|HK\$|[$€£¥₹₩₽₿฿₺₴])"


_EITHER = re.compile(r"[^0-9]*[1-9][0-9]{0,2}[.,][0-9]{3}[^0-9]*")
"""One mark before three digits: thousands to some, decimals to others."""


_WHOLE = re.compile(r"[^0-9]*[1-9][0-9]{0,2}[^0-9.,]*")


class NumberError(ValueError):
    """A text that is neither a number nor a missing marker; `str()` says why, in a few words.

    `advice` says what to do about it, where that is not to mend the text.
    """

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason)
        self.advice = advice


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are written: decimal mark, thousands separator, and what means "missing".

    `decimal` is "." or ",". `thousands` is "" for none, or one of `,` `.` `'` and blank; a
    thousands separator is accepted only between groups as people write them (3 digits, or 2 in
    the Indian way, and 3 before the decimal mark). `missing` extends `MISSING`, without regard to
    case. With `doubtful` nothing has shown yet what a mark before three digits is: `1.003` is refused.
    With `by_custom` all that was seen is like `1.003`, and taken for decimals as most would: `999` is refused,
    for it shows that these may be thousands.
    """

    decimal: str = "."
    thousands: str = ""
    missing: frozenset[str] = field(default=frozenset())
    doubtful: bool = False
    by_custom: bool = False

    def __post_init__(self) -> None:
        if self.decimal == self.thousands:
            msg = f"decimal mark and thousands separator are both {self.decimal!r}"
            raise ValueError(msg)

    def is_missing(self, text: str) -> bool:
        """Tell whether a text says "no close here"."""
        word = text.strip().casefold()
        return word in MISSING or word in self._further_missing

    def fits(self, text: str) -> bool:
        """Tell whether a text is written as a number in this format, whatever its size."""
        return len(text) <= _LONGEST and self._pattern.fullmatch(text) is not None

    def parse(self, text: str) -> Decimal | None:
        """Return the decimal number that the text is, or `None` where it says "missing".

        The result has a scale of at least 0 (`1e2` is 100) and at most `MAX_DIGITS` digits; zeros
        that are only padding do not count. Raises `NumberError` for everything else, infinities included.
        """
        if self.is_missing(text):
            return None
        if len(text) > _LONGEST:
            msg = f"a number of {len(text)} characters"
            raise NumberError(msg)
        match = self._pattern.fullmatch(text)
        if match is None:
            msg = "not a number"
            raise NumberError(msg)
        if self.doubtful and _EITHER.fullmatch(text.strip()):
            msg = "whole numbers stand above, so the mark could be either"
            raise NumberError(msg, f"say which with --thousands {self.decimal} or --decimal {self.decimal}")
        if self.by_custom and is_below_thousand(text):
            reason = f"numbers before it have a {self.decimal} before three digits, which may be either"
            raise NumberError(reason, f"say which with --thousands {self.decimal} or --decimal {self.decimal}")
        sign, whole, fraction, exponent = match.group("sign", "whole", "fraction", "exponent")
        if self.thousands:
            whole = re.sub(self._separator, "", whole)
        return _plain(sign == "-", whole or "", fraction or "", exponent or "0")

    @cached_property
    def _further_missing(self) -> frozenset[str]:
        return frozenset(word.strip().casefold() for word in self.missing)

    @property
    def _separator(self) -> str:
        # a blank stands for all the blanks that typesetters put between thousands
        return "[ \u00a0\u202f\u2009]" if self.thousands == " " else re.escape(self.thousands)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        mark = re.escape(self.decimal)
        whole = r"[0-9]+"
        if self.thousands:
            sep = self._separator
            whole = rf"[1-9][0-9]{{0,2}}(?:{sep}[0-9]{{2,3}})*{sep}[0-9]{{3}}|[0-9]+"
        return re.compile(
            rf"\s*(?:{_CURRENCY}\s*)?(?P<sign>[+-])?(?:{_CURRENCY}\s*)?"
            rf"(?=[0-9]|{mark}[0-9])(?P<whole>{whole})?(?:{mark}(?P<fraction>[0-9]*))?"
            rf"(?:[eE](?P<exponent>[+-]?[0-9]+))?(?:\s*{_CURRENCY})?\s*"
        )


def is_below_thousand(text: str) -> bool:
    """Tell whether a text is a whole number of up to three digits, without a mark."""
    return _WHOLE.fullmatch(text.strip()) is not None


def _plain(negative: bool, whole: str, fraction: str, exponent: str) -> Decimal:  # noqa: FBT001 (private)
    """Write digits and exponent as a decimal of at most `MAX_DIGITS` digits and no exponent above 0."""
    digits = (whole + fraction).lstrip("0")
    kept = digits.rstrip("0")
    if not kept:
        return Decimal(0)
    power = (int(exponent) if len(exponent) <= len("-9999") else 9999) - len(fraction) + len(digits) - len(kept)
    if max(len(kept) + max(power, 0), -power) > MAX_DIGITS:
        msg = f"more than {MAX_DIGITS} digits"
        raise NumberError(msg)
    return (
        Decimal((int(negative), tuple(map(int, kept)), power))
        if power <= 0
        else Decimal((int(negative), tuple(map(int, kept + "0" * power)), 0))
    )
