"""Ambiguous layouts are refused in one sentence that names the values and the flag that settles it."""

from __future__ import annotations

import pytest

from streamsig.cli.advice import with_flags
from streamsig.errors import LayoutError, UsageError
from streamsig.sniffer.detect import detect
from streamsig.sniffer.layout import LayoutOptions as Options
from tests.support.layouts import bars, table

BARS = bars()
DAYS = [bar.time.strftime("%Y-%m-%d") for bar in BARS]
TIMES = [str(int(bar.time.timestamp())) for bar in BARS]


def named(header: str, *records: list[str]) -> bytes:
    """Return a table with a header."""
    return table([header.split(","), *records])


def many(header: str) -> bytes:
    """Return a table in which every column but the date is a walk of prices."""
    names = header.split(",")
    walks = [bars(seed=seed) for seed in range(1, len(names))]
    return table([names, *([DAYS[i], *(walk[i].close for walk in walks)] for i in range(len(BARS)))])


def bars_as(*order: str, extra: tuple[str, ...] = ()) -> bytes:
    """Return bars without a header, their prices in this order."""
    return table(
        [[time, *(getattr(bar, each) for each in order), *extra] for time, bar in zip(TIMES, BARS, strict=True)]
    )


def thousands(delimiter: str, mark: str, names: str, *, quote: bool = False) -> bytes:
    """Return closes that all have a mark before three digits."""
    rows = [[day, f"{bar.close[:-3]}{mark}{bar.volume[-3:]}"] for day, bar in zip(DAYS, BARS, strict=True)]
    return table([names.split(","), *rows], delimiter=delimiter, quote=quote)


DATED = [["20240102", "10.5", "100"], ["20240103", "10.4", "100"]]
BOOK = [["1", "ask", "10.5"], ["2", "bid", "10.4"]]
SHIFTED_EVENLY = table(
    [
        ["Date", "Open", "High", "Low", "Close", "Volume"],
        *([str(i), d, *b.prices] for i, (d, b) in enumerate(zip(DAYS, BARS, strict=True))),
    ]
)

REFUSALS: list[tuple[str, bytes, Options, list[str]]] = [
    ("nothing", b"", Options(), ["x.csv: is empty", "--no-header"]),
    ("blank lines", b"\n \n\r\n", Options(), ["x.csv: is empty", "--no-header"]),
    ("adjusted only", many("Date,Adj Close"), Options(), ['2 "Adj Close"', "--column"]),
    ("previous only", many("Date,PREV_CLOSE"), Options(), ['2 "PREV_CLOSE"', "--column"]),
    ("bid and ask", many("Date,Bid,Ask"), Options(), ['2 "Bid", 3 "Ask"', "--column"]),
    (
        "bid bars and ask bars",
        many("Date,BidOpen,BidClose,AskOpen,AskClose"),
        Options(),
        ['3 "BidClose", 5 "AskClose"', "--column"],
    ),
    ("close time only", many("Open time,Open,Close time"), Options(), ['3 "Close time"', "--column"]),
    ("a column of changes", many("DATE,Net Change"), Options(), ['2 "Net Change"', "--column"]),
    ("two columns of numbers", many("DATE,GBP,JPY"), Options(), ['2 "GBP"', "--column"]),
    (
        "a column of returns",
        named("DATE,X", *(["2024-01-01", x] for x in ["1", "-2", "1", "-1", "2", "-1"])),
        Options(),
        ["--column 2"],
    ),
    (
        "volumes without a name",
        table([[t, b.volume] for t, b in zip(DAYS, BARS, strict=True)]),
        Options(),
        ["--column 2"],
    ),
    (
        "what looks like a count",
        named("Date,NAV,Shares,Sum", *([d, str(10 + i), "5", "6"] for i, d in enumerate(DAYS))),
        Options(),
        ['2 "NAV"'],
    ),
    (
        "halves of numbers",
        b"9,0\n9,1\n10,0\n9,1\n",
        Options(),
        ["split at the comma", "--delimiter ';' --column 1"],
    ),
    (
        "days and halves of numbers",
        b"2024-01-01,9,0\n2024-01-02,9,1\n2024-01-03,9,2\n",
        Options(),
        ["--column N"],
    ),
    ("row numbers alone", b"1\n2\n3\n4\n", Options(), ["no header", "--column N"]),
    ("epochs alone", b"1704067200\n1704153600\n1704240000\n", Options(), ["--column N"]),
    (
        "a series of pandas",
        b",0\n2024-01-01,1.5\n2024-01-02,1.25\n",
        Options(),
        ["line 1", "--header", "--column 2"],
    ),
    (
        "an unknown close next to a last price",
        many("Date,Last,Auction Close"),
        Options(),
        ['3 "Auction Close"', "--column N"],
    ),
    (
        "an unknown close in another language",
        many("Fecha,Cierre oficial,Último"),
        Options(),
        ['2 "Cierre', "--column N"],
    ),
    (
        "two unknown closes",
        many("Date,Official Close,Late Close,Last"),
        Options(),
        ['3 "Late Close"', "--column N"],
    ),
    (
        "an unknown close without numbers",
        many("Date,Last,X").replace(b"X", b"Official Close,X"),
        Options(),
        ["--column N"],
    ),
    (
        "dates under the close",
        named("close,volume,note", *DATED),
        Options(),
        ["dates such as 20240102", "--column N"],
    ),
    ("dates, with a column", named("a,b,c", *DATED), Options(column=1), ["dates such as 20240102", "--column N"]),
    (
        "epochs under the close",
        named("close,volume", *(["1704153600", "1.5"], ["1704240000", "1.25"], ["1704326400", "1.75"])),
        Options(),
        ["seconds since 1970 such as 1704153600", "2=1.5", "--column N"],
    ),
    (
        "bids and asks",
        named("time,side,price", *BOOK),
        Options(),
        ['2 "side"', "order book", "--column 3 --group-by 2"],
    ),
    *(
        (
            f"an order book of {name}, {values}",
            named(f"time,{name},price", *([str(i), side, "10.5"] for i, side in enumerate(values.split() * 2))),
            Options(),
            [f'2 "{name}"', "order book", "--column 3 --group-by 2" + trades],
        )
        for name, values, trades in [
            ("side", "0 1", ""),
            ("MDEntryType", "0 1 2", ""),
            ("book_side", "BUY SELL", ""),
            ("BookSide", "b s", ""),
            ("Seite", "Geld Brief", ""),
            ("Tipo", "compra VENDA", "; if they are trades, use --column 3 alone"),
            ("lado", "Compra Venta", "; if they are trades, use --column 3 alone"),
            ("Côté", "achat vente", "; if they are trades, use --column 3 alone"),
        ]
    ),
    (
        "levels",
        named("time,level,price", *(["1", str(i % 3), "1.5"] for i in range(6))),
        Options(),
        ["order book"],
    ),
    ("orders", named("time,action,price", *(["1", x, "1.5"] for x in "ACMT")), Options(), ["order book"]),
    ("twice the same name", many("Date,Close,Close"), Options(), ['2 "Close", 3 "Close"', "--column N"]),
    ("the same name but for case", many("Date,close,CLOSE"), Options(), ['2 "close", 3 "CLOSE"', "--column N"]),
    ("two symbols", many("Date,BTC_Close,ETH_Close"), Options(), ['2 "BTC_Close", 3 "ETH_Close"', "--column N"]),
    (
        "two currencies",
        many("Date,4a. close (USD),4b. close (CNY)"),
        Options(),
        ["4a. close (USD)", "4b. close (CNY)"],
    ),
    (
        "last and settlement",
        many("Date,Open,High,Low,Last,Settle"),
        Options(),
        ['5 "Last", 6 "Settle"', "--column N"],
    ),
    (
        "two tickers",
        b"Price,Close,Close\nTicker,AAPL,MSFT\nDate,,\n" + many("x,y,z")[6:],
        Options(),
        ['2 "Close" (AAPL), 3 "Close" (MSFT)', "--column N"],
    ),
    ("a derived close", many("Date,close_zscore"), Options(), ["close_zscore", "--column"]),
    (
        "names shifted by an index, the last column empty",
        table([["Close", "Volume", "Note"], *([str(i), b.close, b.volume, ""] for i, b in enumerate(BARS))]),
        Options(),
        ["names 3 columns", "4 fields", "--column N"],
    ),
    ("names shifted, as many as fields", SHIFTED_EVENLY, Options(), ["shifted", "--column N"]),
    (
        "more names than fields",
        many("Date,Open,Close").replace(b"Open", b"Time,Open"),
        Options(),
        ["names 4 columns", "3 fields"],
    ),
    (
        "ticks",
        table([[t, b.close, b.volume] for t, b in zip(TIMES, BARS, strict=True)]),
        Options(),
        ["line 1", "no header", f"1={TIMES[0]} 2=122.32", "--column N"],
    ),
    (
        "bid and ask ticks",
        table([[t, b.low, b.high] for t, b in zip(TIMES, BARS, strict=True)]),
        Options(),
        ["no header", "--column N"],
    ),
    (
        "depth of market",
        table([[t, b.low, b.high, "100", "200"] for t, b in zip(TIMES, BARS, strict=True)]),
        Options(),
        ["--column N"],
    ),
    ("open, close, high, low", bars_as("open", "close", "high", "low", "volume"), Options(), ["--column N"]),
    ("low, high, open, close", bars_as("low", "high", "open", "close", "volume"), Options(), ["--column N"]),
    (
        "close, high, low, open",
        bars_as("close", "high", "low", "open"),
        Options(),
        ["which is open", "--column N"],
    ),
    ("last and close", bars_as("open", "high", "low", "open", "close"), Options(), ["--column N"]),
    (
        "bid bars and ask bars, no names",
        bars_as("open", "high", "low", "close", "open", "high", "low", "close"),
        Options(),
        ["more than one field", "5, 9"],
    ),
    (
        "few rows",
        b"".join(bars_as("open", "high", "low", "close").splitlines(keepends=True)[:6]),
        Options(),
        ["--column N"],
    ),
    (
        "always falling",
        table([[t, f"{99 - i}.5", f"{99 - i}.5", f"{98 - i}.5", f"{98 - i}.5"] for i, t in enumerate(TIMES)]),
        Options(),
        ["--column N"],
    ),
    (
        "too wide for prices",
        table([[t, str(100 + i), str(1000 + i), str(9 + i), str(101 + i)] for i, t in enumerate(TIMES)]),
        Options(),
        ["--column N"],
    ),
    (
        "a copy that pandas renamed",
        many("Date,Close,Close.1"),
        Options(),
        ['2 "Close", 3 "Close.1"', "--column N"],
    ),
    ("capitals that are no symbol", many("DATE,CLOSE_WEIRD"), Options(), ['2 "CLOSE_WEIRD"', "--column"]),
    ("a near close and a bid", many("Date,Adj Close,Bid"), Options(), ['there is 2 "Adj Close"; if']),
    ("texts only", b"name,close\na,x\nb,y\n", Options(), ["line 2", "'x'"]),
    ("a derived close in words", many("Date,Close Log"), Options(), ['2 "Close Log"']),
    (
        "blanks between fields",
        table(
            [["Date", "Open", "Close"], *([d, b.open, b.close] for d, b in zip(DAYS, BARS, strict=True))], delimiter=" "
        ),
        Options(),
        ["x.csv, line 2", "separated by blanks", "--delimiter ' '"],
    ),
    (
        "blanks between fields without a header",
        bars_as("open", "high", "low", "close").replace(b",", b" "),
        Options(),
        ["separated by blanks", "--delimiter ' '"],
    ),
    (
        "aligned with blanks",
        b"Date        Close\n" + b"".join(f"{d}  {b.close:>7}\n".encode() for d, b in zip(DAYS, BARS, strict=True)),
        Options(),
        ["separated by blanks", "tr -s ' ' ,"],
    ),
    (
        "thousands that came apart",
        b"Date,Open,Close\n" + table([[d, "1", b.open, "1", b.close] for d, b in zip(DAYS, BARS, strict=True)]),
        Options(),
        ["line 2", "split at the comma", "1,123.45", "--thousands none"],
    ),
    (
        "other widths above the header than below it",
        b"note,2.25\n2024,z\nopen,high,low,close\n2025-01-01,1.0,2.0,0.5,z\n",
        Options(),
        ['column 5 "close" is not a column of numbers', "--column"],
    ),
    (
        "names that are numbers, and no bars",
        table([["Date", "1", "2", "3", "4"], *([d, b.open, "1", "2", "3"] for d, b in zip(DAYS, BARS, strict=True))]),
        Options(),
        ["numbers for names", "--column N"],
    ),
    ("a RAR archive", b"Rar!\x1a\x07\x01\0", Options(), ["RAR"]),
    (
        "a feather file of version 1",
        b"FEA1\0\0\0\0",
        Options(),
        ["Feather file of version 1", "f.read_table('x.csv')"],
    ),
    ("an ORC file", b"ORC\n\4\0", Options(), ["an ORC file", "orc.read_table('x.csv')"]),
    ("an Avro file", b"Obj\1\4\x14avro.codec", Options(), ["an Avro file", "read_avro('x.csv')"]),
    ("Parquet inside an archive", b"PAR1\x15\4", Options(), ["Parquet", "inside an archive", "unpack"]),
    (
        "a tar archive",
        b"x.csv".ljust(257, b"\0") + b"ustar\0",
        Options(),
        ["tar archive", "tar -xf x.csv -C TABLES && streamsig run 'TABLES/**/*.csv'"],
    ),
    (
        "eighths of a cent",
        named("Date,Open,Last", *([d, "526-2", "526-4"] for d in DAYS)),
        Options(),
        ["no numbers", '3 "Last"', "line 2 reads '526-4'", "--column"],
    ),
    ("names in another encoding", "Äàòà,Çàêð\n2020-01-01,1\n".encode(), Options(), ["--encoding NAME"]),
    (
        "nothing moves",
        table([[t, "1.5", "1.5", "1.5", "1.5"] for t in TIMES]),
        Options(),
        ["no header", "--column N"],
    ),
    (
        "two rows",
        b"".join(bars_as("open", "high", "low", "close").splitlines(keepends=True)[:2]),
        Options(),
        ["--column N"],
    ),
    (
        "a comma before three digits",
        thousands(";", ",", "Date,Close"),
        Options(),
        ["122,995", "--thousands ,", "--decimal ,"],
    ),
    (
        "a point before three digits",
        thousands(";", ".", "Datum,Schlusskurs"),
        Options(),
        ["--thousands .", "--decimal ."],
    ),
    (
        "a quoted point, not in English",
        thousands(",", ".", "Data,Último", quote=True),
        Options(),
        ["--thousands .", "--decimal ."],
    ),
    (
        "closes that are texts",
        named("Date,Close", *([d, "up"] for d in DAYS)),
        Options(),
        ["line 2", '"Close"', "'up'"],
    ),
    (
        "a web page",
        b"\n<!DOCTYPE html><html><head><title>404 Not Found</title>",
        Options(),
        ["web page", "404 Not Found"],
    ),
    ("xml", b"<?xml version='1.0'?><Error><Message>Access Denied</Message>", Options(), ["XML", "Access Denied"]),
    ("an error as json", b'{"Error Message": "Invalid API call."}', Options(), ["JSON", "Invalid API call."]),
    ("a note as json", b'{\n  "Note": "5 calls per minute"\n}', Options(), ["JSON", "5 calls per minute"]),
    ("klines as json", b'[[1499040000000,"0.01634790"]]', Options(), ["JSON"]),
    ("a workbook", b"PK\x03\x04\x14\x00", Options(), ["Excel"]),
    ("NUL bytes", b"a,b\n1,\x00\x00\n", Options(), ["line 2", "binary"]),
    ("one line of text", b"No data\n", Options(), ["one line of text", "No data", "download", "--column"]),
    ("an unknown name", many("Date,Close"), Options(column="Closs"), ['2 "Close"', 'did you mean "Close"?']),
    ("a name twice", many("Date,Plot,Plot"), Options(column="Plot"), ['2 "Plot", 3 "Plot"', "--column N"]),
    ("a number too high", many("Date,Close"), Options(column=3), ["--column 3", '2 "Close"']),
    ("a name without a header", bars_as("open", "high", "low", "close"), Options(column="close"), ["--column N"]),
    ("no header though there is one", many("Date,Open,Close"), Options(header=False), ["--column N"]),
]


@pytest.mark.parametrize(("text", "options", "fragments"), [e[1:] for e in REFUSALS], ids=[e[0] for e in REFUSALS])
def test_ambiguous_layouts_are_refused(text: bytes, options: Options, fragments: list[str]) -> None:
    """An ambiguous layout stops with one line that begins with the file's name."""
    with pytest.raises(LayoutError) as caught:
        detect(text, is_complete=True, options=options, name="x.csv")
    message = with_flags(str(caught.value))
    assert message.startswith(("x.csv: ", "x.csv, line "))
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message


def test_numbers_for_names_without_rows() -> None:
    """A header of numbers without rows names no close."""
    with pytest.raises(LayoutError, match=r"no column is named like a close: the columns are 1 \"0\""):
        detect(b"0,1,2,3,4\n", is_complete=True)


def test_a_column_zero_is_refused() -> None:
    """Fields count from 1."""
    with pytest.raises(UsageError, match=r"^x\.csv: `column=0`: fields count from 1"):
        detect(many("Date,Close"), is_complete=True, options=Options(column=0), name="x.csv")


def test_a_table_above_with_times_and_closes() -> None:
    """Of two joined tables the first is not a preamble, however many fields the second has."""
    above = "Date,Open,High,Low,Close\n2000,9,12,8,10\n2001,9,12,8,11\n"
    below = "Date,Close,Open,High,Low,Volume\n9000,11,9,12,8,1\n9001,12,9,12,8,1\n"
    with pytest.raises(LayoutError, match=r"line 4: this is a second header.*`skip_lines=3`") as caught:
        detect((above + below).encode(), is_complete=True)
    assert "head -n 3 FILE" in str(caught.value)
    assert detect((above + below).encode(), is_complete=True, options=Options(skip_lines=3)).dialect.close == 1
    assert detect(above.encode(), is_complete=True).dialect.close == 4
