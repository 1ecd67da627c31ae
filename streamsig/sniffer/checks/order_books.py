"""Whether prices are those of an order book: bids and asks, levels or orders, and no trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamsig.errors import LayoutError
from streamsig.fields.column_names import Role, compact, words

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from streamsig.sniffer.layout import Layout, LayoutOptions
    from streamsig.sniffer.table import Table


class _Rule(NamedTuple):
    """Values that show a book in columns of these names, or of any name: all values are among them, or one is.

    There are at least `fewest` different values.
    """

    names: frozenset[str] | None
    values: frozenset[str]
    fewest: int = 1
    one_of: bool = False


def _set(texts: str) -> frozenset[str]:
    return frozenset(texts.split())


_BOOK_SIDE_NAMES = _set("side bidask askbid bidoffer bookside")
_SIDE_NAMES = _BOOK_SIDE_NAMES | _set("type ba quotetype ordertype")
_EVENT_NAMES = _set("action event eventtype msgtype messagetype updatetype")
_FLAG_NAMES = _set("isbid isask bidflag askflag")
_LEVELS = _set("level levels depth lvl")
_TRADES = _set("t trade")
_LOCAL_SIDES = _set(
    "compra venda venta compras vendas ventas demanda oferta achat vente achats ventes demande offre"
    " acquisto vendita domanda offerta kauf verkauf"
)
"""Of orders or of trades."""

_RULES = (
    _Rule(None, _set("bid ask bids asks offer offers geld brief denaro lettera")),
    _Rule(_set("tipo lado lato cote sens seite"), _LOCAL_SIDES),
    # `b` alone may be a buyer
    _Rule(_BOOK_SIDE_NAMES, _set("a")),
    _Rule(_SIDE_NAMES, _set("a b o"), 2),
    _Rule(_BOOK_SIDE_NAMES, _set("0 1"), 2),
    _Rule(_set("bookside"), _set("buy sell b s"), 2),
    # a field of FIX: 0 is a bid, 1 an offer, 2 a trade
    _Rule(_set("mdentrytype"), _set("0 1"), one_of=True),
    _Rule(None, _set("add insert cancel delete modify remove"), one_of=True),
    _Rule(_EVENT_NAMES, _set("a c m d r snap snapshot"), one_of=True),
)
_NAMES = _FLAG_NAMES.union(*(rule.names for rule in _RULES if rule.names))
_JUDGED = 1000


def check_book(table: Table, layout: Layout, options: LayoutOptions) -> None:
    """Raise where a close that was chosen by its name, which is not that of a close, holds prices of an order book."""
    close = layout.dialect.close
    if options.column is not None or table.roles[close] is Role.CLOSE:
        return
    side = _book_column(table, layout.groups)
    if side is None:
        return
    of_trades = _values(table.columns[side]) <= _LOCAL_SIDES
    trades = f"; if they are trades, use `column={close + 1}` alone" if of_trades else ""
    raise LayoutError(
        f"{table.name}: column {table.listed([side])} shows that the rows are entries of an order book, which has no"
        f" close; use a file of trades or bars, or count each side as a series of its own with"
        f" `column={close + 1}, group_by={side + 1}`{trades}"
    )


def book_warning(table: Table, layout: Layout) -> str | None:
    """Return the warning for a table whose close is known, but which mixes bids and asks."""
    side = _book_column(table, layout.groups)
    if side is None or len(set(table.columns[side])) == 1:
        return None
    return (
        f"{table.title(side)} has sides, levels or events of an order book, but all rows are counted as one series;"
        f" use `group_by={side + 1}` to count each as a series of its own"
    )


def may_show_a_book(name: str) -> bool:
    """Return whether a column may show a book by its name and its values; some values show one under any name."""
    return compact(name) in _NAMES or bool(_LEVELS.intersection(words(name)))


def _book_column(table: Table, grouped: Collection[int]) -> int | None:
    """Return the first column that shows rows to be sides, levels or events of an order book, `None` if none does.

    Columns that are `grouped` by do not matter, nor do the sides of trades.
    """
    columns = list(zip(table.names or (), map(_values, table.columns), strict=False))
    if any(compact(name) in _EVENT_NAMES and values and values <= _TRADES for name, values in columns):
        return None
    shown = (i for i, (name, values) in enumerate(columns) if i not in grouped and _is_of_book(name, values))
    return next(shown, None)


def _is_of_book(name: str, values: set[str]) -> bool:
    plain = compact(name)
    if len(values) > 1 and (
        plain in _FLAG_NAMES or (_LEVELS.intersection(words(name)) and all(map(str.isdecimal, values)))
    ):
        return True
    return any(
        len(values) >= rule.fewest
        and (rule.names is None or plain in rule.names)
        and (not values.isdisjoint(rule.values) if rule.one_of else values <= rule.values)
        for rule in _RULES
    )


def _values(texts: Sequence[str]) -> set[str]:
    return {text.strip().casefold() for text in set(texts[:_JUDGED])} - {""}
