"""Inputs that cannot be counted: each has its exit code and a message that says where and what."""

from __future__ import annotations

import contextlib
import os
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.support.workdir import PACKERS, prices

if TYPE_CHECKING:
    from tests.support.workdir import Workdir

ROWS = prices(range(100, 130))
MIB = 1 << 20


def _with_row(line: int, text: str | bytes) -> bytes:
    """Return sound rows but for one physical line, which counts from 1."""
    lines = ROWS.encode().splitlines(keepends=True)
    lines[line - 1] = (text if isinstance(text, bytes) else text.encode()) + b"\n"
    return b"".join(lines)


def test_missing_file(workdir: Workdir) -> None:
    """A path with nothing there is named."""
    assert workdir.fails(3, "prices.csv") == "prices.csv: no such file; check the path"


def test_folder_without_prices(workdir: Workdir) -> None:
    """A folder without a price file is no input."""
    (workdir.path / "folder").mkdir()
    assert workdir.fails(3, "folder").startswith("folder: no price file in it")


def test_unreadable_file(workdir: Workdir, mortal: list[str]) -> None:
    """A file without permission to read is named, with what to do."""
    workdir.put("prices.csv", ROWS).chmod(0)
    message = workdir.fails(3, "prices.csv", before=mortal)
    assert message == "prices.csv: permission denied; make the file readable for this user"


def test_read_error(workdir: Workdir) -> None:
    """An error of the disk is told in the system's words."""
    if not os.path.exists("/proc/self/mem"):
        pytest.skip("no file at hand that fails to be read")
    assert workdir.fails(3, "/proc/self/mem") == "/proc/self/mem: cannot be read: Input/output error"


@pytest.mark.parametrize("content", [b"", b"\n\n \n", b"\xef\xbb\xbf"])
def test_empty_file(workdir: Workdir, content: bytes) -> None:
    """A file without a header has nothing that could be counted."""
    workdir.put("prices.csv", content)
    assert "prices.csv" in (message := workdir.fails(4, "prices.csv"))
    assert "empty" in message


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("7,cheap", "'cheap'"),
        ("7,inf", "'inf'"),
        ("7,-Infinity", "'-Infinity'"),
        ("7,1.2.3", "'1.2.3'"),
        ("7,12 34", "'12 34'"),
        ("7,0x10", "'0x10'"),
        (f"7,{'9' * 40}", "999"),
    ],
)
def test_bad_close(workdir: Workdir, row: str | bytes, text: str) -> None:
    """A close that is no number is told by file, physical line, column, the text found and what to do."""
    workdir.put("prices.csv", _with_row(9, row))
    message = workdir.fails(4, "prices.csv")
    assert message.startswith('prices.csv, line 9, column 2 "close": ')
    assert text in message
    assert "--column" in message


@pytest.mark.parametrize("word", ["#VALUE!", "n/d", "¡"])
def test_a_word_in_place_of_a_close(workdir: Workdir, word: str) -> None:
    """A word may mean that there is no close: the sentence has the flag, and with it the row is missing."""
    workdir.put("prices.csv", _with_row(9, f"7,{word}"))
    assert f"say --missing {shlex.quote(word)}" in workdir.fails(4, "prices.csv")
    assert workdir.run("prices.csv", "--missing", word).metrics["rows_missing"] == 1


@pytest.mark.parametrize("word", ["-99,9", "-99.9", "--", "-", "-n/d", "-9-"])
def test_a_marker_that_begins_with_a_dash(workdir: Workdir, word: str) -> None:
    """It is the value of the flag before it, though it looks like a flag."""
    workdir.put("prices.csv", _with_row(9, f'7,"{word}"'))
    assert workdir.run("prices.csv", "--missing", word).metrics["rows_missing"] == 1
    assert workdir.run("--missing", word, "--", "prices.csv").metrics["rows_missing"] == 1


@pytest.mark.parametrize("rest", [("--window", "2"), ("--windw", "2"), ()])
def test_a_flag_is_no_value(workdir: Workdir, rest: tuple[str, ...]) -> None:
    """A flag whose value was forgotten does not take the flag behind it, even if that is mistyped."""
    workdir.put("prices.csv", ROWS)
    assert workdir.fails(2, "prices.csv", "--missing", *rest).startswith("argument --missing: expected one argument")


def test_nul_byte(workdir: Workdir) -> None:
    """A NUL byte is told by its line, near the start of a file and far into it."""
    workdir.put("prices.csv", _with_row(9, b"7,1\x002"))
    assert workdir.fails(4, "prices.csv").startswith("prices.csv, line 9: there are NUL bytes")
    workdir.put("prices.csv", prices(range(200_000)).encode() + b"7,1\x002\n")
    message = workdir.fails(4, "prices.csv")
    assert message.startswith('prices.csv, line 200002, column 2 "close": a NUL byte')


@pytest.mark.parametrize("rows", [10, 200_000])
def test_invalid_utf8_in_a_close(workdir: Workdir, rows: int) -> None:
    """Bytes that are no text do not become a number, near the start of a file and far into it."""
    workdir.put("prices.csv", prices(range(rows)).encode() + b"7,1\xff2\n")
    message = workdir.fails(4, "prices.csv")
    assert message.startswith(f'prices.csv, line {rows + 2}, column 2 "close": not a number: \'1')


@pytest.mark.parametrize(("row", "fields"), [("7", "1 field"), ("7,107,1", "3 fields")])
def test_ragged_row(workdir: Workdir, row: str, fields: str) -> None:
    """A row of another number of fields stops the run, and is shown."""
    workdir.put("prices.csv", _with_row(9, row))
    message = workdir.fails(4, "prices.csv")
    assert message.startswith("prices.csv, line 9, ")
    assert fields in message
    assert repr(row) in message


def test_line_numbers_are_physical(workdir: Workdir) -> None:
    """Blank lines and line ends inside quotes count, as an editor would have it."""
    workdir.put("prices.csv", '\n"ti\nme",close\n\n1,1\r\n\r\n"2\n",2\n3,bad\n')
    assert workdir.fails(4, "prices.csv").startswith('prices.csv, line 9, column 2 "close": ')


@pytest.mark.parametrize("threads", [1, 3])
def test_first_bad_row_is_told(workdir: Workdir, threads: int) -> None:
    """Of many bad rows far apart the first one is named, however many threads parse."""
    closes: list[object] = [*range(10**6)]
    closes[500_000] = closes[900_000] = "bad"
    workdir.prices(closes)
    assert "line 500002," in workdir.fails(4, "prices.csv", "--threads", threads)


def test_no_close_column(workdir: Workdir) -> None:
    """A header without a close is answered with the columns that are there."""
    workdir.put("prices.csv", "time,bid,ask\n1,2,3\n")
    message = workdir.fails(4, "prices.csv")
    assert all(name in message for name in ('2 "bid"', '3 "ask"', "--column"))


def test_column_that_is_not_there(workdir: Workdir) -> None:
    """A column asked for by a name that is not there is answered with those that are."""
    workdir.put("prices.csv", ROWS)
    message = workdir.fails(4, "prices.csv", "--column", "closing")
    assert all(name in message for name in ("closing", "time", "close"))


def test_header_name_twice(workdir: Workdir) -> None:
    """Two columns named close leave it open which one is meant."""
    workdir.put("prices.csv", "close,close\n1,2\n2,3\n")
    message = workdir.fails(4, "prices.csv")
    assert "close" in message
    assert "--column" in message


@pytest.mark.parametrize("kind", PACKERS)
def test_truncated_archive(workdir: Workdir, kind: str) -> None:
    """Compressed data that ends too early is an error, never a smaller count."""
    packed = PACKERS[kind](prices(range(20_000)).encode())
    workdir.put("prices.csv", packed[: len(packed) // 2])
    message = workdir.fails(3, "prices.csv")
    assert message.startswith(f"prices.csv: the {kind} data is damaged or cut off")


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 9])
def test_archive_cut_in_its_first_bytes(workdir: Workdir, kind: str, size: int) -> None:
    """What is left of a mark that is no text is told as what it is."""
    if size < {"bz2": 3, "zstd": 2}.get(kind, 1):
        return  # these first bytes are letters
    workdir.put("prices.csv", PACKERS[kind](ROWS.encode())[:size])
    message = workdir.fails(3, "prices.csv")
    assert message.startswith(f"prices.csv: the {kind} data is damaged or cut off")


@pytest.mark.parametrize("kind", PACKERS)
def test_archive_cut_in_its_last_bytes(workdir: Workdir, kind: str) -> None:
    """Missing only the checksum at the end, the data is still cut off."""
    workdir.put("prices.csv", PACKERS[kind](ROWS.encode())[:-2])
    assert "damaged or cut off" in workdir.fails(3, "prices.csv")


@pytest.mark.parametrize("kind", PACKERS)
def test_archive_with_something_behind(workdir: Workdir, kind: str) -> None:
    """What follows a whole archive and is no other one is not left out in silence."""
    workdir.put("prices.csv", PACKERS[kind](ROWS.encode()) + b"and so on, for ever")
    assert "damaged" in workdir.fails(3, "prices.csv")


@pytest.mark.parametrize("start", ["time,close\n1,2\n", "", 'time,close\n1,"'])
def test_line_without_end(workdir: Workdir, start: str) -> None:
    """A line that never ends is refused after a bounded part of it is read."""
    reading, writing = os.pipe()
    process = workdir.start("run", "-", stdin=reading)
    os.close(reading)
    with open(writing, "wb", buffering=0) as pipe:
        written = pipe.write(start.encode())
        with contextlib.suppress(BrokenPipeError):
            while written < 64 * MIB:
                written += pipe.write(b"1" * MIB)
    assert "<stdin>" in workdir.failed(workdir.finish(process), 4)
    assert written <= 6 * MIB


@pytest.mark.parametrize("kind", ["gzip", "xz"])
def test_packed_line_without_end(workdir: Workdir, kind: str) -> None:
    """A small archive that holds an enormous line is refused alike."""
    workdir.put("bomb", PACKERS[kind](b"time,close\n1," + b"1" * (40 * MIB)))
    assert "bomb" in workdir.fails(4, "bomb")


def test_control_characters_in_a_name(workdir: Workdir) -> None:
    """A name that could play tricks on a terminal is escaped."""
    message = workdir.fails(3, "pri\x1bces\n.csv")
    assert message == "pri\\x1bces .csv: no such file; check the path"


def test_closed_stdin(workdir: Workdir) -> None:
    """A standard input that is closed is no empty file."""
    assert "standard input is closed" in workdir.fails(3, "-", redirect="<&-")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["prices.csv", "--windw", "3"], ["--windw", '"--window"']),
        (["prices.csv", "--window=x"], ["--window", "'x'", "a whole number from 1"]),
        (["prices.csv", "--window", "-1"], ["--window", "'-1'", "a whole number from 1"]),
        (["prices.csv", "--window", "2.5"], ["--window", "'2.5'"]),
        (["prices.csv", "--threads", "0"], ["--threads", "'0'", "from 1 to"]),
        (["prices.csv", "--column", "0"], ["--column", "'0'", "from 1"]),
        (["prices.csv", "--wind", "3"], ["--wind"]),
        (["prices.csv", "--progress", "loud"], ["--progress", "loud", "auto", "always", "never"]),
        (["prices.csv", "--input", "other.csv"], ["both named", "prices.csv", "other.csv"]),
        (["prices.csv", "--output"], ["--output"]),
        (["prices.csv", "--output", "new.json", "--log-file", "new.log", "--windw", "3"], ["--windw"]),
        ([], ["no input"]),
    ],
)
def test_flags_that_cannot_be(workdir: Workdir, flags: list[str], words: list[str]) -> None:
    """A flag that makes no sense is named, with what was found and what is allowed; no file is written or replaced."""
    workdir.put("prices.csv", ROWS)
    workdir.run("prices.csv")
    message = workdir.refuses(*flags)
    assert [word for word in words if word not in message] == []


def test_a_config_that_is_not_there(workdir: Workdir) -> None:
    """What is wrong behind the flags is told in the metrics and the log."""
    workdir.put("prices.csv", ROWS)
    message = workdir.fails(2, "prices.csv", "--config", "none.yaml")
    assert message.startswith("none.yaml: no such config file")
    assert workdir.metrics()["error_message"] == message
    assert [line["event"] for line in workdir.log()] == ["run_failed"]


@pytest.mark.parametrize("arguments", [["count"], [], ["--window", "3"], ["generate", "--rows", "many"]])
def test_commands_that_are_not_there(workdir: Workdir, arguments: list[str]) -> None:
    """A command line without a known command is refused in one line."""
    outcome = workdir.call(*arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith("streamsig: ")


def test_whole_number_behind_prices_like_1_029(workdir: Workdir) -> None:
    """Where all that was sampled may be thousands, a whole number behind it stops the run and names the flags."""
    rows = [f"{row};1.{row % 90 + 10:03d}" for row in range(40_000)]
    workdir.put("prices.csv", "\n".join(["Date;Close", *rows, "40000;999", ""]))
    message = workdir.fails(4, "prices.csv")
    assert message.startswith(
        'prices.csv, line 40002, column 2 "Close": numbers before it have a . before three digits'
    )
    assert message.endswith("say which with --thousands . or --decimal .")
    thousands, decimals = (workdir.run("prices.csv", flag, ".").metrics for flag in ("--thousands", "--decimal"))
    # 999 is below the mean of thousands, and above that of decimals
    assert decimals["signal_count"] == thousands["signal_count"] + 1
