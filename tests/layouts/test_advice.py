"""Whoever follows a message gets the right number: each flag and each command that a refusal names works."""

from __future__ import annotations

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
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather, orc

import streamsig
from streamsig.errors import LayoutError, StreamsigError
from tests.support.oracle import answer

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 2
DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]
CLOSES = ["9.90", "10.05", "10.10", "10.00", "10.20"]
PLACEHOLDERS = {"N", "NAME", "CHAR"}
MOST_STEPS = 4


def lines(*columns: list[str], delimiter: str = ",", end: str = "") -> str:
    """Write columns side by side."""
    return "".join(f"{delimiter.join(cells)}{end}\n" for cells in zip(*columns, strict=True))


COMMAS = [close.replace(".", ",") for close in CLOSES]
WHOLE = ["10", "12", "11", "13", "13"]
HUNDREDS = ["1,998.50", "2,001.25", "1,990.00", "1,999.00", "2,003.75"]
YEN = ["91,501", "91,503", "91,502", "91,507", "91,505"]
ROWS = lines(DAYS, CLOSES)
WIDE = lines(DAYS, CLOSES, WHOLE)

# what, the text, the flags to begin with, what the person knows, the closes
ADVICE: list[tuple[str, str | bytes, dict[str, object], dict[str, object], list[str]]] = [
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
]


def flags_in(message: str) -> dict[str, list[object]]:
    """Return the flags that a message names with their values, `None` for a value that is left to the reader."""
    named: dict[str, list[object]] = {}
    for flag, rest in re.findall(r"--([a-z-]+)((?: (?:'[^']*'(?:\"'\"'')?|\"[^\"]*\"|\S+))?)", message):
        if flag in {"header", "no-header"}:
            named.setdefault("header", []).append(flag == "header")
            continue
        try:
            word = (shlex.split(rest.rstrip(";:)"))[:1] or [""])[0] if rest != " ;" else ";"
        except ValueError:
            word = rest.strip()
        value: object = None if word in {*PLACEHOLDERS, "", "or", "and"} or word.endswith("NAME") else word
        if flag in {"skip-lines", "column"} and isinstance(value, str) and value.isdecimal():
            value = int(value)
        named.setdefault(flag.replace("-", "_"), []).append("" if value == "none" else value)
    return named


def refusal(path: Path, flags: dict[str, object]) -> str | None:
    """Return what a run says that cannot tell the layout, `None` for one that can."""
    try:
        streamsig.run(path, window=WINDOW, **flags)
    except LayoutError as error:
        return str(error)
    return None


def follow(path: Path, flags: dict[str, object], known: dict[str, object]) -> streamsig.Result:
    """Run, and add the flags that a refusal names and a person can answer, until there is none."""
    for _ in range(MOST_STEPS):
        message = refusal(path, flags)
        if message is None:
            break
        named = flags_in(message)
        useful = {
            key: value
            for key, value in known.items()
            if key in named and flags.get(key) != value and (value in named[key] or None in named[key])
        }
        assert useful, f"{message} names {named}, but {known} are right"
        flags = {**flags, **useful}
    return streamsig.run(path, window=WINDOW, **flags)


@pytest.mark.parametrize(("text", "flags", "known", "closes"), [e[1:] for e in ADVICE], ids=[e[0] for e in ADVICE])
def test_the_flags_of_a_refusal_give_the_right_number(
    text: str | bytes, flags: dict[str, object], known: dict[str, object], closes: list[str], tmp_path: Path
) -> None:
    """A refusal names flags that a person can answer, and with them the count is that of the oracle."""
    path = tmp_path / "x.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(StreamsigError):
        streamsig.run(path, window=WINDOW, **flags)
    found = follow(path, flags, known)
    wanted = answer([Fraction(close) if close else None for close in closes], WINDOW)
    assert (found.rows_processed, found.rows_missing, found.signal_count) == wanted


def aligned(path: Path) -> None:
    """Write columns aligned with blanks."""
    rows = "".join(f"  {day}   {close:>7}\n" for day, close in zip(DAYS, CLOSES, strict=True))
    path.write_text("  Date         Close\n" + rows)


def two_tables(path: Path) -> None:
    """Write a table above another one."""
    path.write_text("Date,Close,Lots\n" + WIDE + "Date,Lots,Close\n2024-01-09,1,2\n")


def arrow() -> pa.Table:
    """Return the rows as a table of Arrow."""
    return pa.table({"Date": DAYS, "Close": [float(close) for close in CLOSES]})


def feather_of_version_1(path: Path) -> None:
    """Write what pandas wrote before 2020."""
    with pytest.warns(DeprecationWarning, match="Feather V1"):
        feather.write_feather(arrow(), str(path), version=1)


def an_orc_file(path: Path) -> None:
    """Write what Hive writes."""
    orc.write_table(arrow(), str(path))


def tar_of_two(path: Path) -> None:
    """Pack two tables, each with its header."""
    with tarfile.open(path, "w") as archive:
        for name, rows in (("a.csv", lines(DAYS[:2], CLOSES[:2])), ("b.csv", lines(DAYS[2:], CLOSES[2:]))):
            member = tarfile.TarInfo(f"prices/{name}")
            text = ("Date,Close\n" + rows).encode()
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))


def packed_parquet(path: Path) -> None:
    """Compress a Parquet file once more."""
    whole = io.BytesIO()
    pq.write_table(arrow(), whole)
    path.write_bytes(gzip.compress(whole.getvalue()))


def affixed(template: str) -> Callable[[Path], None]:
    """Return what writes closes with texts around them."""

    def write(path: Path) -> None:
        closes = [template.format(close) for close in CLOSES]
        path.write_text("Date,Close,Currency\n" + lines(DAYS, closes, ["Mar"] * len(DAYS)))

    return write


def separated(mark: str) -> Callable[[Path], None]:
    """Return what writes columns with a mark between them."""
    rows = f"Date{mark}Close{mark}Lots\n" + lines(DAYS, CLOSES, WHOLE, delimiter=mark)
    return lambda path: path.write_text(rows, "utf-8") and None


# what writes the file, its name, the command in the message, what is run behind it
COMMANDS: list[tuple[Callable[[Path], None], str, str, str]] = [
    (aligned, "x.csv", r"sed .* -", ""),
    (two_tables, "x.csv", r"head .* -", ""),
    (feather_of_version_1, "x.feather", r"python .*", "streamsig run TABLE.feather"),
    (an_orc_file, "x.orc", r"python .*", "streamsig run TABLE.parquet"),
    (tar_of_two, "x.tar", r"mkdir .*", ""),
    *(
        (affixed(template), f"x{place}.csv", r"sed .* -", "")
        for place, template in enumerate(["{} GBX", "{} USD/oz", "{}*", "{}r", "~{}", "[{}]", "^{}$/\\", "{}'"])
    ),
    *((separated(mark), "x.csv", r"sed .* -", "") for mark in "\u00a6\u2502"),
    (packed_parquet, "x.parquet.gz", r"gunzip [^;]*", "streamsig run x.parquet"),
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
    """A refusal that names a command names one that works."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    write(Path(file))
    with pytest.raises(LayoutError) as caught:
        streamsig.run(file, window=WINDOW)
    found = re.search(command, str(caught.value))
    assert found is not None, str(caught.value)
    shell = f"{found[0].replace('FILE', file)}{' && ' * bool(then)}{then} --window {WINDOW}"
    ended = subprocess.run(shell, shell=True, capture_output=True, text=True, check=True)  # noqa: S602 (as a person would)
    metrics = json.loads(ended.stdout)
    wanted = answer([Fraction(close) for close in CLOSES], WINDOW)
    assert (metrics["rows_processed"], metrics["rows_missing"], metrics["signal_count"]) == wanted


@pytest.mark.parametrize(
    ("closes", "advice"),
    [
        (["1.5K", "2M", "1.7M"], "write the file again with plain numbers"),
        (["~(1,234.50)", "~(1,235.50)"], r"""remove '~' first: sed 's/~\([-+.(0-9]\)/\1/g' FILE | streamsig run -"""),
        (["1.50 z\u0142oty", "1.75 z\u0142oty"], "remove ' z\u0142oty' first"),
        (["1.50-", "1.75-"], "say how numbers are written with --decimal and --thousands"),
        (['"1.5,"', '"1.7,"'], "remove ',' first"),
        (["MarX5", "MarX6"], "remove 'MarX' first"),
    ],
)
def test_what_stands_around_numbers_is_named(closes: list[str], advice: str, tmp_path: Path) -> None:
    """No command is named that would change a sign, a scale or another cell."""
    path = tmp_path / "x.csv"
    path.write_text("Date;Close;Key\n" + "".join(f"{day};{c};1MarX5y\n" for day, c in zip(DAYS, closes, strict=False)))
    with pytest.raises(LayoutError) as caught:
        streamsig.run(path, window=WINDOW)
    assert str(caught.value).endswith(f"or {advice}")
