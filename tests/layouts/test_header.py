"""Where the rows begin: preambles, headers, units, and rows that only resemble them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import streamsig
from streamsig.cli.advice import with_flags
from streamsig.errors import BadRowError, LayoutError
from streamsig.sniffer.detect import detect
from streamsig.sniffer.layout import LayoutOptions as Options

if TYPE_CHECKING:
    from pathlib import Path

ROWS = "2024-01-02,10,5\n2024-01-03,11,5\n2024-01-04,12,5\n"
TWO = "2024-01-02,10\n2024-01-03,11\n2024-01-04,12\n"
KEYS = "AAA,10\nAAA,11\n"
CODED = "1960M03,1\n1960M04,2\n"

# id, text, flags, names, line of the first row
BEGINNINGS: list[tuple[str, str, Options, str, int]] = [
    # rows without a close
    ("keys, empty", "symbol,close\nZZZ,\nZZZ,\n" + KEYS, Options(), "symbol,close", 2),
    ("keys, one only", "symbol,close\nZZZ,\n" + KEYS, Options(), "symbol,close", 2),
    ("keys, many", "symbol,close\n" + "ZZZ,NA\n" * 9 + KEYS, Options(), "symbol,close", 2),
    ("keys, tabs", "symbol\tclose\nZZZ\t\nZZZ\t\n" + KEYS.replace(",", "\t"), Options(), "symbol,close", 2),
    ("keys that are names", "symbol,close\nLOW,\nOPEN,\n" + KEYS, Options(), "symbol,close", 2),
    ("keys, names unknown", "sym,px\nLOW,\nLOW,12\n" + KEYS, Options(column=2), "sym,px", 2),
    (
        "keys, a word for missing",
        "symbol,close\nZZZ,halt\n" + KEYS,
        Options(missing=("halt",)),
        "symbol,close",
        2,
    ),
    ("keys, a bad close", "symbol,close\nZZZ,halted\n" + KEYS, Options(), "symbol,close", 2),
    ("months", "DATE,close\n1960M01,\n1960M02,NA\n" + CODED, Options(), "DATE,close", 2),
    ("months, a word for missing", "DATE,close\n1960M01,x\n" + CODED, Options(missing=("X",)), "DATE,close", 2),
    ("quarters", "Q,close\n2023-Q1,\n2023-Q2,\n2023-Q3,1\n2023-Q4,2\n", Options(), "Q,close", 2),
    ("dates", "Date,Close\n2024-01-01,\n" + TWO, Options(), "Date,Close", 2),
    ("a word for a date", "Date,Close\ntoday,13\n" + TWO, Options(), "Date,Close", 2),
    (
        "no date",
        "date,symbol,close\n,ZZZ,\n2024-01-02,AAA,10\n2024-01-03,AAA,11\n",
        Options(),
        "date,symbol,close",
        2,
    ),
    ("a text that recurs", "Open,Close\nn.q.,n.q.\n1,2\n2,3\nn.q.,4\n", Options(), "Open,Close", 2),
    ("nothing but keys", "symbol,close\nZZZ,\nZZZ,\n", Options(), "symbol,close", 2),
    ("no header, keys", "ZZZ,\nZZZ,\nZZZ,12\n" + KEYS, Options(column=2), "", 1),
    ("no header, months", "1960M01,\n1960M02,NA\n" + CODED, Options(column=2), "", 1),
    ("no header, markers", "NA\n1\n2\n", Options(column=1), "", 1),
    ("no header, dates", "2024-01-01,\n" + TWO, Options(column=2), "", 1),
    # rows of units and tickers
    ("units", "Date,Close,Volume\n,USD,shares\n" + ROWS, Options(), "Date,Close,Volume", 3),
    ("units of keys", "symbol,close\n,USD\n" + KEYS, Options(), "symbol,close", 3),
    ("units with a word", "Date,Close,Volume\nUnit,USD,\n" + ROWS, Options(), "Date,Close,Volume", 3),
    ("units, no date or key", "Open,Close\nUSD,USD\n1,2\n2,3\n", Options(), "Open,Close", 3),
    ("tickers", "Price,Close,Volume\nTicker,A,A\nDate,,\n" + ROWS, Options(), "Date,Close,Volume", 4),
    ("tickers, no rows", "Price,Close,Volume\nTicker,A,A\nDate,,\n", Options(), "Date,Close,Volume", 4),
    ("tickers of keys", "symbol,date,close\nTicker,,USD\nA,2024-01-02,10\n", Options(), "symbol,date,close", 3),
    ("units, repeated", 2 * ("Date,Close\n,USD\n" + TWO), Options(), "Date,Close", 3),
    (
        "metadata",
        '"";X.1;X.1_FLAGS\n"";Daily;\nUnit;EUR;\nAs of;19.04.2024 10:00;\n1968-04-01;.;\n1968-04-02;1,25;\n',
        Options(column=2),
        ",X.1,X.1_FLAGS",
        5,
    ),
    # above a header
    ("empty fields", ",,\nDate,Close,Volume\n" + ROWS, Options(), "Date,Close,Volume", 3),
    (
        "empty fields, often",
        ";;\n;;\n;;\nDate;Close;Volume\n" + ROWS.replace(",", ";"),
        Options(),
        "Date,Close,Volume",
        5,
    ),
    ("empty fields, no header", ",,\n" + ROWS, Options(column=2), "", 2),
    (
        "padded",
        "Security,XYZ Index,\nStart Date,2024-01-02,\nEnd Date,2024-01-04,\n,,\nDate,PX_LAST,Volume\n" + ROWS,
        Options(),
        "Date,PX_LAST,Volume",
        6,
    ),
    (
        "padded, nothing between",
        "Security,XYZ,\nFrom,2024-01-02,\nDate,Close,Vol\n" + ROWS,
        Options(),
        "Date,Close,Vol",
        4,
    ),
    ("padded, two columns", "Fund,XYZ\nCurrency,USD\nSize,12\nDate,Close\n" + TWO, Options(), "Date,Close", 5),
    ("padded, with a column", "Fund,XYZ\nCurrency,USD\nDate,Foo\n" + TWO, Options(column="foo"), "Date,Foo", 4),
    (
        "padded, German",
        "Fonds;XYZ;\nStand;04.01.2024;\n;;\nDatum;Schlusskurs;Umsatz\n02.01.2024;9,90;5\n03.01.2024;10,05;6\n",
        Options(),
        "Datum,Schlusskurs,Umsatz",
        5,
    ),
    (
        "a summary",
        "Symbol,Last,Change\nXYZ,182.5,1.2\n\nDate,Close,Shares\n" + ROWS,
        Options(),
        "Date,Close,Shares",
        5,
    ),
    (
        "a summary, narrow",
        "Symbol,Last\nXYZ,182.5\n\nDate,Close,Shares\n" + ROWS,
        Options(),
        "Date,Close,Shares",
        5,
    ),
    (
        "a summary, with a column",
        "Symbol,Last,Change\nXYZ,182.5,1.2\n\nDate,NAV,Shares\n" + ROWS,
        Options(column="NAV"),
        "Date,NAV,Shares",
        5,
    ),
    (
        "metadata above",
        "Key,EXR.D\nTitle,Dollar\nDecimals,4\nDate,Value\n" + TWO,
        Options(column=2),
        "Date,Value",
        5,
    ),
]


@pytest.mark.parametrize(
    ("text", "options", "names", "line"), [e[1:] for e in BEGINNINGS], ids=[e[0] for e in BEGINNINGS]
)
def test_the_rows_begin(text: str, options: Options, names: str, line: int) -> None:
    """The header names the columns, and every row below it counts, with or without a close."""
    dialect = detect(text.encode(), is_complete=True, options=options).dialect
    assert (",".join(dialect.header or ()), dialect.body_line) == (names, line)


DOUBTS: list[tuple[str, str, Options, list[str]]] = [
    (
        "a key or a note",
        "ZZZ,\n" + KEYS,
        Options(column=2),
        ["line 1", "--skip-lines 0 --no-header", "--skip-lines 1"],
    ),
    (
        "a day or a note",
        "today,13\n" + TWO,
        Options(column=2),
        ["line 1", "--skip-lines 0 --no-header", "--skip-lines 1"],
    ),
    (
        "a note with a number",
        "Key,EXR\nUnit,USD\nDecimals,4\n" + TWO,
        Options(column=2),
        ["line 3", "--skip-lines 3"],
    ),
    (
        "a row of fewer fields",
        "Date,Key,x\n2021-01-04,K0,NA\n2021-01-05,K1,99,8\n",
        Options(column=3),
        ["line 2"],
    ),
    (
        "a summary",
        "Symbol,Last,Change\nX,1.5,2\n\nDate,NAV,All\n" + ROWS,
        Options(),
        ["--skip-lines 3", '2 "NAV"'],
    ),
    (
        "a table above",
        "Date,Close,Change\n2024-01-04,1,2\nDate,Change,Close\n" + ROWS,
        Options(),
        ["--skip-lines 2"],
    ),
    (
        "a table above, unknown",
        "Date,Last,X\n2024-01-04,1,2\n\nDate,NAV,Y\n" + ROWS,
        Options(),
        ["--skip-lines 3"],
    ),
    (
        "a longer table above",
        "Symbol,Last\n" + "X,1.5\n" * 5 + "Date,Close,Vol\n" + ROWS,
        Options(),
        ["--skip-lines 6"],
    ),
    (
        "a table above, with a column",
        "Date,Close,X\n2024-01-04,1,2\nDate,X,Close\n" + ROWS,
        Options(column=2),
        ["lines 2"],
    ),
]


@pytest.mark.parametrize(("text", "options", "fragments"), [e[1:] for e in DOUBTS], ids=[e[0] for e in DOUBTS])
def test_doubt_names_the_lines_to_skip(text: str, options: Options, fragments: list[str]) -> None:
    """If only a person can see where the table begins, the message names the lines to skip."""
    with pytest.raises(LayoutError) as caught:
        detect(text.encode(), is_complete=True, options=options, name="x.csv")
    assert all(fragment in with_flags(str(caught.value)) for fragment in fragments), str(caught.value)


def test_a_header_may_have_fewer_names_than_the_rows_have_fields(tmp_path: Path) -> None:
    """A close beyond the names of the header has none; a row that is too short is refused as any other."""
    path = tmp_path / "prices.csv"
    path.write_text("made by X\nDate,x\n2021-01-04,99,1\n")
    with pytest.raises(BadRowError, match="2 fields where 3 are expected"):
        streamsig.run(path, header=True, column=2)
