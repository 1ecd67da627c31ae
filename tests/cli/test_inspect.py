"""`streamsig inspect` shows what a run would read and why, with all output escaped."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from rich.cells import cell_len

from streamsig.cli.layout_report import to_table
from streamsig.engine.inspection import inspect_inputs
from streamsig.settings.settings import make_settings
from tests.support.workdir import PACKERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.workdir import Workdir

PLAIN = "time,open,close,note\n" + "".join(f"2024-01-{day:02},1.5,{day}.25,x\n" for day in range(1, 31))
HOSTILE = (
    'time,close,"\x1b]0;owned\x07[bold red]\u202ename"\n'
    '2024-01-01,1.5,"\x1b[2J[link=file:///etc/passwd]a[/link]\x9b31m"\n'
    '2024-01-02,1.6,"two\r\nlines\x00"\n'.replace("\x00", "\x7f")
)


def shown(workdir: Workdir, *arguments: object, **options: Any) -> dict[str, Any]:
    """Return the only input of `inspect --json`, which must succeed."""
    outcome = workdir.call("inspect", *arguments, "--json", **options)
    assert (outcome.code, outcome.err) == (0, "")
    (report,) = json.loads(outcome.out)["inputs"]
    assert isinstance(report, dict)
    return report


def test_a_plain_file(workdir: Workdir) -> None:
    """The layout of a plain file is complete."""
    path = workdir.put("prices.csv", PLAIN.replace("5.25", "").replace("7.25", "NaN"))
    report = shown(workdir, "prices.csv")
    expected = {
        "input": "prices.csv", "error": None, "size_bytes": path.stat().st_size, "format": "text",
        "compression": None, "encoding": "utf-8", "delimiter": ",", "quoted": False, "line_quoted": False,
        "skipped_lines": 0, "header": True, "header_line": 1, "close": 3, "time": 1, "clock": None,
        "decimal": ".", "thousands": "", "decimals": 2, "missing": ["", "NaN"], "rows_sampled": 30,
        "time_first": "2024-01-01", "time_last": "2024-01-30", "direction": "oldest first", "warnings": [],
    }  # fmt: skip
    assert {key: report[key] for key in expected} == expected
    assert [(it["number"], it["name"], it["role"]) for it in report["columns"]] == [
        (1, "time", "time"),
        (2, "open", None),
        (3, "close", "close"),
        (4, "note", None),
    ]
    assert report["first_rows"][0] == {"line": 2, "fields": ["2024-01-01", "1.5", "1.25", "x"]}
    assert report["reasons"]["close"] == 'its name is "close"'


def test_the_table_says_the_same(workdir: Workdir) -> None:
    """The table marks the close and shows the time, the first rows and the reasons."""
    workdir.put("prices.csv", PLAIN)
    outcome = workdir.call("inspect", "prices.csv")
    assert (outcome.code, outcome.err) == (0, "")
    assert re.search(r"^3 +close +CLOSE +1\.25 ", outcome.out, re.MULTILINE)
    assert re.search(r"^1 +time +time +2024-01-01 ", outcome.out, re.MULTILINE)
    assert "2024-01-01 to 2024-01-30 in the sample, oldest first" in outcome.out
    assert 'its name is "close"' in outcome.out


def test_flags_and_config_are_obeyed_as_in_run(workdir: Workdir) -> None:
    """Flags and the config file apply as in a run."""
    workdir.put("prices.csv", PLAIN)
    assert shown(workdir, "prices.csv", "--column", "open")["close"] == 2
    workdir.put("config.yaml", "seed: 1\nwindow: 5\nversion: v1\ncolumn: open\n")
    assert shown(workdir, "prices.csv")["close"] == 2
    assert shown(workdir, "prices.csv", "--column", "3", "--config", "config.yaml")["close"] == 3
    headless = shown(workdir, "prices.csv", "--no-header", "--column", "3", "--missing", "1.25")
    assert (headless["header"], headless["columns"][2]["name"]) == (False, None)
    assert headless["missing"] == ["1.25"]


@pytest.mark.parametrize("packing", [None, *PACKERS])
def test_standard_input_plain_and_packed(workdir: Workdir, packing: str | None) -> None:
    """Standard input is inspected like a file."""
    report = shown(workdir, "-", stdin=PACKERS[packing](PLAIN.encode()) if packing else PLAIN.encode())
    assert (report["input"], report["compression"], report["close"]) == ("<stdin>", packing, 3)
    assert report["size_bytes"] is None


def test_inputs_of_one_layout_take_a_line_each(workdir: Workdir) -> None:
    """The table of an input that is read like the one before is a line; the JSON has all keys of each."""
    header = "time,open,close\n"
    for month, name in enumerate(["a", "b", "c", "d"], 1):
        rows = "".join(f"2024-0{month}-0{day},1.5,2.{day}\n" for day in range(1, 7))
        workdir.put(f"{name}.csv", (header if name != "d" else header.replace("open", "level")) + rows)
    lines = workdir.call("inspect", ".").out.splitlines()
    assert [line for line in lines if line.endswith(" in the sample")] == [
        "b.csv: as above, 130 bytes, 2024-02-01 to 2024-02-06 in the sample",
        "c.csv: as above, 130 bytes, 2024-03-01 to 2024-03-06 in the sample",
    ]
    assert lines[0] == "a.csv"
    assert "d.csv" in lines
    inputs = json.loads(workdir.call("inspect", ".", "--json").out)["inputs"]
    assert [it["time_last"] for it in inputs] == [f"2024-0{month}-06" for month in (1, 2, 3, 4)]
    assert all(it["first_rows"] and it["reasons"] for it in inputs)


def test_archives_folders_and_globs(workdir: Workdir) -> None:
    """Every member is shown, in the order in which a run reads it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in (10, 9):
            archive.writestr(f"{number}.csv", PLAIN + "\n" * number)
    workdir.put("all.zip", packed.getvalue())
    workdir.put("b2.csv", PLAIN)
    outcome = workdir.call("inspect", "all.zip", "b*.csv", "--json")
    assert [it["input"] for it in json.loads(outcome.out)["inputs"]] == ["all.zip/9.csv", "all.zip/10.csv", "b2.csv"]
    shown_as_table = workdir.call("inspect", ".").out
    assert shown_as_table.index("all.zip/9.csv") < shown_as_table.index("all.zip/10.csv") < shown_as_table.index("b2")


@pytest.mark.parametrize(
    "write", [pa.parquet.write_table, lambda table, path: pa.feather.write_feather(table, str(path))]
)
def test_columnar_files_are_shown(workdir: Workdir, write: Callable[[pa.Table, Path], None]) -> None:
    """Types, first rows, times and missing markers of columnar files are shown."""
    days = pa.array([19_000 - row for row in range(20)], pa.int32()).cast(pa.date32())
    table = pa.table({"day": days, "close": pa.array([1.5, None, *[2.25] * 18]), "x": [[1]] * 20})
    write(table, workdir.path / "prices.bin")
    report = shown(workdir, "prices.bin")
    assert (report["close"], report["time"], report["direction"]) == (2, 1, "newest first")
    assert (report["time_first"], report["decimals"], report["missing"]) == ("2022-01-08", 2, ["null"])
    assert [it["type"] for it in report["columns"][:2]] == ["date32[day]", "double"]
    assert report["first_rows"][1] == {"line": 2, "fields": ["2022-01-07", "", "[1]"]}
    assert "--order newest-first" in report["warnings"][0]
    assert shown(workdir, "prices.bin", "--order", "newest-first")["warnings"] == []
    assert workdir.call("inspect", "prices.bin").code == 0


def test_a_refused_input_has_its_first_rows(workdir: Workdir) -> None:
    """A refused input has its first rows with numbered fields, the message and the exit code."""
    workdir.put("ticks.csv", "".join(f"{1_600_000_000 + row},5.{row},1\n" for row in range(20)))
    outcome = workdir.call("inspect", "ticks.csv")
    assert outcome.code == 4
    assert "--column N" in outcome.err
    assert re.search(r"^2 +5\.0 +5\.1", outcome.out, re.MULTILINE)
    outcome = workdir.call("inspect", "ticks.csv", "--json")
    (report,) = json.loads(outcome.out)["inputs"]
    assert outcome.code == report["error"]["exit_code"] == 4
    assert report["error"]["type"] == "LayoutError"
    assert report["first_rows"][0]["fields"] == ["1600000000", "5.0", "1"]
    message = workdir.fails(4, "ticks.csv")
    assert report["error"]["message"] == message


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", 4), (b"<html>no</html>", 4), (b"PAR1 and no more", 3), (b"\x1f\x8b\x08garbage", 3), (b'{"error": "no"}', 4)],
)
def test_other_files_fail_as_in_a_run(workdir: Workdir, content: bytes, code: int) -> None:
    """Damaged files and other kinds of files fail as in a run."""
    workdir.put("odd", content)
    outcome = workdir.call("inspect", "odd")
    assert (outcome.code, outcome.err.startswith("streamsig: odd")) == (code, True)
    assert "refused" in outcome.out
    assert outcome.err == f"streamsig: {workdir.fails(code, 'odd')}\n"


def test_one_bad_input_does_not_hide_the_others(workdir: Workdir) -> None:
    """The exit code is that of the first error, and all other inputs are shown."""
    workdir.put("1.csv", "")
    workdir.put("2.csv", PLAIN)
    outcome = workdir.call("inspect", "1.csv", "none.csv", "2.csv", "--json")
    report = json.loads(outcome.out)["inputs"]
    assert [it["error"] and it["error"]["exit_code"] for it in report] == [4, 3, None]
    assert outcome.code == 4


@pytest.mark.parametrize("arguments", [(), ("--colunm", "x", "a"), ("a", "--window", "5"), ("*.none",)])
def test_wrong_flags_are_refused_in_one_line(workdir: Workdir, arguments: tuple[str, ...]) -> None:
    """No input, unknown flags, and flags that do not affect reading are refused in one line."""
    outcome = workdir.call("inspect", *arguments)
    assert outcome.code in {2, 3}
    assert (outcome.out, outcome.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("name", ["prices.csv", "[red]\x1b[31mprices.csv"])
def test_nothing_of_a_file_gets_at_the_terminal(workdir: Workdir, name: str) -> None:
    """Headers, cells and names are escaped: neither control characters nor markup take effect."""
    workdir.put(name, HOSTILE)
    for arguments in ((), ("--json",), ("--column", "3"), ("--column", "zzz")):
        outcome = workdir.call("inspect", name, *arguments)
        for text in (outcome.out, outcome.err):
            assert all(each.isprintable() or each == "\n" for each in text)
    table = workdir.call("inspect", name).out
    assert "\\x1b]0;owned\\x07[bold red]\\u202en" in table
    assert "\\x1b[2J[link=file" in table
    coloured = "".join(
        to_table(it, 100, colour=True) for it in inspect_inputs([str(workdir.path / name)], make_settings({}))
    )
    assert set(re.findall(r"\x1b.?", coloured)) == {"\x1b["}
    assert set(re.findall(r"\x1b\[[\d;]*(.)", coloured)) == {"m"}


@pytest.mark.parametrize("width", [1, 10, 20, 37, 60, 80, 100, 133])
def test_never_wider_than_the_terminal(workdir: Workdir, width: int) -> None:
    """Wide characters, long words and many columns fit the width of the terminal."""
    wide = ["收盘价" * 9, "x" * 300, "a long name of many words " * 9]
    header = ["日期", "收盘", *wide, *(f"c{index}" for index in range(200))]
    rows = [[f"2024-01-{day:02}", f"{day}.5", *wide, *["一二三" * 5] * 200] for day in range(1, 9)]
    workdir.put("wide.csv", "\n".join(",".join(row) for row in [header, *rows]))
    workdir.put("hostile.csv", HOSTILE)
    workdir.put("refused.csv", "\n".join(",".join(row) for row in rows))
    seen = list(inspect_inputs([str(workdir.path / "*.csv")], make_settings({})))
    assert [it["error"] is None for it in seen] == [True, False, True]
    for each in seen:
        for line in to_table(each, width).splitlines():
            assert cell_len(line) <= max(width, 2)


def test_the_page_lists_every_key(workdir: Workdir) -> None:
    """docs/reference/inspect.md lists every key, in order, with a real example."""
    document = (Path(__file__).parents[2] / "docs" / "reference" / "inspect.md").read_text()
    workdir.put("prices.csv", "".join(PLAIN.splitlines(keepends=True)[:4]))
    real = json.loads(workdir.call("inspect", "prices.csv", "--json").out)
    example = json.loads(re.findall(r"```json\n(.*?)```", document, re.DOTALL)[0])
    assert example == real
    keys = re.findall(r"^\| `([\w.]+)`", document, re.MULTILINE)
    assert [key for key in keys if "." not in key] == [*real["inputs"][0]]


def test_groups_and_the_columns_that_seem_to_be_one(workdir: Workdir) -> None:
    """Several series give a warning, and the columns of --group-by are shown or refused."""
    rows = [("2024-01-01", "A", 1), ("2024-01-01", "B", 2), ("2024-01-02", "A", 1), ("2024-01-02", "B", 2)]
    workdir.put("x.csv", "time,symbol,close\n" + "".join(f"{day},{key},{close}\n" for day, key, close in rows))
    times, keys, closes = zip(*rows, strict=True)
    pa.parquet.write_table(pa.table({"time": times, "symbol": keys, "close": closes}), workdir.path / "x.parquet")
    for name in ("x.csv", "x.parquet"):
        (warning,) = shown(workdir, name)["warnings"]
        assert "--group-by symbol" in warning
        report = shown(workdir, name, "--group-by", "symbol")
        assert (report["group_by"], report["columns"][1]["role"], report["warnings"]) == ([2], "group", [])
        assert 'by column 2 "symbol"' in workdir.call("inspect", name, "--group-by", 2).out
        assert workdir.call("inspect", name, "--group-by", "ticker").code == 4


def test_rows_that_are_no_prices_are_shown(workdir: Workdir) -> None:
    """Totals below the data and dividends among the rows are named with their lines."""
    rows = "".join(f"2024-01-{day:02},1.5,1.5,1.5,{day}.25\n" for day in range(1, 9))
    workdir.put("x.csv", f"Date,Open,High,Low,Close\n{rows}2024-01-09,0.2 Dividend,,,\nTotal,,,,12\n")
    reasons = shown(workdir, "x.csv")["reasons"]
    assert reasons["actions"].startswith("line 10: ")
    assert reasons["footer"].startswith("line 11: ")
    assert workdir.call("inspect", "x.csv").out.count("not rows  line 1") == 2
    assert workdir.call("run", "x.csv", "--on-bad-row", "skip", "--window", 2).code == 0
    workdir.put("y.csv", PLAIN.replace("close", "Foo").replace("open", "volume"))
    assert "only column of numbers" in shown(workdir, "y.csv")["reasons"]["close"]
