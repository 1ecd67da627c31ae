"""The names of months, in the languages in which vendors export them."""

from __future__ import annotations

_MONTHS = {
    "jan": 1, "ene": 1, "gen": 1, "oca": 1, "янв": 1, "sty": 1,
    "feb": 2, "fev": 2, "fév": 2, "şub": 2, "фев": 2, "lut": 2,
    "mar": 3, "mär": 3, "mrt": 3, "мар": 3,
    "apr": 4, "abr": 4, "avr": 4, "nis": 4, "апр": 4, "kwi": 4,
    "may": 5, "mai": 5, "mei": 5, "mag": 5, "maj": 5, "май": 5, "мая": 5,
    "jun": 6, "juin": 6, "giu": 6, "haz": 6, "июн": 6, "cze": 6,
    "jul": 7, "juil": 7, "lug": 7, "tem": 7, "июл": 7, "lip": 7,
    "aug": 8, "ago": 8, "aoû": 8, "ağu": 8, "авг": 8, "sie": 8,
    "sep": 9, "set": 9, "eyl": 9, "сен": 9, "wrz": 9,
    "oct": 10, "okt": 10, "out": 10, "ott": 10, "eki": 10, "окт": 10, "paź": 10,
    "nov": 11, "kas": 11, "ноя": 11, "lis": 11,
    "dec": 12, "dez": 12, "dic": 12, "déc": 12, "ara": 12, "дек": 12, "gru": 12,
}  # fmt: skip


def month_of(word: str) -> int | None:
    """Return the month, 1 to 12, by the first letters of its name, or `None`."""
    word = word.casefold()
    return _MONTHS.get(word[:4]) or _MONTHS.get(word[:3])
