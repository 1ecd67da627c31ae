"""Advice that is followed gives the right number: each flag and each command that a message names works.

Every message of the package that names a flag or a command has a case here, or a reason why it has none.
"""

from __future__ import annotations

import ast
import gzip
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather, orc

import streamsig
from streamsig.cli.advice import with_flags
from streamsig.engine.inspection import inspect_inputs
from streamsig.errors import LayoutError, StreamsigError
from streamsig.settings.settings import SETTINGS, make_settings
from streamsig.sniffer.framing import RECORDS
from tests.support.oracle import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WINDOW = 2
DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]
CLOSES = ["9.90", "10.05", "10.10", "10.00", "10.20"]
PLACEHOLDERS = {"N", "NAME", "CHAR", "COLUMN"}
MAX_STEPS = 4


def lines(*columns: list[str], delimiter: str = ",", end: str = "") -> str:
    """Write columns side by side."""
    return "".join(f"{delimiter.join(cells)}{end}\n" for cells in zip(*columns, strict=True))


COMMAS = [close.replace(".", ",") for close in CLOSES]
WHOLE = ["10", "12", "11", "13", "13"]
HUNDREDS = ["1,998.50", "2,001.25", "1,990.00", "1,999.00", "2,003.75"]
YEN = ["91,501", "91,503", "91,502", "91,507", "91,505"]
ROWS = lines(DAYS, CLOSES)
WIDE = lines(DAYS, CLOSES, WHOLE)

SIDES = ["bid", "ask", "bid", "ask", "bid"]
ORDERS = ["compra", "venda", "compra", "venda", "compra"]
RETURNS = ["1", "-2", "1", "-1", "2"]
LONG = ["," * 17_000] * 5
LOWS = ["9"] * 5
TWO_SERIES = [CLOSES[::2], CLOSES[1::2]]
HALVES = ["110", "205", "310", "407", "512"]
AS_DATES = [day.replace("-", "") for day in DAYS]


def arrow(**columns: list[str]) -> pa.Table:
    """Return an Arrow table; texts that are numbers become floats."""
    floats = {name: [float(text) for text in column] for name, column in columns.items() if column in (CLOSES, WHOLE)}
    return pa.table({**columns, **floats})


# id, text (a table, or those of several files), initial settings, what the person knows, closes (of each series)
Case = tuple[
    str,
    "str | bytes | pa.Table | tuple[str, ...]",
    dict[str, object],
    dict[str, object],
    "list[str] | list[list[str]]",
]
ADVICE: list[Case] = [
    ("one column", lines(COMMAS), {}, {"delimiter": ";", "column": 1}, CLOSES),
    ("one column under a name", "Close\n" + lines(COMMAS), {}, {"delimiter": ";"}, CLOSES),
    ("one column, a number", "Close\n" + lines(COMMAS), {"column": 1}, {"delimiter": ";"}, CLOSES),
    (
        "one column, thousands",
        lines(HUNDREDS),
        {"column": 1},
        {"delimiter": ";"},
        ["".join(x.split(",")) for x in HUNDREDS],
    ),
    (
        "one column of yen",
        "Close\n" + lines(YEN),
        {},
        {"delimiter": ";", "thousands": ","},
        [x.replace(",", "") for x in YEN],
    ),
    ("whole prices and lots", lines(DAYS, WHOLE, ["90"] * 4 + ["05"]), {"column": 2}, {"decimal": "."}, WHOLE),
    (
        "whole prices, a comma ruled out",
        "a,b\n" + lines(DAYS, WHOLE),
        {"decimal": ","},
        {"delimiter": ",", "column": 2},
        WHOLE,
    ),
    ("blanks", "Date Close\n" + lines(DAYS, CLOSES, delimiter=" "), {}, {"delimiter": " "}, CLOSES),
    ("blanks, no header", lines(DAYS, CLOSES, delimiter=" "), {"column": 2}, {"delimiter": " "}, CLOSES),
    *(
        (f"{m} between", f"Date{m}Close\n" + lines(DAYS, CLOSES, delimiter=m), {}, {"delimiter": m}, CLOSES)
        for m in "!#&*=/_`'"
    ),
    ("a summary", "Name,Last,Foo\nX,1.5,2\n\nDate,NAV,Foo\n" + WIDE, {}, {"skip_lines": 3, "column": "NAV"}, CLOSES),
    ("a long summary", "Symbol,Last\n" + "X,1.5\n" * 7 + "Date,Close,Lots\n" + WIDE, {}, {"skip_lines": 8}, CLOSES),
    (
        "a table above",
        "Date,Close,Lots\n2024-01-01,1,2\nDate,Lots,Close\n" + lines(DAYS, WHOLE, CLOSES),
        {},
        {"skip_lines": 2},
        CLOSES,
    ),
    (
        "a table of texts above",
        "Date,Close,Lots\n2024-01-01,up,down\nDate,Lots,Close\n" + lines(DAYS, WHOLE, CLOSES),
        {},
        {"skip_lines": 2},
        CLOSES,
    ),
    (
        "a padded preamble",
        "Fund,X,\nFrom,2024-01-02,\n,,\nDate,Foo,Bar\n" + WIDE,
        {},
        {"column": "Foo", "skip_lines": 3},
        CLOSES,
    ),
    ("metadata", "Key,EXR\nUnit,USD\nDecimals,4\n" + ROWS, {}, {"skip_lines": 3, "header": False, "column": 2}, CLOSES),
    ("a word for a day", "today,9.5\n" + ROWS, {}, {"skip_lines": 0, "header": False, "column": 2}, ["9.5", *CLOSES]),
    (
        "a key without a close",
        "ZZ,\n" + lines(["A"] * 5, CLOSES),
        {},
        {"skip_lines": 0, "header": False, "column": 2},
        ["", *CLOSES],
    ),
    (
        "a line above keys",
        "XY,\n" + lines(["A"] * 5, CLOSES),
        {},
        {"skip_lines": 1, "header": False, "column": 2},
        CLOSES,
    ),
    (
        "Swiss thousands",
        "Date,Close\n" + lines(DAYS[:2], ["118'310", "119'020"]),
        {},
        {"thousands": "'"},
        ["118310", "119020"],
    ),
    ("yen", "Date;Close\n" + lines(DAYS, YEN, delimiter=";"), {}, {"decimal": ","}, [x.replace(",", ".") for x in YEN]),
    ("two closes", "Date,Close,close\n" + lines(DAYS, WHOLE, CLOSES), {}, {"column": 3}, CLOSES),
    ("no name of a close", "Date,Foo,Bar\n" + WIDE, {}, {"column": "Foo"}, CLOSES),
    ("names one short", "Date,Close\n" + lines(["a"] * 5, DAYS, CLOSES), {}, {"column": 3}, CLOSES),
    ("ticks", lines(["1704153600"] * 5, CLOSES, [f"{x}.5" for x in WHOLE]), {}, {"column": 2}, CLOSES),
    (
        "UTF-16 said to be UTF-8",
        ("Date,Close\n" + ROWS).encode("utf-16-le"),
        {"encoding": "utf-8"},
        {"encoding": "utf-16"},
        CLOSES,
    ),
    ("UTF-8 said to be UTF-32", "Date,Close\n" + ROWS, {"encoding": "utf-32"}, {"encoding": "utf-8"}, CLOSES),
    ("no rows", b"", {}, {"header": False}, []),
    ("one line of text", "No data\n", {}, {"column": 1}, []),
    ("trailing minuses", "Date,Close,Foo\n" + lines(DAYS, ["1.5-"] * 5, CLOSES), {}, {"column": 3}, CLOSES),
    ("prices and lots", lines(DAYS, WHOLE, HALVES), {"column": 2}, {"thousands": ""}, WHOLE),
    (
        "shifted",
        "Date,Open,High,Low,Close\n" + lines(DAYS, WHOLE, LOWS, CLOSES, CLOSES),
        {},
        {"column": 5},
        CLOSES,
    ),
    ("dates for closes", "Day,Close,Foo\n" + lines(DAYS, AS_DATES, CLOSES), {}, {"column": 3}, CLOSES),
    ("texts for prices", "Date,Last,Foo\n" + lines(DAYS, ["up"] * 5, CLOSES), {}, {"column": "Foo"}, CLOSES),
    ("adjusted", "Date,Adj Close\n" + ROWS, {}, {"column": "Adj Close"}, CLOSES),
    ("a garbled name", ("Date,Закр,Lots\n" + WIDE).encode("cp1251"), {}, {"encoding": "cp1251"}, CLOSES),
    ("a book", "Date,side,price\n" + lines(DAYS, SIDES, CLOSES), {}, {"column": 3, "group_by": 2}, TWO_SERIES),
    ("orders or trades", "Data,tipo,preco\n" + lines(DAYS, ORDERS, CLOSES), {}, {"column": 3}, CLOSES),
    (
        "returns",
        "Date,Foo\n" + lines(DAYS, ["1", "-2", "1", "-1", "2"]),
        {},
        {"column": 2},
        ["1", "-2", "1", "-1", "2"],
    ),
    ("a row or names", ",0\n" + ROWS, {}, {"header": True}, CLOSES),
    (
        "many commas",
        "Date!Close!Note\n" + lines(DAYS, CLOSES, ["," * 17_000] * 5, delimiter="!"),
        {},
        {"delimiter": "!"},
        CLOSES,
    ),
    ("an open quote", '"note\nDate,Close\n' + ROWS + "\n" * 270_000, {}, {"skip_lines": 1}, CLOSES),
    ("a total", "Date,Close\n" + ROWS + "Average,10.05\n", {}, {"on_bad_row": "skip"}, CLOSES),
    ("the header again", "Date,Close\n" + ROWS + "Date,Close\n", {}, {"on_bad_row": "skip"}, CLOSES),
    ("a word", "Date,Close\n" + ROWS + "2024-01-09,halt\n", {}, {"missing": ["halt"]}, [*CLOSES, ""]),
    (
        "a word among prices",
        "Date,Open,High,Low,Close\n" + lines(DAYS, *[CLOSES] * 4) + "2024-01-09,closed,,,\n",
        {},
        {"missing": ["closed"]},
        [*CLOSES, ""],
    ),
    (
        "an undefined price",
        "Date,Close\n" + ROWS + "2024-01-09,9223372036854775807\n",
        {},
        {"missing": ["9223372036854775807"]},
        [*CLOSES, ""],
    ),
    ("two signs", "Date,Close,Foo\n" + WIDE + "2024-01-09,--5,10\n", {}, {"column": "Foo"}, [*WHOLE, "10"]),
    (
        "another mark below",
        "Date;Close\n" + "2024-01-09;10\n" * RECORDS + "2024-01-09;10,5\n",
        {},
        {"decimal": ","},
        [*["10"] * RECORDS, "10.5"],
    ),
    ("zeros", "Date,Close\n" + ROWS + "2024-01-09,0\n", {}, {"missing": ["0"]}, [*CLOSES, ""]),
    ("symbols", "Date,symbol,Close\n" + lines(DAYS, list("ABABA"), CLOSES), {}, {"group_by": "symbol"}, TWO_SERIES),
    (
        "times that repeat",
        "Date,x,Close\n" + lines([day for day in DAYS[:3] for _ in "ab"], ["1.5", "2.5"] * 3, [*CLOSES, "9"]),
        {},
        {"group_by": "x"},
        [CLOSES[::2], [*CLOSES[1::2], "9"]],
    ),
    ("a value", "DATE,DGS10\n" + ROWS, {}, {"column": "DGS10"}, CLOSES),
    ("sides", "Date,side,price\n" + lines(DAYS, SIDES, CLOSES), {"column": 3}, {"group_by": 2}, TWO_SERIES),
    ("newest first", "Date,Close\n" + lines(DAYS[::-1], CLOSES), {}, {"order": "newest-first"}, CLOSES[::-1]),
    ("another name", ("Date,Close\n" + ROWS, "Day,Last\n" + ROWS), {}, {"column": 2}, [*CLOSES, *CLOSES]),
    (
        "another scale",
        ("Date,Close\n2024-01-01,2.520\n2024-01-02,2.530\n", "Date;Close\n2024-01-03;2.499,50\n2024-01-04;2.501,25\n"),
        {},
        {"thousands": "."},
        ["2520", "2530", "2499.50", "2501.25"],
    ),
    (
        "a type of no numbers",
        arrow(Close=CLOSES).append_column("x", pa.array([True] * 5)),
        {"column": "x"},
        {"column": "Close"},
        CLOSES,
    ),
    ("texts of no numbers", arrow(Close=["1.5-"] * 5, Foo=CLOSES), {}, {"column": "Foo"}, CLOSES),
    ("dates of a type", arrow(Close=AS_DATES, Foo=CLOSES), {}, {"column": "Foo"}, CLOSES),
]


def flags_in(message: str) -> dict[str, list[object]]:
    """Return the flags in a message with their values, `None` for a value that the reader chooses."""
    named: dict[str, list[object]] = {}
    for flag, rest in re.findall(r"--([a-z-]+)((?: (?:'[^']*'(?:\"'\"'')?|\"[^\"]*\"|\S+))?)", message):
        if flag in {"header", "no-header"}:
            named.setdefault("header", []).append(flag == "header")
            continue
        try:
            word = (shlex.split(rest.rstrip(";:),"))[:1] or [""])[0] if rest != " ;" else ";"
        except ValueError:
            word = rest.strip()
        value: object = None if word in {*PLACEHOLDERS, "", "or", "and"} or word.endswith("NAME") else word
        if flag in {"skip-lines", "column", "group-by"} and isinstance(value, str) and value.isdecimal():
            value = int(value)
        value = "" if value == "none" else [value] if flag == "missing" else value
        named.setdefault(flag.replace("-", "_"), []).append(value)
    return named


def inputs(text: object, folder: Path) -> list[Path]:
    """Write the files of a case and return their paths."""
    texts = text if isinstance(text, tuple) else (text,)
    paths = [folder / f"{place}.csv" for place in range(len(texts))]
    for path, each in zip(paths, texts, strict=True):
        if isinstance(each, pa.Table):
            pq.write_table(each, path)
        else:
            path.write_bytes(each if isinstance(each, bytes) else each.encode())
    return paths


def said(paths: list[Path], chosen: dict[str, Any]) -> tuple[str, bool]:
    """Return the messages of a run, warnings or an error, and whether it failed."""
    try:
        return "; ".join(streamsig.run(*paths, window=WINDOW, **chosen).warnings), False
    except StreamsigError as error:
        return str(error), True


def follow(paths: list[Path], chosen: dict[str, Any], known: dict[str, object]) -> tuple[dict[str, Any], list[str]]:
    """Add the settings that messages name until there is none left to answer; return all messages, too."""
    messages = []
    for _ in range(MAX_STEPS):
        message, is_error = said(paths, chosen)
        messages.append(message)
        named = flags_in(with_flags(message))
        useful = {
            key: value
            for key, value in known.items()
            if key in named and chosen.get(key) != value and (value in named[key] or None in named[key])
        }
        if not useful:
            assert not is_error, f"{message} names {named}, but {known} are right"
            break
        chosen = {**chosen, **useful}
    return chosen, messages


@pytest.mark.parametrize(("text", "chosen", "known", "closes"), [e[1:] for e in ADVICE], ids=[e[0] for e in ADVICE])
def test_the_settings_that_a_message_names_give_the_right_number(
    text: object, chosen: dict[str, Any], known: dict[str, object], closes: list[Any], tmp_path: Path
) -> None:
    """With the settings that a message names, the count is the oracle's."""
    paths = inputs(text, tmp_path)
    answered, _ = follow(paths, chosen, known)
    assert answered != chosen
    result = streamsig.run(*paths, window=WINDOW, **answered)
    series = closes if closes and isinstance(closes[0], list) else [closes]
    answers = [answer([Fraction(close) if close else None for close in each], WINDOW) for each in series]
    assert (result.rows_processed, result.rows_missing, result.signal_count) == tuple(
        map(sum, zip(*answers, strict=True))
    )


def aligned(path: Path) -> None:
    """Write columns aligned with blanks."""
    rows = "".join(f"  {day}   {close:>7}\n" for day, close in zip(DAYS, CLOSES, strict=True))
    path.write_text("  Date         Close\n" + rows)


def two_tables(path: Path) -> None:
    """Write one table above another."""
    path.write_text("Date,Close,Lots\n" + WIDE + "Date,Lots,Close\n2024-01-09,1,2\n")


def feather_of_version_1(path: Path) -> None:
    """Write a Feather file as pandas did before 2020."""
    with pytest.warns(DeprecationWarning, match="Feather V1"):
        feather.write_feather(arrow(Date=DAYS, Close=CLOSES), str(path), version=1)


def an_orc_file(path: Path) -> None:
    """Write an ORC file."""
    orc.write_table(arrow(Date=DAYS, Close=CLOSES), str(path))


def tar_of_two(path: Path) -> None:
    """Pack two tables, each with its header."""
    with tarfile.open(path, "w") as archive:
        for name, rows in (("a.csv", lines(DAYS[:2], CLOSES[:2])), ("b.csv", lines(DAYS[2:], CLOSES[2:]))):
            member = tarfile.TarInfo(f"prices/{name}")
            text = ("Date,Close\n" + rows).encode()
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))


def packed_parquet(path: Path) -> None:
    """Compress a Parquet file."""
    whole = io.BytesIO()
    pq.write_table(arrow(Date=DAYS, Close=CLOSES), whole)
    path.write_bytes(gzip.compress(whole.getvalue()))


def packed_twice(path: Path) -> None:
    """Compress a compressed file."""
    path.write_bytes(gzip.compress(gzip.compress(("Date,Close\n" + ROWS).encode())))


def separated(mark: str) -> Callable[[Path], None]:
    """Return a function that writes columns with a separator."""
    rows = f"Date{mark}Close{mark}Lots\n" + lines(DAYS, CLOSES, WHOLE, delimiter=mark)
    return lambda path: path.write_text(rows, "utf-8") and None


# writer of the file, its name, the command in the message, the command to run after it
COMMANDS: list[tuple[Callable[[Path], None], str, str, str]] = [
    (aligned, "x.csv", r"sed .* -", ""),
    (two_tables, "x.csv", r"head .* -", ""),
    (feather_of_version_1, "x.feather", r"python .*", "streamsig run TABLE.feather"),
    (an_orc_file, "x.orc", r"python .*", "streamsig run TABLE.parquet"),
    (tar_of_two, "x.tar", r"mkdir .*", ""),
    *((separated(mark), "x.csv", r"sed .* -", "") for mark in "\u00a6\u2502"),
    (packed_parquet, "x.parquet.gz", r"gunzip [^;]*", "streamsig run x.parquet"),
    (packed_twice, "x.csv.gz", r"gunzip .*", "streamsig run x.csv"),
]


@pytest.mark.parametrize(("write", "file", "command", "then"), COMMANDS, ids=[each[1] for each in COMMANDS])
def test_the_command_of_a_refusal_gives_the_right_number(
    write: Callable[[Path], None],
    file: str,
    command: str,
    then: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The command in a refusal works."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    write(Path(file))
    with pytest.raises(LayoutError) as caught:
        streamsig.run(file, window=WINDOW)
    match = re.search(command, str(caught.value))
    assert match is not None, str(caught.value)
    shell = f"{match[0].replace('FILE', file)}{' && ' * bool(then)}{then} --window {WINDOW}"
    ended = subprocess.run(shell, shell=True, capture_output=True, text=True, check=True)  # noqa: S602 (as a person would)
    metrics = json.loads(ended.stdout)
    wanted = answer([Fraction(close) for close in CLOSES], WINDOW)
    assert (metrics["rows_processed"], metrics["rows_missing"], metrics["signal_count"]) == wanted


PACKAGE = Path(streamsig.__file__).parent
IS_ADVICE = re.compile(
    rf"--[a-z]|`(?:{'|'.join(SETTINGS)})[`=]|streamsig run"
    r"|\b(?:sed|head|tar|gunzip|unzip|unrar|7z|sqlite3|python|lfs) [-a-z{']"
)
NOT_FOLLOWED = {
    "leaves {} MiB for what has to be read of it at once": "tests/resources/test_budget.py has a large file",
    "its dictionary takes more than the {} MiB": "tests/resources/test_budget.py has a large dictionary",
    "cannot be read as {}": "only rare codecs fail, such as idna",
    "a zip archive cannot be read from a pipe": "tests/inputs/test_formats.py",
    "standard input is closed": "tests/cli/test_cli_errors.py",
    "read_avro": "polars writes Avro, and is not among the tools of the tests",
    "7z x": "not installed",
    "unrar x": "not installed",
    "sqlite3 -header": "not installed",
    "git lfs pull": "it takes the repository of the file",
}
"""Advice without a case: a part of its text, and the reason."""


def advice_in_code() -> Iterator[tuple[str, str]]:
    """Yield each string of the code that names a flag or a command, with `{}` for fields, and its location."""
    for folder in ("sniffer", "columnar", "csv", "sources", "fields"):
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            left_out = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            left_out |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
            for node in ast.walk(tree):
                if id(node) in left_out or not isinstance(node, (ast.JoinedStr, ast.Constant)):
                    continue
                parts = node.values if isinstance(node, ast.JoinedStr) else [node]
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
                text = text.replace("{name}", "{}")
                if IS_ADVICE.search(text) and not re.fullmatch(r"--[a-z-]+", text):
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", text


def test_every_message_with_advice_has_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message with advice has a case in this file or a reason for having none."""
    messages = []
    for place, (_, text, chosen, _, _) in enumerate(ADVICE):
        folder = tmp_path / str(place)
        folder.mkdir()
        paths = inputs(text, folder)
        messages.append(said(paths, chosen)[0])
        for result in inspect_inputs(list(map(str, paths)), make_settings({"window": WINDOW, **chosen})):
            messages += result["warnings"]
    monkeypatch.chdir(tmp_path)
    for write, file, *_ in COMMANDS:
        write(Path(file))
        messages.append(said([Path(file)], {})[0])
    whole = "\n".join(messages)
    unknown = [
        f"{place}: {text}"
        for place, text in advice_in_code()
        if not any(part in text for part in NOT_FOLLOWED)
        and not re.search(".*?".join(map(re.escape, text.split("{}"))), whole)
    ]
    assert not unknown, "\n".join(unknown)
