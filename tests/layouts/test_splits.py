"""Numbers that are split at their own mark, and unusual delimiters."""

from __future__ import annotations

import pyarrow as pa
import pytest

import streamsig
from streamsig.cli.advice import with_flags
from streamsig.errors import LayoutError
from streamsig.sniffer.detect import detect
from streamsig.sniffer.layout import LayoutOptions as Options

ONE = "50,10\n50,47\n50,84\n50,31\n"
TWO = "02.01.2024,9,90\n03.01.2024,10,05\n04.01.2024,10,10\n05.01.2024,10,00\n"
NO_ZEROS = "2024-01-02,9,90\n2024-01-03,9,85\n2024-01-04,10,10\n"
DAYS = ["2024-01-02", "2024-01-03", "2024-01-04"]
SPLIT = "split at the comma"

SPLITS: list[tuple[str, str, Options, str]] = [
    ("no flag", "Datum,Schluss\n" + TWO, Options(), SPLIT),
    ("a number", "Datum,Schluss\n" + TWO, Options(column=2), SPLIT),
    ("the other half", "Datum,Schluss\n" + TWO, Options(column=3), SPLIT),
    ("a name", "Datum,Schluss\n" + TWO, Options(column="Schluss"), SPLIT),
    ("a delimiter", "Datum,Schluss\n" + TWO, Options(column=2, delimiter=","), SPLIT),
    ("a delimiter and a mark", "Datum,Schluss\n" + TWO, Options(column=2, delimiter=",", decimal=","), SPLIT),
    ("a mark", "Datum,Schluss\n" + TWO, Options(column=2, decimal=","), "--delimiter ,"),
    ("no zeros in front", "Datum,Schluss\n" + NO_ZEROS, Options(column=2), SPLIT),
    (
        "more columns",
        "Datum,Schluss,Umsatz\n" + TWO.replace("\n", ",7100\n"),
        Options(column=2),
        "2 and 3 may be 9,90",
    ),
    ("names in quotes", '"Datum","Schluss"\n' + TWO, Options(column=2), SPLIT),
    ("dollars", "Date,Close\n2024-01-02,$1,998.50\n2024-01-03,$2,001.25\n", Options(column=3), SPLIT),
    ("euros", "Datum,Schluss\n" + TWO.replace("\n", " €\n"), Options(column=2), SPLIT),
    ("no header", TWO, Options(), SPLIT),
    ("no header, a number", TWO, Options(column=2), SPLIT),
    ("no header, no zeros", NO_ZEROS, Options(column=2), SPLIT),
    ("thousands", "Date,Close\n" + "".join(f"{day},1,998.50\n" for day in DAYS), Options(column=3), SPLIT),
    ("whole thousands", "Date,Close\n" + "".join(f"{day},1,998\n" for day in DAYS), Options(column=2), SPLIT),
    (
        "bars",
        "Date,Open,High,Low,Close\n" + f"{DAYS[0]},1,998.5,2,001,1,990,1,999\n" * 2,
        Options(column=5),
        SPLIT,
    ),
    ("one column", "Close\n" + ONE, Options(), "--delimiter ';';"),
    ("one column, a number", "Close\n" + ONE, Options(column=1), "--delimiter ';'"),
    ("one column, no header", ONE, Options(), "--delimiter ';' --column 1"),
    ("one column, thousands", "1,998.50\n2,001.25\n2,000.00\n", Options(column=1), "--delimiter ';' --column 1"),
]


@pytest.mark.parametrize(
    ("text", "options", "fragment"), [each[1:] for each in SPLITS], ids=[each[0] for each in SPLITS]
)
def test_a_split_number_is_no_close(text: str, options: Options, fragment: str) -> None:
    """If all numbers are split, no column is the close, and the message says what helps."""
    with pytest.raises(LayoutError) as caught:
        detect(text.encode(), is_complete=True, options=options, name="x.csv")
    assert fragment in with_flags(str(caught.value))


# id, text, flags, delimiter, close, decimal mark
WHOLE: list[tuple[str, str, Options, str, int, str]] = [
    ("a decimal comma in one column", "Close\n" + ONE, Options(column=1, decimal=","), ";", 0, ","),
    ("thousands in one column", "Close\n1,998.50\n2,001.25\n", Options(thousands=","), ";", 0, "."),
    ("what the message names", ONE, Options(column=1, delimiter=";"), ";", 0, ","),
    ("commas in quotes", 'Datum,Schluss\n2024-01-02,"9,90"\n', Options(decimal=","), ",", 1, ","),
    (
        "lines in quotes",
        '"Datum,Schluss"\n"2024-01-02,""9,90"""\n"2024-01-03,""9,80"""\n',
        Options(decimal=","),
        ",",
        1,
        ",",
    ),
    ("whole numbers below names", "Datum,Schluss\n2024-01-02,10\n", Options(decimal=","), ",", 1, ","),
    ("a decimal comma between others", "Datum;Schluss\n2024-01-02;9,90\n", Options(decimal=","), ";", 1, ","),
    ("two numbers, with a column", "Datum,Schluss\n" + TWO, Options(decimal=".", column=2), ",", 1, "."),
    ("numbers of rows", "Open,Close\n1,95,97\n2,96,98\n3,95,96\n", Options(column=3), ",", 2, "."),
    ("date and time of day", "20240102,0930,10\n20240102,0931,11\n", Options(column=3), ",", 2, "."),
    ("two prices", "2024-01-02,45,47\n2024-01-03,46,44\n", Options(column=3), ",", 2, "."),
    ("a name that has a mark", "Date;Close,EUR\n2024-01-02;9,90\n", Options(column="Close,EUR"), ";", 1, ","),
    ("carets", "Date^Close\n2024-01-02^9,90\n2024-01-03^10,05\n", Options(), "^", 1, ","),
    ("tildes, no header", "2024-01-02~9.5\n2024-01-03~10.25\n", Options(column=2), "~", 1, "."),
    ("controls", "Date\x01Close\n2024-01-02\x0110\n2024-01-03\x0111\n", Options(), "\x01", 1, "."),
    ("times of day", "Time|Close\n10:30:01|10\n10:30:02|11\n", Options(), "|", 1, "."),
    ("Swiss thousands", "Datum;Schluss\n2024-01-02;118'310\n2024-01-03;119'480\n", Options(), ";", 1, ","),
    (
        "thousands given",
        "Date,Close\n2024-01-02,118'310\n2024-01-03,119'020\n",
        Options(thousands="'"),
        ",",
        1,
        ".",
    ),
]


@pytest.mark.parametrize(
    ("text", "options", "delimiter", "close", "decimal"), [e[1:] for e in WHOLE], ids=[e[0] for e in WHOLE]
)
def test_settings_rule_out_delimiters(text: str, options: Options, delimiter: str, close: int, decimal: str) -> None:
    """Settings rule out delimiters, and a whole number is not taken for a split one."""
    dialect = detect(text.encode(), is_complete=True, options=options).dialect
    assert (dialect.delimiter, dialect.close, dialect.numbers.decimal) == (delimiter, close, decimal)


@pytest.mark.parametrize("mark", "!#&*=/@\\_`'%$:")
def test_a_rare_delimiter_is_named(mark: str) -> None:
    """A mark that may occur in texts is a delimiter only if it is given."""
    text = f"Date{mark}Close\n2024-01-02{mark}10\n2024-01-03{mark}11\n".encode()
    with pytest.raises(LayoutError, match="`delimiter="):
        detect(text, is_complete=True)
    assert detect(text, is_complete=True, options=Options(delimiter=mark)).dialect.close == 1


@pytest.mark.parametrize("names", ["Date:Open:Close", "Date::Close"])
def test_colons_between_names_are_named(names: str) -> None:
    """A colon separates fields, and is not part of a time, where it separates names."""
    text = f"{names}\n2024-01-02:{'9' * ('Open' in names)}:10\n2024-01-03:{'9' * ('Open' in names)}:11\n".encode()
    with pytest.raises(LayoutError, match="`delimiter=':'`"):
        detect(text, is_complete=True)
    assert detect(text, is_complete=True, options=Options(delimiter=":")).dialect.close == 2


@pytest.mark.parametrize(
    "closes",
    [
        ["118'310", "119'020"],
        ["118-31", "119-02+"],
        ["118'31", "119'02"],
        ["118'317", "119'026"],
        ["118-31.5", "119-02"],
        ["118:31", "119:02"],
        ["526-2", "527-4"],
        ["119", "118'310", "118'305"],
        ["0", "118'310", "118'305"],
    ],
)
@pytest.mark.parametrize("options", [Options(), Options(column=2)])
def test_fractions_are_no_decimals(closes: list[str], options: Options) -> None:
    """Prices in 32nds or eighths are not read as decimals."""
    rows = "".join(f"{day},{close}\n" for day, close in zip(DAYS, closes, strict=False))
    with pytest.raises(LayoutError, match=r"32nds|eighths"):
        detect(f"Date,Close\n{rows}".encode(), is_complete=True, options=options)


def test_fractions_in_a_column_of_texts() -> None:
    """Texts in Parquet, Arrow and frames are checked for 32nds like those of a CSV."""
    table = pa.table({"date": DAYS, "close": ["118'310", "118'305", "119'000"]})
    with pytest.raises(LayoutError, match="32nds"):
        streamsig.run(table, window=2)


def test_thousands_that_came_apart_are_refused_under_other_thousands() -> None:
    """Only `--thousands none` makes the halves of `1,100.10` two numbers."""
    text = b"Date,Close\n2024-01-02,1,100.10\n2024-01-03,2,137.11\n2024-01-04,1,174.12\n"
    with pytest.raises(LayoutError, match="`thousands='none'`"):
        detect(text, is_complete=True, options=Options(column=2, thousands="."))
