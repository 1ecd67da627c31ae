"""Layouts that are detected without a flag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamsig.sniffer.detect import detect
from tests.support.layouts import Bar, bars, grouped, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamsig.sniffer.layout import Layout

BARS = bars()


def days(form: str = "%Y-%m-%d", *, newest: bool = False) -> list[tuple[str, Bar]]:
    """Return the bars with their times as text."""
    rows = [(bar.time.strftime(form), bar) for bar in BARS]
    return rows[::-1] if newest else rows


def ohlcv(header: str, form: str = "%Y-%m-%d", *, delimiter: str = ",", newest: bool = False) -> bytes:
    """Return a header (none if empty), then time, open, high, low, close and volume."""
    first = [header.split(delimiter)] if header else []
    return table(
        first + [[time, *bar.prices, bar.volume] for time, bar in days(form, newest=newest)], delimiter=delimiter
    )


def epochs(unit: int) -> list[list[str]]:
    """Return bars whose times are seconds, or fractions of them, since 1970."""
    return [[str(int(bar.time.timestamp()) * unit), *bar.prices, bar.volume] for bar in BARS]


def rows_of(make: Callable[[str, Bar], list[str]], form: str = "%Y-%m-%d", *, newest: bool = False) -> list[list[str]]:
    """Return one record for each bar."""
    return [make(time, bar) for time, bar in days(form, newest=newest)]


def binance(unit: int) -> bytes:
    """Return klines as Binance ships them: twelve fields without names."""
    return table(
        [
            [*row, str(int(row[0]) + 86_399_999), f"{row[5]}.5", "120", "7.5", f"{int(row[5]) // 2}.25", "0"]
            for row in epochs(unit)
        ]
    )


def kraken_vwap() -> bytes:
    """Return bars with a mean price after the close, between low and high."""

    def mean(bar: Bar) -> str:
        return f"{(float(bar.high) + float(bar.low)) / 2 + 0.003:.3f}"

    return table([[time, *bar.prices, mean(bar), bar.volume, "3"] for time, bar in days("%s")])


def swiss(text: str) -> str:
    """Write thousands with apostrophes."""
    return grouped(text, thousands="'")


def german(text: str) -> str:
    """Write points between thousands and a decimal comma."""
    return grouped(text, thousands=".", decimal=",")


def comma(text: str) -> str:
    """Write a decimal comma."""
    return text.replace(".", ",")


BIG = bars(cents=141_264_00)


def brazilian(*, newest: bool = True) -> bytes:
    """Return whole prices with points between thousands; percentages show the comma."""
    rows = [["Data", "Último", "Abertura", "Máxima", "Mínima", "Vol.", "Var%"]]
    for bar in BIG[:: -1 if newest else 1]:
        whole = [grouped(each.partition(".")[0], thousands=".") for each in (bar.close, bar.open, bar.high, bar.low)]
        rows.append([bar.time.strftime("%d.%m.%Y"), *whole, "57,32K", "0,43%"])
    return table(rows, quote=True, end="\r\n")


def english_dollars() -> bytes:
    """Return prices with a currency sign."""
    return table(
        [
            ["Date", "Close/Last", "Volume", "Open", "High", "Low"],
            *rows_of(
                lambda t, b: [t, f"${b.close}", b.volume, f"${b.open}", f"${b.high}", f"${b.low}"],
                "%m/%d/%Y",
                newest=True,
            ),
        ]
    )


def yfinance() -> bytes:
    """Return three header rows, the last of which names the first column."""
    head = b"Price,Close,High,Low,Open,Volume\nTicker,AAPL,AAPL,AAPL,AAPL,AAPL\nDate,,,,,\n"
    return head + table(rows_of(lambda t, b: [t, b.close, b.high, b.low, b.open, b.volume]))


def line_quoted(body: bytes, *, header: bool = True) -> bytes:
    """Wrap every line in quotes, or all but the header."""
    lines = body.splitlines()
    return b"".join(
        (b'"' + line.replace(b'"', b'""') + b'"\r\n') if header or number else line + b"\r\n"
        for number, line in enumerate(lines)
    )


NSE = "Date ,series ,OPEN ,HIGH ,LOW ,PREV. CLOSE ,ltp ,close ,vwap ,52W H ,52W L "

# id, text, close (from 0), further expected attributes
LAYOUTS: list[tuple[str, bytes, int, dict[str, object]]] = [
    ("plain", ohlcv("timestamp,open,high,low,close,volume"), 4, {"time": 0, "direction": "oldest first"}),
    ("stooq", ohlcv("<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>", "%Y%m%d"), 4, {"direction": "oldest first"}),
    ("stooq in Polish", ohlcv("Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen"), 4, {}),
    (
        "yahoo",
        table(
            [
                ["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"],
                *rows_of(lambda t, b: [t, *b.prices, "1.5", b.volume]),
            ]
        ),
        4,
        {},
    ),
    ("yahoo newest first", ohlcv("Date,Open,High,Low,Close,Volume", newest=True), 4, {"direction": "newest first"}),
    ("yfinance", yfinance(), 1, {"body_line": 4, "header": ("Date", "Close", "High", "Low", "Open", "Volume")}),
    (
        "cryptodatadownload",
        b"https://www.CryptoDataDownload.com\n" + ohlcv("Date,open,high,low,close,Volume USDT"),
        4,
        {"body_line": 3},
    ),
    (
        "a comma in the preamble",
        b"Created on 12-30-2020,https://www.example.com\r\n" + ohlcv("Date,Open,High,Low,Close,Volume"),
        4,
        {"body_line": 3},
    ),
    (
        "more of a preamble with numbers than of rows",
        b"Last update,2024\n2024,final\ndate,high,low,close\n2024-01-01,1.0,2.0,0.5\n",
        3,
        {"body_line": 4, "fields": 4},
    ),
    (
        "excel states the delimiter",
        b"sep=;\r\n" + ohlcv("Date;Open;High;Low;Close;Volume", delimiter=";"),
        4,
        {"delimiter": ";", "body_line": 3},
    ),
    (
        "comments above",
        b"# a source, with commas, in it\n# and more\n" + ohlcv("Date,Open,High,Low,Close,Volume"),
        4,
        {"body_line": 4},
    ),
    ("a header after #", ohlcv("#Date,Open,High,Low,Close,Volume"), 4, {"body_line": 2}),
    (
        "metadata above",
        b"Symbol,BTC\nFrom,2020-01-01\n\n" + ohlcv("Date,Open,High,Low,Close,Volume"),
        4,
        {"body_line": 5},
    ),
    (
        "units under the header",
        b"Date,Open,High,Low,Close,Volume\n,USD,USD,USD,USD,shares\n" + ohlcv(""),
        4,
        {"body_line": 3},
    ),
    (
        "barchart",
        ohlcv("Time,Open,High,Low,Last,Volume", "%m/%d/%Y", newest=True)
        + b'"Downloaded from Barchart.com as of 01-02-2022 03:04am CST"\n',
        4,
        {"direction": "newest first"},
    ),
    ("binance in milliseconds", binance(1000), 4, {"header": None, "fields": 12, "direction": "oldest first"}),
    ("binance in microseconds", binance(1_000_000), 4, {"header": None, "time": 0}),
    (
        "binance named",
        b"open_time,open,high,low,close,volume,close_time,quote_volume,count,a,b,ignore\n" + binance(1000),
        4,
        {"time": 0},
    ),
    ("kraken", table([[*row, "7"] for row in epochs(1)]), 4, {"header": None}),
    ("kraken with vwap", kraken_vwap(), 4, {"header": None}),
    ("histdata", ohlcv("", "%Y%m%d %H%M%S", delimiter=";"), 4, {"header": None, "delimiter": ";", "time": 0}),
    (
        "metatrader 4",
        table(rows_of(lambda t, b: [*t.split(), *b.prices, b.volume], "%Y.%m.%d %H:%M")),
        5,
        {"header": None, "time": 0, "direction": "oldest first"},
    ),
    (
        "metatrader 5",
        table(
            [
                ["<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<TICKVOL>"],
                *rows_of(lambda t, b: [*t.split(), *b.prices, b.volume], "%Y.%m.%d %H:%M:%S"),
            ],
            delimiter="\t",
        ),
        5,
        {"delimiter": "\t", "time": 0},
    ),
    (
        "lean fixed point",
        table([[str(60_000 * i), *(p.replace(".", "") + "00" for p in b.prices), "20"] for i, b in enumerate(BARS)]),
        4,
        {"header": None, "time": 0},
    ),
    ("newest first without a header", ohlcv("", newest=True), 4, {"direction": "newest first"}),
    ("every line quoted", line_quoted(ohlcv("timestamp,open,high,low,close,volume")), 4, {"line_quoted": True}),
    (
        "every line quoted, tabs",
        line_quoted(ohlcv("Time\tOpen\tHigh\tLow\tClose\tVolume", delimiter="\t")),
        4,
        {"line_quoted": True, "delimiter": "\t"},
    ),
    (
        "every line of two columns quoted",
        line_quoted(table([["timestamp", "close"], *([row[0], row[4].replace(".", "")[:3]] for row in epochs(1))])),
        1,
        {"line_quoted": True, "fields": 2, "time": 0, "thousands": ""},
    ),
    (
        "every line of two columns quoted, decimal commas",
        line_quoted(
            table([["Datum", "Schluss"], *rows_of(lambda t, b: [t[:4], comma(b.close)])], delimiter=";"),
        ),
        1,
        {"line_quoted": True, "delimiter": ";", "decimal": ","},
    ),
    (
        "data lines quoted, quotes inside",
        line_quoted(
            b"symbol,Open,High,Low,Close\n" + table(rows_of(lambda t, b: [f"{t}, x", *b.prices])), header=False
        ),
        4,
        {"line_quoted": True},
    ),
    (
        "every field quoted",
        table([["Date", "Open", "High", "Low", "Close"], *rows_of(lambda t, b: [t, *b.prices])], quote=True),
        4,
        {"line_quoted": False},
    ),
    ("carriage returns only", ohlcv("Date,Open,High,Low,Close,Volume").replace(b"\n", b"\r"), 4, {}),
    ("blanks around", ohlcv("Date, Open, High, Low, Close, Volume").replace(b",", b" , "), 4, {}),
    (
        "nse",
        table(
            [
                NSE.split(","),
                *rows_of(
                    lambda t, b: [t, "EQ", b.open, b.high, b.low, "1.0", b.close, b.close, "2.0", "3.0", "4.0"],
                    "%d-%b-%Y",
                ),
            ],
            quote=True,
        ),
        7,
        {},
    ),
    ("nasdaq", english_dollars(), 1, {"direction": "newest first"}),
    (
        "investing in English",
        table(
            [["Date", "Price", "Open", "High", "Low", "Vol.", "Change %"]]
            + [
                [
                    b.time.strftime("%b %d, %Y"),
                    *(grouped(p) for p in (b.close, b.open, b.high, b.low)),
                    "57.32K",
                    "-1.07%",
                ]
                for b in BIG[::-1]
            ],
            quote=True,
        ),
        1,
        {"thousands": ",", "decimal": ".", "direction": "newest first"},
    ),
    ("investing in Portuguese", brazilian(), 1, {"thousands": ".", "decimal": ",", "direction": "newest first"}),
    (
        "German",
        table(
            [["Datum", "Eröffnung", "Hoch", "Tief", "Schlusskurs"]]
            + [[b.time.strftime("%d.%m.%Y"), *map(german, b.prices)] for b in BIG],
            delimiter=";",
        ),
        4,
        {"thousands": ".", "decimal": ",", "direction": "oldest first"},
    ),
    (
        "decimal commas",
        table([["Date", "Close"], *rows_of(lambda t, b: [t, comma(b.close)])], delimiter=";"),
        1,
        {"decimal": ",", "thousands": "", "delimiter": ";"},
    ),
    (
        "decimal commas, quoted",
        table([["Date", "Close"], *rows_of(lambda t, b: [t, comma(b.close)])]),
        1,
        {"decimal": ",", "delimiter": ","},
    ),
    (
        "Swiss",
        table([["Datum", "Schluss"]] + [[b.time.strftime("%d.%m.%Y"), swiss(b.close)] for b in BIG], delimiter=";"),
        1,
        {"thousands": "'", "decimal": "."},
    ),
    (
        "French, blanks between thousands",
        table(
            [["Date", "Dernier"]]
            + [[b.time.strftime("%d/%m/%Y"), grouped(b.close, thousands="\u202f", decimal=",")] for b in BIG],
            delimiter=";",
        ),
        1,
        {"thousands": " ", "decimal": ","},
    ),
    (
        "three decimals of a yen",
        ohlcv("Date,Open,High,Low,Close,Volume").replace(b".", b".1"),
        4,
        {"decimal": ".", "thousands": ""},
    ),
    (
        "Japanese thousands",
        table(
            [["日付", "終値", "始値", "高値", "安値"]]
            + [
                [
                    b.time.strftime("%Y年%m月%d日"),
                    *(grouped(p.partition(".")[0]) for p in (b.close, b.open, b.high, b.low)),
                ]
                for b in BIG
            ],
            quote=True,
        ),
        1,
        {"thousands": ",", "direction": "oldest first"},
    ),
    (
        "Chinese",
        table(
            [
                ["日期", "开盘", "收盘", "最高", "最低", "成交量"],
                *rows_of(lambda t, b: [t, b.open, b.close, b.high, b.low, b.volume]),
            ]
        ),
        2,
        {},
    ),
    (
        "Russian",
        table(
            [
                ["Дата", "Цена", "Откр.", "Макс.", "Мин."],
                *rows_of(lambda t, b: [t, comma(b.close), comma(b.open), comma(b.high), comma(b.low)], "%d.%m.%Y"),
            ],
            quote=True,
        ),
        1,
        {"decimal": ","},
    ),
    (
        "Turkish",
        table([["Tarih", "Şimdi", "Düşük"], *rows_of(lambda t, b: [t, comma(b.close), comma(b.open)])], quote=True),
        1,
        {"decimal": ","},
    ),
    (
        "coinmarketcap",
        table(
            [
                ["timeOpen", "timeClose", "name", "open", "high", "low", "close", "volume", "timestamp"],
                *rows_of(
                    lambda t, b: [
                        f"{t}T00:00:00.000Z",
                        f"{t}T23:59:59.999Z",
                        "2781",
                        *b.prices,
                        b.volume,
                        f"{t}T23:59:59.999Z",
                    ],
                    newest=True,
                ),
            ],
            delimiter=";",
        ),
        6,
        {"time": 0, "direction": "newest first"},
    ),
    (
        "coingecko",
        table(
            [
                ["snapped_at", "price", "market_cap", "total_volume"],
                *rows_of(lambda t, b: [t, b.close, "1.5", b.volume], "%Y-%m-%d 00:00:00 UTC"),
            ]
        ),
        1,
        {"time": 0},
    ),
    ("dukascopy", ohlcv("Gmt time,Open,High,Low,Close,Volume", "%d.%m.%Y %H:%M:%S.000"), 4, {"time": 0}),
    (
        "tradestation",
        table(
            [
                ["Date", "Time", "Open", "High", "Low", "Close", "Up", "Down"],
                *rows_of(lambda t, b: [*t.split(), *b.prices, "1", "2"], "%m/%d/%Y %H:%M"),
            ],
            quote=True,
        ),
        5,
        {"time": 0},
    ),
    (
        "sierra chart",
        table(
            [
                ["Date", "Time", "Open", "High", "Low", "Last", "Volume", "NumberOfTrades"],
                *rows_of(lambda t, b: [*t.split(), *b.prices, "1", "2"], "%Y/%m/%d %H:%M:%S"),
            ]
        ),
        5,
        {"time": 0},
    ),
    (
        "finam ticks",
        table(
            [
                ["<DATE>", "<TIME>", "<LAST>", "<VOL>"],
                *rows_of(lambda t, b: [*t.split(), b.close, "3"], "%Y%m%d %H%M%S"),
            ],
            delimiter=";",
        ),
        2,
        {},
    ),
    ("bloomberg", table([["Dates", "PX_LAST"], *rows_of(lambda t, b: [t, b.close])]), 1, {}),
    (
        "bitmex",
        table(
            [
                ["timestamp", "symbol", "open", "high", "low", "close", "trades", "volume", "vwap", "lastSize"],
                *rows_of(lambda t, b: [f"{t}T00:00:00.000Z", "XBTUSD", *b.prices, "1", "2", "3", "4"]),
            ]
        ),
        5,
        {"time": 0},
    ),
    (
        "coinbase named",
        table(
            [["time", "low", "high", "open", "close", "volume"]]
            + [[row[0], row[3], row[2], row[1], row[4], row[5]] for row in epochs(1)]
        ),
        4,
        {},
    ),
    (
        "tushare",
        table(
            [
                ["ts_code", "trade_date", "open", "high", "low", "close", "pre_close", "change", "pct_chg"],
                *rows_of(lambda t, b: ["000001.SZ", t, *b.prices, "1", "2", "3"], "%Y%m%d", newest=True),
            ]
        ),
        5,
        {"time": 1, "direction": "newest first"},
    ),
    (
        "iex",
        table(
            [
                ["close", "high", "low", "open", "symbol", "date", "changeOverTime", "uClose", "fClose"],
                *rows_of(lambda t, b: [b.close, b.high, b.low, b.open, "AAPL", t, "0", "1", "2"]),
            ]
        ),
        0,
        {"time": 5},
    ),
    (
        "quandl",
        table(
            [
                ["Date", "Open", "High", "Low", "Close", "Volume", "Ex-Dividend", "Adj. Close"],
                *rows_of(lambda t, b: [t, *b.prices, b.volume, "0.0", "1.0"], newest=True),
            ]
        ),
        4,
        {},
    ),
    (
        "google finance",
        ohlcv("Date,Open,High,Low,Close,Volume", "%d-%b-%y", newest=True),
        4,
        {"direction": "newest first"},
    ),
    ("wsj", ohlcv("Date, Open, High, Low, Close, Volume", "%m/%d/%y", newest=True), 4, {"direction": "newest first"}),
    (
        "bse",
        table(
            [
                ["Date", "Open Price", "High Price", "Low Price", "Close Price", "WAP", "Spread Close-Open"],
                *rows_of(lambda t, b: [t, *b.prices, "1.5", "0.5"], "%d-%B-%Y"),
            ]
        ),
        4,
        {},
    ),
    (
        "R row numbers",
        table(
            [["", "Date", "Open", "High", "Low", "Close"]]
            + [[str(i), t, *b.prices] for i, (t, b) in enumerate(days(), 1)]
        ),
        5,
        {"time": 1},
    ),
    (
        "pandas index",
        table([["", "date", "open", "close"]] + [[str(i), t, b.open, b.close] for i, (t, b) in enumerate(days())]),
        3,
        {"time": 1},
    ),
    (
        "quantmod",
        table(
            [
                ["", "AAPL.Open", "AAPL.High", "AAPL.Low", "AAPL.Close", "AAPL.Volume", "AAPL.Adjusted"],
                *rows_of(lambda t, b: [t, *b.prices, b.volume, "1.0"]),
            ]
        ),
        4,
        {"time": 0},
    ),
    (
        "numbered names",
        table(
            [
                ["timestamp", "1. open", "2. high", "3. low", "4. close", "5. volume"],
                *rows_of(lambda t, b: [t, *b.prices, b.volume]),
            ]
        ),
        4,
        {},
    ),
    ("single letters", table([["t", "o", "h", "l", "c", "v"], *epochs(1)]), 4, {"time": 0}),
    (
        "tradingview, names that repeat",
        table(
            [["time", "open", "high", "low", "close", "Plot", "Plot"], *rows_of(lambda t, b: [t, *b.prices, "1", "2"])]
        ),
        4,
        {},
    ),
    (
        "a delimiter ends each row",
        b"Date,Open,High,Low,Close\n" + table(rows_of(lambda t, b: [t, *b.prices, ""])),
        4,
        {"fields": 6},
    ),
    (
        "a delimiter ends the header",
        b"Date,Open,High,Low,Close,\n" + table(rows_of(lambda t, b: [t, *b.prices])),
        4,
        {"fields": 5},
    ),
    ("pipes", ohlcv("date|open|high|low|close|volume", delimiter="|"), 4, {"delimiter": "|"}),
    (
        "decimal commas and no header",
        table(rows_of(lambda t, b: [t, *map(comma, b.prices)]), delimiter=";"),
        4,
        {"delimiter": ";", "decimal": ",", "header": None},
    ),
    (
        "thousands that only the run of values shows",
        table(
            [["Data", "Último"], *([str(20210101 + i), grouped(str(970 + 2 * i), thousands=".")] for i in range(30))],
            quote=True,
        ),
        1,
        {"decimal": ",", "thousands": ".", "time": 0},
    ),
    (
        "three decimals in Polish",
        table([["Data", "Zamkniecie"], *rows_of(lambda t, b: [t, b.close + "1"])]),
        1,
        {"decimal": ".", "thousands": ""},
    ),
    (
        "three decimals below one",
        table([["Datum", "Schluss"], *rows_of(lambda t, b: [t, "0." + b.volume[-3:]])], delimiter=";"),
        1,
        {"decimal": ".", "thousands": ""},
    ),
    ("a broken first row without a header", b"2021-01-03,1.5\n" + ohlcv(""), 4, {"header": None, "body_line": 1}),
    (
        "twelve hours",
        b"Date,Close\n1/4/2021 11:00 AM,1.5\n1/4/2021 12:00 PM,1.75\n1/4/2021 1:00 PM,2\n",
        1,
        {"direction": "oldest first"},
    ),
    (
        "days or months first, which would run either way",
        b"Date,Close\n01/02/2021,1.5\n02/01/2021,2\n",
        1,
        {"time": 0, "direction": "unknown"},
    ),
    (
        "a constant time",
        table([["unix", "date", "close"], *rows_of(lambda t, b: ["1.6E+12", t, b.close])]),
        2,
        {"time": 1, "direction": "oldest first"},
    ),
    ("one column", b"close\n" + b"".join(b.close.encode() + b"\n" for b in BARS), 0, {"fields": 1}),
    (
        "one quoted column",
        b'"Close"\n' + b"".join(f'"{grouped(b.close)}"\n'.encode() for b in BIG),
        0,
        {"fields": 1, "line_quoted": False, "thousands": ","},
    ),
    ("scientific notation", b"time,close\n1,1.2e-05\n2,3E-4\n3,0.5\n", 1, {"decimals": 6}),
    (
        "excel lost the times",
        table([["time", "close"]] + [["1.76723E+15", b.close] for b in BARS]),
        1,
        {"time": 0, "direction": "unknown"},
    ),
    (
        "a broken row",
        b"Date,Close\n2020-01-01,1.5,9,9\n2020-01-02,1.75\n2020-01-03,2\n",
        1,
        {"fields": 2, "body_line": 2},
    ),
    ("a close that is no number", b"Date,Close\n2020-01-01,abc\n2020-01-02,1.75\n2020-01-03,2\n", 1, {"body_line": 2}),
    (
        "missing closes first",
        b"Date,Close\n2020-01-01,\n2020-01-02,null\n2020-01-03,2\n",
        1,
        {"body_line": 2, "missing": ("", "null")},
    ),
    ("a header and no rows", b"Date,Open,High,Low,Close\n", 4, {"fields": 5, "body_offset": 25}),
    (
        "blank lines",
        b"\n\n  \nDate,Close\n\n2020-01-01,1.5\n\n2020-01-02,1.75\n",
        1,
        {"body_line": 6, "body_offset": 17},
    ),
    ("quoted newlines above", b'Date,"Close\nin USD",Close\n2020-01-01,1.5,2.5\n', 2, {"body_line": 3}),
    (
        "oanda",
        table(
            [
                ["time", "volume", "mid.o", "mid.h", "mid.l", "mid.c", "bid.o", "bid.h", "bid.l", "bid.c"],
                *rows_of(lambda t, b: [t, b.volume, *b.prices, *b.prices]),
            ]
        ),
        5,
        {},
    ),
    (
        "names that pandas made up",
        table([[str(place) for place in range(6)], *([t, *b.prices, b.volume] for t, b in days())]),
        4,
        {"body_line": 2, "rows_sampled": len(BARS)},
    ),
    (
        "a flag named closed",
        table([["time", "price", "closed"], *rows_of(lambda t, b: [t, b.close, "1"])]),
        1,
        {},
    ),
    (
        "Turkish with a unit",
        table([["Tarih", "Kapaniş(TL)", "Min(TL)"], *rows_of(lambda t, b: [t, b.close, b.low])]),
        1,
        {},
    ),
    (
        "bhavcopy of 2024",
        table(
            [
                ["TradDt", "TckrSymb", "OpnPric", "HghPric", "LwPric", "ClsPric", "LastPric", "PrvsClsgPric"],
                *rows_of(lambda t, b: [t, "A", *b.prices, b.open, b.high]),
            ]
        ),
        5,
        {"time": 0},
    ),
    (
        "Chinese with units",
        table([["日期", "收盘价(元)", "前收盘价(元)"], *rows_of(lambda t, b: [t, b.close, b.open])]),
        1,
        {},
    ),
    (
        "whole prices between semicolons",
        table([["Date", "Close"], *rows_of(lambda t, b: [t, b.close[:3]])], delimiter=";"),
        1,
        {"decimal": ".", "thousands": "", "ambiguous_mark": True},
    ),
    (
        "whole prices between commas",
        table([["Datum", "Schluss"], *rows_of(lambda t, b: [t, b.close[:3]])]),
        1,
        {"decimal": ".", "thousands": "", "ambiguous_mark": True},
    ),
    (
        "whole prices and volumes with decimals",
        table([["Date", "Close", "Volume"], *rows_of(lambda t, b: [t, b.close[:3], f"{b.volume}.5"])], delimiter=";"),
        1,
        {"decimal": ".", "thousands": "", "ambiguous_mark": False},
    ),
    (
        "whole yen",
        table([["Date", "Close"], *rows_of(lambda t, b: [t, f"\uffe51,{b.close[:3]}"])], delimiter=";"),
        1,
        {"decimal": ".", "thousands": ",", "mark_by_convention": False},
    ),
    (
        "a delimiter at the end of every line",
        table([["Date", "Open", "Close", "Volume"], *rows_of(lambda t, b: [t, b.open[0], b.close[0], b.volume, ""])]),
        2,
        {"time": 0},
    ),
    (
        "series one after another",
        table([["Symbol", "Date", "Close"]] + [[s, t, b.close] for s in "ABC" for t, b in days()]),
        2,
        {"direction": "oldest first"},
    ),
    (
        "one day of many symbols",
        table(
            [["SYMBOL", "DATE1", "PREV_CLOSE", "CLOSE_PRICE"]] + [["A", " 21-Aug-2026", "1.0", b.close] for b in BARS]
        ),
        3,
        {"direction": "unknown", "time": 1},
    ),
]


def attribute(detection: Layout, what: str) -> object:
    """Return an attribute of the layout, its dialect or its number format."""
    for holder in (detection, detection.dialect, detection.dialect.numbers, detection.time_column):
        if hasattr(holder, what):
            return getattr(holder, what)
    raise AttributeError(what)


@pytest.mark.parametrize(("text", "close", "expected"), [each[1:] for each in LAYOUTS], ids=[e[0] for e in LAYOUTS])
def test_layout_is_detected(text: bytes, close: int, expected: dict[str, object]) -> None:
    """A usual layout is detected without a flag."""
    detection = detect(text, is_complete=True)
    assert detection.dialect.close == close
    assert {what: attribute(detection, what) for what in expected} == expected


@pytest.mark.parametrize("text", [each[1] for each in LAYOUTS], ids=[each[0] for each in LAYOUTS])
def test_body_offset_and_line_agree(text: bytes) -> None:
    """`body_offset` and `body_line` name the same place, the start of a line."""
    dialect = detect(text, is_complete=True).dialect
    above = text[: dialect.body_offset]
    assert above == b"" or above[-1:] in b"\r\n"
    assert len(above.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")) == dialect.body_line
