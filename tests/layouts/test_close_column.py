"""Which column is the close if names or values are ambiguous, and which warnings the user gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamsig.cli.advice import with_flags
from streamsig.errors import LayoutError
from streamsig.sniffer.detect import detect
from streamsig.sniffer.layout import LayoutOptions as Options
from tests.support.layouts import bars, table

if TYPE_CHECKING:
    from collections.abc import Sequence

BARS = bars(20)
DAYS = [bar.time.strftime("%Y-%m-%d") for bar in BARS]
UNMARKED = [day.replace("-", "") for day in DAYS]
EPOCHS = [str(1_704_067_200 + 86_400 * row) for row in range(20)]
CLOSES = [bar.close for bar in BARS]
VOLUMES = [bar.volume for bar in BARS]
EMPTY = [""] * 20
COUNT = [str(row) for row in range(1, 21)]


def columns(header: str, *texts: list[str]) -> bytes:
    """Return a table of these columns, without a header if `header` is empty."""
    rows = [list(row) for row in zip(*texts, strict=True)]
    return table([header.split(","), *rows] if header else rows)


def pairs(header: str, keys: Sequence[str], *, blocks: bool = False) -> bytes:
    """Return days and closes of several keys, side by side or one after another."""
    rows = [[day, key, close] for day, close in zip(DAYS, CLOSES, strict=True) for key in keys]
    if blocks:
        rows.sort(key=lambda row: row[1])
    return table([header.split(","), *rows])


UNDERSTOOD = [
    # R leaves out the name of the row names; some programs end each row with a delimiter
    ("days as row names", columns("close,volume", DAYS, CLOSES, VOLUMES), 1),
    ("dates as row names", columns("close,volume", UNMARKED, CLOSES, VOLUMES), 1),
    ("epochs as row names", columns("volume,close", EPOCHS, VOLUMES, CLOSES), 2),
    ("texts as row names", columns("Schluss,Volumen", ["row"] * 20, CLOSES, VOLUMES), 1),
    ("numbers as row names", columns("close,volume", COUNT, CLOSES, VOLUMES), 1),
    ("numbers as row names before dates", columns("date,close", COUNT, DAYS, CLOSES), 2),
    ("row names and an empty column", columns("close,volume,note", UNMARKED, CLOSES, VOLUMES, EMPTY), 1),
    ("row names and an empty field at the end", columns("close,volume", UNMARKED, CLOSES, VOLUMES, EMPTY), 1),
    ("an empty field at the end", columns("date,close", UNMARKED, CLOSES, EMPTY), 1),
    ("an empty field at the end, no dates by name", columns("period,close", UNMARKED, CLOSES, EMPTY), 1),
    ("prices that could be dates", columns("date,close", DAYS, [f"202{int(v) % 10000:05}" for v in VOLUMES]), 1),
    ("fixed-point prices", columns("date,close", DAYS, [f"17{c.replace('.', '')}000000" for c in CLOSES]), 1),
    ("fixed-point prices that rise", columns("t,close", DAYS[:4], [f"17{c}0250000000" for c in "1247"]), 1),
    ("an official close", columns("Date,Last,Official Close", DAYS, VOLUMES, CLOSES), 2),
    ("the close of a session", columns("Date,Regular Session Close,Price", DAYS, CLOSES, VOLUMES), 1),
    ("an official close alone", columns("Date,official_close", DAYS, CLOSES), 1),
    ("a change of the close", columns("Date,Last,Close Chg,Prev Close", DAYS, CLOSES, VOLUMES, VOLUMES), 1),
    ("words about a close", columns("Date,Last,Close Reason", DAYS, CLOSES, ["x"] * 20), 1),
    ("sides of trades", columns("time,side,price", DAYS, ["buy", "sell"] * 10, CLOSES), 2),
    ("purchases alone", columns("time,side,price", DAYS, ["B"] * 20, CLOSES), 2),
    ("sides of trades in short", columns("time,action,side,price", DAYS, ["T"] * 20, ["A", "B"] * 10, CLOSES), 3),
    ("the first level alone", columns("time,depth,price", DAYS, ["0"] * 20, CLOSES), 2),
    ("one symbol", columns("date,symbol,close", DAYS, ["A"] * 20, CLOSES), 2),
    ("flags that change back and forth", columns("date,exchange,close", DAYS, ["N", "Q"] * 10, CLOSES), 2),
    (
        "trades of one second",
        columns("time,side,price", sorted([*DAYS[:12], *DAYS[:8]]), ["B"] * 12 + ["S"] * 8, CLOSES),
        2,
    ),
    ("prices that fall to nothing", columns("date,close", DAYS, ["9", "1", "0.1", "0.01", *["0"] * 16]), 1),
    ("spreads around 0", columns("date,close", DAYS, ["1", "0", "-1", "0", "2"] * 4), 1),
]


@pytest.mark.parametrize(("text", "close"), [each[1:] for each in UNDERSTOOD], ids=[each[0] for each in UNDERSTOOD])
def test_the_close_is_detected_without_a_warning(text: bytes, close: int) -> None:
    """Shifted names and look-alikes of dates, sides and markers do not hide the close."""
    detection = detect(text, is_complete=True)
    assert (detection.dialect.close, detection.warnings) == (close, ())


CANDIDATES = [
    ("fred", columns("DATE,VALUE", DAYS, CLOSES), 1),
    ("dollars of the US", columns("Date,US dollar (USD)", DAYS, CLOSES), 1),
    ("fred, gaps", columns("observation_date,DGS10", DAYS, [".", "", *CLOSES[2:]]), 1),
    (
        "ecb",
        columns("FREQ,CURRENCY,TIME_PERIOD,OBS_VALUE,OBS_STATUS", ["D"] * 20, ["USD"] * 20, DAYS, CLOSES, ["A"] * 20),
        3,
    ),
    ("volumes next to it", columns("date,volume,AAPL", DAYS, VOLUMES, CLOSES), 2),
    ("an index of pandas", columns(",date,value", COUNT, DAYS, CLOSES), 2),
    ("a flag", columns("date,value,is_open", DAYS, CLOSES, ["0", "1"] * 10), 1),
    ("no header", columns("", DAYS, CLOSES), 1),
    ("no header, the time after it", columns("", CLOSES, EPOCHS), 0),
    ("one column", columns("", CLOSES), 0),
    ("one column with a name", columns("x", CLOSES), 0),
    ("a rate that is an average", columns("Date,Daily average rate", DAYS, CLOSES), 1),
]


@pytest.mark.parametrize(("text", "close"), [each[1:] for each in CANDIDATES], ids=[each[0] for each in CANDIDATES])
def test_one_candidate_is_enough(text: bytes, close: int) -> None:
    """The only numeric column that may hold prices is the close, with a warning."""
    detection = detect(text, is_complete=True)
    (warning,) = detection.warnings
    assert detection.dialect.close == close
    assert warning.startswith(f"column {close + 1}")
    assert "only column of numbers" in warning
    assert "`column`" in warning


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        (pairs("date,symbol,close", "AB"), "--group-by symbol"),
        (pairs("date,symbol,close", "AB", blocks=True), "--group-by symbol"),
        (pairs("Datum,Wertpapier,Schluss", "ABC"), "--group-by Wertpapier"),
        (pairs("date,what is it,close", "AB"), "--group-by 2"),
        (pairs("date,exchange,close", "AB", blocks=True), "--group-by exchange"),
        (pairs("date,code,close", "12"), "--group-by code"),
        (pairs("date,one,close", "A") + pairs("date,one,close", "A").partition(b"\n")[2], "times repeat"),
        (pairs("date,side,close", ["bid", "ask"]), "--group-by 2"),
        (columns("date,price,qty", DAYS[:1] * 20, CLOSES, VOLUMES), "times repeat"),
    ],
)
def test_several_series_are_warned_of(text: bytes, fragment: str) -> None:
    """Rows that seem to belong to several series count as one, with a warning that names the flag."""
    (warning,) = detect(text, is_complete=True).warnings
    assert fragment in with_flags(warning)
    assert "`group_by=" in warning
    assert detect(text, is_complete=True, options=Options(group_by=(2,))).warnings == ()


@pytest.mark.parametrize(
    "marker", ["0", "0.00", "-1", "-1.0", "999999", "9999.99", "-9999", "2147483647", "-2147483648"]
)
def test_numbers_that_may_mean_no_close_are_warned_of(marker: str) -> None:
    """A 0, -1 or 999999 far from the other prices counts as a close, with a warning that names the flag."""
    text = columns("date,close", DAYS, [*CLOSES[:9], marker, *CLOSES[10:]])
    (warning,) = detect(text, is_complete=True).warnings
    assert "line 11" in warning
    assert f"`missing=[{marker!r}]`" in warning
    assert detect(text, is_complete=True, options=Options(missing=(marker,))).warnings == ()


@pytest.mark.parametrize(
    ("closes", "warned"),
    [
        (list(range(20)), False),
        ([0.5, 0.4, 0.2, 0.1, 0, 0.1, *[0.3, 0.2] * 7], False),
        ([0, 0, *range(60, 105, 5), *range(105, 60, -5)], True),
    ],
)
def test_a_price_may_come_near_to_0(closes: list[float], *, warned: bool) -> None:
    """A 0 is a price where prices come near to it in usual steps, and may mean no close where they fall to it."""
    text = columns("date,close", DAYS, list(map(str, closes)))
    assert bool(detect(text, is_complete=True).warnings) == warned


def test_an_empty_unnamed_column_may_be_the_close() -> None:
    """An unnamed column without values may be the close, so the layout is refused."""
    with pytest.raises(LayoutError, match="`column=N`"):
        detect(table([[day, "NA", close] for day, close in zip(DAYS, CLOSES, strict=True)]), is_complete=True)


@pytest.mark.parametrize(
    "text",
    [
        columns("time,side,price", DAYS, ["a"] * 20, CLOSES),
        columns("time,side,update_type,price", DAYS, ["b"] * 20, ["snap"] * 20, CLOSES),
    ],
)
def test_one_side_of_a_book_is_a_book(text: bytes) -> None:
    """A snapshot of only asks or only bids has no close."""
    with pytest.raises(LayoutError, match="order book"):
        detect(text, is_complete=True)


def test_a_side_of_a_book_is_a_series() -> None:
    """The advice in the refusal of an order book works."""
    text = table([["time", "side", "price"], ["1", "ask", "10.5"], ["2", "bid", "10.4"]])
    assert detect(text, is_complete=True, options=Options(column=3, group_by=(2,))).dialect.close == 2


@pytest.mark.parametrize(
    ("name", "values"), [("side", "buy sell"), ("side", "1 2"), ("MDEntryType", "2 2"), ("type", "0 1")]
)
def test_sides_of_trades_are_no_book(name: str, values: str) -> None:
    """Trades with sides count without a flag."""
    text = table([["time", name, "price"], *([str(i), side, "10.5"] for i, side in enumerate(values.split() * 9))])
    assert detect(text, is_complete=True).dialect.close == 2


def test_a_header_of_pandas_needs_a_flag() -> None:
    """The advice in the refusal of a pandas series with the header `,0` works."""
    text = columns(",0", DAYS, CLOSES)
    assert detect(text, is_complete=True, options=Options(header=True)).rows_sampled == 20
    assert detect(text, is_complete=True, options=Options(header=False, column=2)).rows_sampled == 21


@pytest.mark.parametrize(
    "text",
    [
        columns("close,volume", ["9" * 5000] * 20, CLOSES, EMPTY),
        columns("", ["9" * 5000] * 20, CLOSES),
        columns("", ["9" * 5000] * 20),
        columns("day,x", DAYS, ["1e300", "1e-300"] * 10),
        columns("day,x", DAYS, ["1e999", "5"] * 10),
        columns("close", ["1e18", "9e999"] * 10),
    ],
)
def test_numbers_out_of_range(text: bytes) -> None:
    """Numbers with many digits or large exponents are read or refused in one sentence."""
    try:
        shown = str(detect(text, is_complete=True).dialect.close + 1)
    except LayoutError as error:
        shown = str(error)
    assert shown in {"1", "2"} or "; " in shown
