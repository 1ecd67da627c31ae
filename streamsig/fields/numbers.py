r"""The exact number that is written in a field: the definition of a close.

`NumberFormat.parse` is the definition. After removing surrounding blanks and the quotes of an Excel formula
(`="1.5"`), a field is a missing marker or a number:

    number    = [currency] [sign] [currency] digits [exponent] [currency]
              | [currency] "(" [currency] digits-with-fraction [currency] ")" [currency]     accounting, negative
    sign      = "+" | "-" | one of MINUSES
    digits    = whole [mark [fraction]] | mark fraction                        `7`, `7.`, `7.5`, `.5`
    whole     = any digits                                                    leading zeros are padding
              | [1-9] with 0 to 2 digits, then groups of 2 or 3 digits after a separator; the last group has 3
    exponent  = ("e" | "E") ["+" | "-"] any digits                            `1e0000018` is 10**18
    currency  = one of CURRENCIES, blanks between it and the number allowed

`mark` and separator are those of the format. A number has at most `MAX_DIGITS` digits in all, without zeros that are
only padding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal
from functools import cache, cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamsig.core.ticks import Ticks, magnitude, widen

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_DIGITS = 38
"""The most digits of a close, before and after the decimal mark together (decimal128)."""

MISSING = frozenset(
    {"", "nan", "-nan", "null", "na", "#na", "n/a", "n.a.", "#n/a", "#n/a n/a", "<na>", "none", "nil"}
    | {"\\n", "-", "--", "."}
)
"""Texts that mean "no close", in lower case and trimmed."""

MINUSES = "-\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d"
"""Characters for a minus: hyphens, dashes, and the typographic minus."""

SEPARATORS = {" ": " \u00a0\u202f\u2009\u2007", "'": "'\u2019"}
"""Variants of a thousands separator: typographic blanks and apostrophe."""

_SIGNS = "$€£¥₹₩₽₿฿₺₴₦₱₫₪₡₲₵₸₼₾₮￥￦￡＄円元圆원"  # noqa: RUF001 (as they are written)
_ABBREVIATIONS = """
    US$ R$ A$ C$ S$ HK$ NT$ NZ$ CA$ AU$ MX$ kr kr. zł Kč Ft lei лв лв. руб руб. р. грн din. Rs Rs. Rp RM TL Fr. SFr.
"""  # noqa: RUF001 (as they are written)
_CODES = """
    USD EUR JPY GBP CNY CNH AUD CAD CHF HKD SGD SEK NOK DKK NZD KRW INR RUB BRL ZAR MXN TWD THB PLN CZK HUF ILS IDR MYR
    PHP VND AED SAR QAR KWD BHD EGP NGN KES PKR BDT LKR UAH KZT RON BGN RSD ISK CLP COP PEN ARS UYU XAU XAG
"""

CURRENCIES = (*_SIGNS, *sorted([*_CODES.split(), *_ABBREVIATIONS.split()], key=len, reverse=True))
"""Signs, then abbreviations and ISO 4217 codes of currencies, the longest first; no code begins with a sign.

Cents and pence are left out: they change the value.
"""

UNDEFINED = tuple(
    map(
        Decimal,
        (
            *("9223372036854775807", "9223372036854776000", "9223372036.854775807", "9223372036.854776"),
            *("-9223372036854775808", "-9223372036854776000", "18446744073709551615", "18446744073709552000"),
        ),
    )
)
"""Undefined prices: limits of 64-bit integers, the largest also in billionths, and the floats nearest to them."""

_LEAST_UNDEFINED = int(min(map(abs, UNDEFINED)))

UNDEFINED_REASON = "a limit of 64-bit integers, which stands for an undefined price"

_LONGEST = 512
"""The most characters of a number: enough for 38 digits padded with zeros."""

_EXACT = Context(prec=1000)
_LONGEST_EXPONENT = 5
_ACCOUNTING = r"([^(]*)\((.*)\)([^)]*)"
_FORMULA = r'\s*="([^"]*)"\s*'
_GROUPED = r"[1-9][0-9]{0,2}[.,][0-9]{3}"
_NO_NUMBER = r"[^-+0-9.,'\seE]"
"""Characters of a currency; also of an unusual sign or separator."""

_WHOLE = r"[^0-9]*[1-9][0-9]{0,2}[^0-9.,]*"


class NumberError(ValueError):
    """A text that is neither a number nor a missing marker; `str()` is the reason in a few words.

    `advice` says what to do about it, unless that is to fix the text.
    """

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason)
        self.advice = advice


class _Written(NamedTuple):
    """The parts of a number as written, "" for an absent one."""

    negative: bool
    whole: str
    mark: str
    fraction: str
    exponent: str


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are written: decimal mark, thousands separator, and missing markers.

    `decimal` is "." or ",". `thousands` is "" for none, or one of `,` `.` `'` and blank. `missing` extends `MISSING`:
    a marker that is a number, in this format or else with a decimal point, matches every close of that value; any
    other matches that text, ignoring case. With `ambiguous_mark` no number has shown whether a mark before three
    digits is decimal, so `1.003` is refused. With `mark_by_convention` all sampled numbers are like `1.003` and are
    read as decimals by convention, so `999` is refused: it suggests that they are thousands.
    """

    decimal: str = "."
    thousands: str = ""
    missing: frozenset[str] = field(default=frozenset())
    ambiguous_mark: bool = False
    mark_by_convention: bool = False

    def __post_init__(self) -> None:
        if self.decimal == self.thousands:
            msg = f"decimal mark and thousands separator are both {self.decimal!r}"
            raise ValueError(msg)

    def is_missing(self, text: str) -> bool:
        """Return whether a text is a missing marker, as a word or as a number."""
        if _inner(text).strip().casefold() in self.missing_words:
            return True
        try:
            return bool(self.missing_values) and self._number(text) in self.missing_values
        except NumberError:
            return False

    def fits(self, text: str) -> bool:
        """Return whether a text is a number in this format, whatever its size."""
        return self._written(text) is not None

    def parse(self, text: str) -> Decimal | None:
        """Return the number in a text, or `None` for a missing marker.

        The result has no positive exponent (`1e2` is 100) and at most `MAX_DIGITS` digits. Raises `NumberError` for
        everything else, including infinities and numbers that mean an undefined price.
        """
        if _inner(text).strip().casefold() in self.missing_words:
            return None
        number = self._number(text)
        if number in self.missing_values:
            return None
        if number in UNDEFINED:
            raise NumberError(UNDEFINED_REASON, undefined_advice(text))
        self._check_doubt(text)
        return number

    @cached_property
    def missing_words(self) -> frozenset[str]:
        """The texts that mean "no close", in lower case and trimmed."""
        return MISSING | {word.strip().casefold() for word in self.missing}

    @cached_property
    def missing_values(self) -> tuple[Decimal, ...]:
        """The numbers that mean "no close"."""
        known = replace(self, missing=frozenset(), ambiguous_mark=False, mark_by_convention=False)
        return tuple({number for word in sorted(self.missing) if (number := _marker(word, known)) is not None})

    @property
    def separators(self) -> str:
        """The characters that separate thousands."""
        return SEPARATORS.get(self.thousands, self.thousands)

    def mark_missing(self, ticks: Ticks) -> Ticks:
        """Return the closes with those equal to a missing marker made missing."""
        if not self.missing_values:
            return ticks
        rows = np.logical_or.reduce([_rows_of(ticks, value) for value in self.missing_values])
        if not rows.any():
            return ticks
        missing = rows if ticks.missing is None else rows | ticks.missing
        return Ticks(np.where(missing, 0, ticks.limbs), ticks.scale, missing)

    def why_not(self, text: str) -> NumberError:
        """Return the reason why a text does not fit."""
        if len(text) > _LONGEST:
            return NumberError(f"a number of {len(text)} characters")
        joined = re.sub(f"[{re.escape(self.separators)}]", "", text) if self.thousands else text
        return NumberError("invalid thousands" if joined != text and self.fits(joined) else "not a number")

    def _number(self, text: str) -> Decimal:
        written = self._written(text)
        if written is None:
            raise self.why_not(text)
        return _decimal(written)

    def _written(self, text: str) -> _Written | None:
        """Return the parts of a number, or `None` if the text does not fit."""
        if len(text) > _LONGEST:
            return None
        inner = _inner(text)
        accounting = re.fullmatch(_ACCOUNTING, inner) if "(" in inner else None
        if accounting and not {accounting[1].strip(), accounting[3].strip()} <= {"", *CURRENCIES}:
            return None
        match = self._pattern.fullmatch(_without_currency(accounting[2] if accounting else inner))
        if match is None:
            return None
        sign, whole, mark, fraction, exponent = (
            match[part] or "" for part in ("sign", "whole", "mark", "fraction", "exponent")
        )
        # `(1)` may be a footnote
        if accounting and (sign or exponent or not fraction):
            return None
        return _Written(accounting is not None or sign not in {"", "+"}, whole, mark, fraction, exponent)

    def _check_doubt(self, text: str) -> None:
        written = self._written(text) if self.ambiguous_mark or self.mark_by_convention else None
        if written is None or written.exponent:
            return
        digits = f"{written.whole}{written.mark}{written.fraction}"
        advice = f"say which with `thousands={self.decimal!r}` or `decimal={self.decimal!r}`"
        if self.ambiguous_mark and re.fullmatch(_GROUPED, digits if written.fraction else written.whole):
            raise NumberError("the rows above have whole numbers, so the mark could be either", advice)
        if self.mark_by_convention and not written.mark and is_below_thousand(written.whole):
            reason = f"numbers before it have a {self.decimal} before three digits, which may be either"
            raise NumberError(reason, advice)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        mark = re.escape(self.decimal)
        whole = r"[0-9]+"
        if self.thousands:
            sep = f"[{re.escape(self.separators)}]"
            whole = rf"[1-9][0-9]{{0,2}}(?:{sep}[0-9]{{2,3}})*{sep}[0-9]{{3}}|[0-9]+"
        return re.compile(
            rf"\s*(?P<sign>[+{re.escape(MINUSES)}])?"
            rf"(?=[0-9]|{mark}[0-9])(?P<whole>{whole})?(?:(?P<mark>{mark})(?P<fraction>[0-9]*))?"
            r"(?:[eE](?P<exponent>[+-]?[0-9]+))?\s*"
        )


def _without_currency(text: str) -> str:
    """Return a number without the currency before or after its digits; other texts come back unchanged."""
    if re.search(_NO_NUMBER, text) is None:
        return text
    match = _with_currency().fullmatch(text)
    return f"{match['sign']}{match['rest']}" if match else text


@cache
def _with_currency() -> re.Pattern[str]:
    # compiled on first use: most files have no currency, and compiling takes long
    currency = f"(?:{'|'.join(map(re.escape, CURRENCIES))})"
    sign = f"(?P<sign>[+{re.escape(MINUSES)}]?)"
    return re.compile(rf"\s*(?:{currency}\s*)?{sign}(?:{currency}\s*)?(?P<rest>[0-9.,].*?)(?:\s*{currency})?\s*")


def is_below_thousand(text: str) -> bool:
    """Return whether a text is a whole number of up to three digits, without a mark."""
    return re.fullmatch(_WHOLE, text.strip()) is not None


def undefined_rows(ticks: Ticks) -> NDArray[np.bool_]:
    """Return which closes mean an undefined price, (rows,)."""
    if len(ticks.limbs) == 1 and magnitude(ticks.limbs) < _LEAST_UNDEFINED * 10**ticks.scale:
        return np.zeros(len(ticks), np.bool_)
    rows: NDArray[np.bool_] = np.logical_or.reduce([_rows_of(ticks, value) for value in UNDEFINED])
    return rows


def undefined_advice(text: str) -> str:
    """Return the advice for a text that means an undefined price."""
    return f"if it stands for a missing close, say `missing={[text.strip()]}`"


def _inner(text: str) -> str:
    """Return the text inside an Excel formula `="..."`; other texts come back unchanged."""
    if "=" not in text:
        return text
    match = re.fullmatch(_FORMULA, text)
    return match[1] if match else text


def _marker(word: str, known: NumberFormat) -> Decimal | None:
    """Return the number of a missing marker, in the format of the file or else with a decimal point."""
    for form in (known, NumberFormat()):
        try:
            return form._number(word)  # noqa: SLF001 (a marker may be an undefined price)
        except NumberError:
            continue
    return None


def _rows_of(ticks: Ticks, value: Decimal) -> NDArray[np.bool_]:
    """Return which closes have this value, (rows,)."""
    tick = value.scaleb(ticks.scale, _EXACT)
    (wanted,) = Ticks.from_integers([int(tick)], ticks.scale).limbs.T
    width = len(ticks.limbs)
    rows = np.full(len(ticks), tick == int(tick) and len(wanted) <= width)
    if rows.any():
        (wanted,) = widen(wanted[:, np.newaxis], width).T
        rows &= (ticks.limbs == wanted[:, np.newaxis]).all(axis=0)
    return rows


def _decimal(written: _Written) -> Decimal:
    """Return a decimal of at most `MAX_DIGITS` digits and no exponent above 0."""
    digits = "".join(filter(str.isdigit, written.whole + written.fraction)).lstrip("0")
    significant = digits.rstrip("0")
    if not significant:
        return Decimal(0)
    size = written.exponent.lstrip("+-").lstrip("0") or "0"
    # a longer exponent is out of range anyway
    tens = int(size[:_LONGEST_EXPONENT])
    power = (-tens if written.exponent[:1] == "-" else tens) - len(written.fraction)
    power += len(digits) - len(significant)
    if max(len(significant) + max(power, 0), -power) > MAX_DIGITS:
        raise NumberError(f"more than {MAX_DIGITS} digits")
    return Decimal((int(written.negative), tuple(map(int, significant + "0" * max(power, 0))), min(power, 0)))
