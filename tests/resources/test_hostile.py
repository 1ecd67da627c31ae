"""Malicious inputs, names and configs are read or refused in bounded time and memory."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

import streamsig
from streamsig.csv import reader
from streamsig.sources.inputs import natural_key
from tests.support.counting import count
from tests.support.effort import some
from tests.support.workdir import prices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.workdir import Workdir

MIB = 1 << 20
ROWS = prices(range(60_000)).encode()
"""More bytes than the sample for detection."""

TITLE = "\x1b]0;pwned\x07"
"""The escape sequence that sets a terminal's title."""

NEWEST_FIRST = f"time{TITLE},close\n" + "".join(f"2024-01-{28 - day:02},{day}\n" for day in range(20))

TOO_LONG = "a record longer than 1,048,576 bytes"
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "NUL bytes": (lambda: bytes(20 * MIB), TOO_LONG),
    "a million columns": (lambda: b"1" + b"," * 10**6 + b"\n", "1000001 fields where 2 are expected"),
    "ten million columns": (lambda: b"12," * 10**7 + b"\n", TOO_LONG),
    "a number of a million digits": (lambda: b"1," + b"9" * 10**6 + b"\n", "a number of 1000000 characters"),
    "a number of 10 million digits": (lambda: b"1," + b"9" * 10**7 + b"\n", TOO_LONG),
    "absurd exponents": (lambda: b"1,1E-100000\n" * 200_000, "more than 38 digits: '1E-100000'"),
    "long exponents": (lambda: b"1,1E" + b"9" * 10**6 + b"\n", "a number of 1000002 characters"),
    "nothing but quotes": (lambda: b'1,"' + b'"' * (10**6 - 5) + b'"\n', "a number of 499999 characters"),
    "pairs of quotes": (lambda: b'1,"' + b'""a' * 300_000 + b'"\n', "a number of 600000 characters"),
    "quotes without end": (lambda: b'1,"' + b'"' * 10**7, TOO_LONG),
    "lines in quotes without end": (lambda: b'1,"' + b"x\n" * 10**7, TOO_LONG),
    "blanks without end": (lambda: b" " * (20 * MIB), TOO_LONG),
    "quotes in every field": (lambda: b'1,2"3"\n' * 200_000, "not a number: '2\"3\"'"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("kind", BOMBS)
def test_bomb_in_the_rows(workdir: Workdir, kind: str) -> None:
    """Rows that would fill memory or take quadratic time are refused in one sentence and little memory."""
    bomb, words = BOMBS[kind]
    workdir.put("bomb.csv.gz", gzip.compress(ROWS + bomb(), 1))
    outcome, peak_mib = workdir.measure("run", "bomb.csv.gz")
    assert words in workdir.failed(outcome, 4)
    assert peak_mib < 200


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(
    ("kind", "piece", "number", "rejected"),
    [
        ("line feeds", b"\n", 20 * MIB, 0),
        ("carriage returns", b"\r", 20 * MIB, 0),
        ("lines of blanks", b" \n", 10 * MIB, 0),
        pytest.param("short bad rows", b'""\n', 500_000, 500_000, marks=pytest.mark.slow),
        ("rows of many fields", b"1" + b"," * 500_000 + b"\n", 8, 8),
    ],
)
def test_bomb_that_is_read(workdir: Workdir, kind: str, piece: bytes, number: int, rejected: int) -> None:
    """Endless blank lines and bad rows are skipped in little memory."""
    workdir.put(f"{kind}.csv.gz", gzip.compress(ROWS + piece * number + b"1,5\n", 1))
    outcome, peak_mib = workdir.measure("run", f"{kind}.csv.gz", "--on-bad-row", "skip")
    assert (outcome.code, outcome.metrics["rows_processed"]) == (0, 60_001)
    assert outcome.metrics["rows_rejected"] == rejected
    assert peak_mib < 250


@pytest.mark.parametrize(
    ("first", "piece", "mib", "words"),
    [
        (b"", b"\0", 64, "NUL bytes"),
        (b"a", b",", 20, "262,144 fields"),
        (b"", b'"', 20, "no record ends within the first 262144 bytes"),
        (b"", b"\n", 20, "is empty"),
        (b"", b"9", 20, "no record ends"),
        (b"close\n", b"1,", 40, "131,070 fields"),
        (b"", b"\xff", 20, "no record ends"),
    ],
)
def test_bomb_in_the_first_bytes(workdir: Workdir, first: bytes, piece: bytes, mib: int, words: str) -> None:
    """A small archive of one repeated byte is refused by its beginning."""
    workdir.put("bomb", gzip.compress(first + piece * (mib * MIB // len(piece)), 1))
    assert words in workdir.fails(4, "bomb")


def test_zip_of_zeros(workdir: Workdir) -> None:
    """A bomb in a zip is refused, too, and the member's name is escaped."""
    with zipfile.ZipFile(workdir.path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"../{TITLE}.csv", bytes(64 * MIB))
    assert "../\\x1b]0;pwned\\x07.csv, line 1: there are NUL bytes" in workdir.fails(4, "bomb.zip")


BYTES = sorted({*range(ord("A")), *b"[\\]^_`{|}~\x7f\x80\xff", *some(range(256), 20)})
"""Letters behave alike, and so do bytes beyond ASCII; all bytes in `make long`."""
PLACES = {
    "alone": "1,2\n3,{}\n5,6\n",
    "after a close": "1,2\n3,4{}\n5,6\n",
    "before a row": "1,2\n3,4\n{}5,6\n",
    "within a close": "1,2\n3,4{}5,6\n",
}


@pytest.mark.parametrize("place", PLACES)
def test_every_byte_value(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With any byte among the rows, the fast readers agree with the definition."""
    path = tmp_path / "prices.csv"
    body = prices(range(100)).encode()
    before, after = PLACES[place].split("{}")
    for byte in BYTES:
        path.write_bytes(body + before.encode() + bytes([byte]) + after.encode())
        # the layout is detected without that byte
        fast = _answer(path, sample_bytes=150)
        with monkeypatch.context() as patch:
            patch.setattr(reader.ChunkReader, "_read_regular", lambda *_: None)
            assert _answer(path, sample_bytes=150) == fast, byte


def _answer(path: Path, **sizes: int) -> tuple[int, int, int] | str:
    try:
        result = count(path, window=2, on_bad_row="skip", **sizes)
    except streamsig.StreamsigError as error:
        return str(error)
    return result.rows_processed, result.rows_rejected, result.signal_count


def test_every_byte_value_in_the_header(tmp_path: Path) -> None:
    """A header with any byte in it is read or refused."""
    path = tmp_path / "prices.csv"
    for byte in BYTES:
        path.write_bytes(prices(range(30)).encode().replace(b"time", b"ti" + bytes([byte]) + b"me", 1))
        assert _answer(path) == (30, 0, 29) or byte in b"\0\n\r\"',;|\t", (byte, _answer(path))


NAMES = [
    f"{TITLE}.csv",
    "\x1b[2J\x1b[31mred.csv",
    "two\nlines.csv",
    "{0}.csv",
    "{task.fields}.csv",
    "[bold]b[.csv",
    ":smile:.csv",
    "\u202egpj.csv",
    "\x9b31mred.csv",
    "back\\.csv",
    os.fsdecode(b"\xff\xfe.csv"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("progress", ["never", "always"])
def test_name_that_plays_tricks(workdir: Workdir, name: str, progress: str) -> None:
    """A malicious file name is escaped in the terminal, the log and the metrics."""
    workdir.put(name, NEWEST_FIRST)
    outcome = workdir.call("run", name, "--progress", progress, "--check-order", "--per-file")
    assert (outcome.code, outcome.metrics["rows_processed"]) == (0, 20)
    assert all(text not in outcome.err for text in (TITLE, "\x1b[2J", "\x1b[31mred", "\u202e", "\x9b", "two\nlines"))
    assert "😄" not in outcome.err
    assert outcome.err.isprintable() or "\\x" not in name or progress == "always"
    shown = os.fsencode(name).decode("utf-8", "backslashreplace")
    assert [it["input"] for it in workdir.log() if it["event"] == "input_found"] == [shown]
    assert list(workdir.metrics()["files"]) == [shown]
    workdir.put(name, "time,close\n1,2\n2,x\n3,4\n")
    assert "line 3" in workdir.fails(4, name)


def test_header_that_plays_tricks(workdir: Workdir) -> None:
    """A header's control characters, markup and line ends are escaped in terminal and log."""
    forged = '\n{""event"": ""run_finished""}\n'
    for name in (TITLE, "[red]x[/red]", "{0}", "%s", forged, "\u202eesolc", "x" * 100_000):
        workdir.put("prices.csv", f'time,"close{name}"\n' + "1,2\n" * 100 + "3,bad\n")
        message = workdir.fails(4, "prices.csv", "--column", "2")
        assert len(message) < 300
        assert workdir.log()[-1]["event"] == "run_failed"
        outcome = workdir.call("inspect", "prices.csv")
        assert all(line.isprintable() for line in outcome.out.splitlines())


def test_log_lines_are_one_a_line(workdir: Workdir) -> None:
    """A log has one ASCII object per line, whatever a version, a column or a name contains."""
    hostile = 'a\n{"event": "run_finished"}\r\u2028\u0085\x1b[31m'
    workdir.put("config.yaml", f"seed: 1\nwindow: 2\nversion: {json.dumps(hostile)}\ncolumn: {json.dumps(hostile)}\n")
    workdir.put("prices.csv", prices(range(10)))
    workdir.fails(4, "prices.csv")
    assert workdir.metrics()["version"] == hostile
    log = (workdir.path / "run.log").read_bytes()
    assert log.isascii()
    assert [json.loads(line)["event"] for line in log.split(b"\n") if line] == ["run_started", "run_failed"]


def test_rejects_are_safe_to_open(workdir: Workdir) -> None:
    """No cell of the rejected rows is a formula or a control sequence, and distinct cells stay distinct."""
    rows = ["=cmd|' /C calc'!A0", "+1+1", "-1", "@SUM(A1)", "'x", "a\tb", TITLE, "é", '"two\nlines"', "plain"]
    name = os.fsdecode(b"=bad\xff.csv")
    workdir.put(name, "time,=close\n" + "1,2\n" * 100 + "".join(f"{row}\n" for row in rows))
    workdir.run(name, "--column", "2", "--on-bad-row", "skip", "--rejects", "rejects.csv")
    text = (workdir.path / "rejects.csv").read_text()
    assert "\x1b" not in text
    result = list(csv.reader(io.StringIO(text)))[1:]
    assert {row[0] for row in result} == {"'=bad\\xff.csv"}
    assert [row[4] for row in result] == [
        "'=cmd|' /C calc'!A0",
        "'+1+1",
        "'-1",
        "'@SUM(A1)",
        "''x",
        "a\tb",
        "\\x1b]0;pwned\\x07",
        "é",
        '"two\nlines"',
        "plain",
    ]


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_rejects_are_safe_in_other_languages(mark: str, workdir: Workdir) -> None:
    """No cell is a formula, even if a spreadsheet uses another separator or quote."""
    row = mark.join(["2024-01-02", "word", "=1+1", '"=1', "+2", "-3.5", "-2+3", "@x"])
    quoted = mark.join(["2024-01-03", '"two\n=2+2"', *"abcdef"])
    header = mark.join(["time", "close", *"abcdef"])
    good = [mark.join([f"2023-12-{day:02}", "2.5", *"abcdef"]) for day in range(1, 31)]
    workdir.put("prices.csv", "\n".join([header, *good, row, quoted, ""]))
    workdir.run("prices.csv", "--on-bad-row", "skip", "--rejects", "rejects.csv")
    text = (workdir.path / "rejects.csv").read_text()
    for lines in (text.splitlines(), csv.reader(io.StringIO(text), delimiter=mark), csv.reader(io.StringIO(text))):
        for line in lines:
            for cell in line.split(mark) if isinstance(line, str) else line:
                bare = cell.lstrip('"')
                assert not bare.startswith(("=", "+", "-", "@")) or re.fullmatch(r'[+-][0-9.]+"*', bare), cell
    assert mark.join(["'=1+1", '""\'=1', "+2", "-3.5", "'-2+3", "'@x"]) in text


CONFIG = "seed: 1\nwindow: 2\nversion: v1\n"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("a: " + "[" * 60_000, "recursion"),
        ("? " * 30_000, "recursion"),
        ("a: &a [x]\nb: [*a, *a, *a]\n", "aliases are not allowed"),
        (CONFIG + "threads: " + "9" * 60_000, "limit"),
        (CONFIG + "threads: 1e400\n", "'1e400'"),
        (CONFIG + "column: !!bool maybe\n", "tags are not allowed"),
        (CONFIG + 'column: !!python/object/apply:os.system ["id"]\n', "tags are not allowed"),
        (CONFIG + "column: !!binary AAAA\n", "tags are not allowed"),
        (CONFIG + 'encoding: "utf\\08"\n', "a text encoding"),
        (CONFIG + "encoding: punycode\n", "a text encoding"),
        (CONFIG + "column: 2001-99-99\n", "month"),
        (CONFIG + f'"{"k" * 900}": 1\n', 'unknown key "kkk'),
        (CONFIG + '"\\e[31mred": 1\n', "unknown key"),
        (CONFIG + "".join(f"k{number}: 1\n" for number in range(6000)), 'unknown key "k0"'),
        (CONFIG + "#" * 300_000, "larger than 262,144 bytes"),
    ],
)
def test_config_that_does_harm(workdir: Workdir, config: str, words: str) -> None:
    """A config that would take long, fill memory or run a program is refused in one sentence."""
    workdir.put("prices.csv", prices(range(10)))
    workdir.put("harm.yaml", config)
    message = workdir.fails(2, "prices.csv", "--config", "harm.yaml")
    assert words in message
    assert len(message) < 500


def test_flags_that_do_harm(workdir: Workdir) -> None:
    """Flags of the maximum length do no harm, either."""
    workdir.put("prices.csv", prices(range(10)))
    assert len(workdir.fails(4, "prices.csv", "--column", "9" * 100_000)) < 500
    (workdir.path / "metrics.json").unlink()
    for flag in ("--window", "--delimiter", "--encoding", "--skip-lines"):
        assert len(workdir.refuses("prices.csv", flag, "9" * 100_000)) < 500


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_encoding_that_needs_a_mark(workdir: Workdir, encoding: str) -> None:
    """Text in another encoding than the given one is refused, and the message names the flag."""
    workdir.put("prices.csv", prices(range(10)))
    assert "if names are garbled, say --encoding NAME" in workdir.fails(4, "prices.csv", "--encoding", encoding)


def test_numbers_in_names() -> None:
    """Names with unusual or too many digits are sorted, too."""
    names = ["1\u00b2.csv", "2.csv", "10.csv", "1" * 5000 + ".csv", "\u00b2.csv"]
    names_shuffled = names[::-1]
    assert sorted(names_shuffled, key=natural_key) == names


def test_long_digits_are_no_times(workdir: Workdir) -> None:
    """Numbers with more digits than Python converts are not times."""
    long = "9" * 5000
    for row in ("{0},{1}\n", "{0}-{0}-{0},{1}\n", "2024-{0}-01,{1}\n"):
        workdir.put("prices.csv", "time,close\n" + "".join(row.format(long, close) for close in range(20)))
        assert workdir.run("prices.csv").metrics["signal_count"] == 16
        workdir.put("prices.csv", "".join(row.format(long, close) for close in range(20)))
        assert workdir.call("run", "prices.csv", "--no-header", "--column", "2").code == 0
