"""Whether prices are those of an order book: bids and asks, levels or orders, and no trades."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsig.fields.column_names import compact, words

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_SIDES = frozenset({"bid", "ask", "bids", "asks", "offer", "offers", "geld", "brief", "denaro", "lettera"})
_SHORT_SIDES = frozenset({"a", "b", "o"})
_SIDE_NAMES = frozenset({"side", "type", "bidask", "askbid", "bidoffer", "ba", "bookside", "quotetype", "ordertype"})
_BOOK_SIDE_NAMES = frozenset({"side", "bidask", "askbid", "bidoffer", "bookside"})
_BOOK_SIDES = frozenset({"0", "1"})
_ORDERS = frozenset({"buy", "sell", "b", "s"})
_ENTRY_TYPE = "mdentrytype"
"""A field of FIX: 0 is a bid, 1 an offer, 2 a trade."""

_LOCAL_SIDE_NAMES = frozenset({"tipo", "lado", "lato", "cote", "sens", "seite"})
_LOCAL_SIDES = frozenset({"compra", "venda", "venta", "compras", "vendas", "ventas", "demanda", "oferta"})
_LOCAL_SIDES |= {"achat", "vente", "achats", "ventes", "demande", "offre"}
_LOCAL_SIDES |= {"acquisto", "vendita", "domanda", "offerta", "kauf", "verkauf"}
"""Of orders or of trades."""

_FLAG_NAMES = frozenset({"isbid", "isask", "isbuy", "bidflag", "askflag"})
_LEVELS = frozenset({"level", "levels", "depth", "lvl"})
_EVENTS = frozenset({"add", "insert", "cancel", "delete", "modify", "remove"})
_SHORT_EVENTS = frozenset({"a", "c", "m", "d", "r", "snap", "snapshot"})
_EVENT_NAMES = frozenset({"action", "event", "eventtype", "msgtype", "messagetype", "updatetype"})
_TRADES = frozenset({"t", "trade"})
_JUDGED = 1000


def book_column(names: Sequence[str], columns: Sequence[Sequence[str]], grouped: Collection[int]) -> int | None:
    """Return the column that shows rows to be sides, levels or events of an order book, `None` if none does.

    Columns that are `grouped` by do not matter, nor do the sides of trades.
    """
    column = None
    for index, (name, texts) in enumerate(zip(names, columns, strict=False)):
        values = {text.strip().casefold() for text in texts[:_JUDGED]} - {""}
        plain = compact(name)
        if plain in _EVENT_NAMES and values and values <= _TRADES:
            return None
        if index in grouped or column is not None or not values:
            continue
        is_side = _are_sides(plain, values)
        is_flag = plain in _FLAG_NAMES and len(values) > 1 and plain != "isbuy"
        is_level = len(values) > 1 and bool(_LEVELS.intersection(words(name))) and all(map(str.isdecimal, values))
        is_event = bool(values & _EVENTS) or (plain in _EVENT_NAMES and bool(values & _SHORT_EVENTS))
        if is_side or is_flag or is_level or is_event:
            column = index
    return column


def may_show_a_book(name: str) -> bool:
    """Return whether a column of this name may show that rows are those of an order book."""
    known = _SIDE_NAMES | _LOCAL_SIDE_NAMES | _FLAG_NAMES | _EVENT_NAMES | {_ENTRY_TYPE}
    return compact(name) in known or bool(_LEVELS.intersection(words(name)))


def may_be_of_trades(texts: Sequence[str]) -> bool:
    """Return whether sides may be those of trades as well as those of orders: they say who bought or sold."""
    return {text.strip().casefold() for text in texts[:_JUDGED]} - {""} <= _LOCAL_SIDES


def _are_sides(plain: str, values: set[str]) -> bool:
    """Return whether the values of a column are sides of an order book, by its compact name where it matters."""
    if plain == _ENTRY_TYPE:
        return not values.isdisjoint(_BOOK_SIDES)
    if values <= _SIDES or (plain in _LOCAL_SIDE_NAMES and values <= _LOCAL_SIDES):
        return True
    if len(values) == 1:
        # `b` alone may be a buyer
        return plain in _BOOK_SIDE_NAMES and values == {"a"}
    return (
        (plain in _SIDE_NAMES and values <= _SHORT_SIDES)
        or (plain in _BOOK_SIDE_NAMES and values <= _BOOK_SIDES)
        or (plain == "bookside" and values <= _ORDERS)
    )


def book_warning(column: str, index: int) -> str:
    """Return the warning for a table whose close is known, but which mixes bids and asks."""
    return (
        f"{column} has sides, levels or events of an order book, but all rows are counted as one series;"
        f" use `group_by={index + 1}` to count each as a series of its own"
    )
