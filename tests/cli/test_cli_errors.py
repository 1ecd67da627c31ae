"""Each input that cannot be counted has an exit code and a message that says where and what."""

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
    """Return valid rows except for one physical line, which counts from 1."""
    lines = ROWS.encode().splitlines(keepends=True)
    lines[line - 1] = (text if isinstance(text, bytes) else text.encode()) + b"\n"
    return b"".join(lines)


def test_a_column_without_a_name(workdir: Workdir) -> None:
    """A column whose header cell is empty has only a number."""
    workdir.put("prices.csv", "time,open,\n" + "2024-01-01,1,2\n" * 9 + "2024-01-02,1,x\n")
    assert workdir.fails(4, "prices.csv", "--column", 3).startswith("prices.csv, line 11, column 3: not a number: ")


def test_a_missing_path_is_named(workdir: Workdir) -> None:
    """A missing path is named."""
    assert workdir.fails(3, "prices.csv") == "prices.csv: no such file; check the path"


def test_folder_without_prices(workdir: Workdir) -> None:
    """A folder without a price file is not an input."""
    (workdir.path / "folder").mkdir()
    assert workdir.fails(3, "folder").startswith("folder: no price file in it")


def test_a_file_without_read_permission_is_named(workdir: Workdir, mortal: list[str]) -> None:
    """The message for a file without read permission names it and says what to do."""
    workdir.put("prices.csv", ROWS).chmod(0)
    message = workdir.fails(3, "prices.csv", before=mortal)
    assert message == "prices.csv: permission denied; make the file readable for this user"


def test_a_disk_error_has_the_message_of_the_system(workdir: Workdir) -> None:
    """A disk error has the system's message."""
    if not os.path.exists("/proc/self/mem"):
        pytest.skip("no file at hand that fails to be read")
    assert workdir.fails(3, "/proc/self/mem") == "/proc/self/mem: cannot be read: Input/output error"


@pytest.mark.parametrize("content", [b"", b"\n\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_error(workdir: Workdir, content: bytes) -> None:
    """A file without a header cannot be counted."""
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
def test_a_bad_close_is_located(workdir: Workdir, row: str | bytes, text: str) -> None:
    """The message for a bad close has file, physical line, column, the text and what to do."""
    workdir.put("prices.csv", _with_row(9, row))
    message = workdir.fails(4, "prices.csv")
    assert message.startswith('prices.csv, line 9, column 2 "close": ')
    assert text in message
    assert "--column" in message


@pytest.mark.parametrize("word", ["#VALUE!", "n/d", "¡"])
def test_a_word_in_place_of_a_close(workdir: Workdir, word: str) -> None:
    """The message for a word names the flag that makes the close missing, and the flag works."""
    workdir.put("prices.csv", _with_row(9, f"7,{word}"))
    assert f"say --missing {shlex.quote(word)}" in workdir.fails(4, "prices.csv")
    assert workdir.run("prices.csv", "--missing", word).metrics["rows_missing"] == 1


@pytest.mark.parametrize("word", ["-99,9", "-99.9", "--", "-", "-n/d", "-9-"])
def test_a_marker_that_begins_with_a_dash(workdir: Workdir, word: str) -> None:
    """A marker that looks like a flag is the value of the flag before it."""
    workdir.put("prices.csv", _with_row(9, f'7,"{word}"'))
    assert workdir.run("prices.csv", "--missing", word).metrics["rows_missing"] == 1
    assert workdir.run("--missing", word, "--", "prices.csv").metrics["rows_missing"] == 1


@pytest.mark.parametrize("rest", [("--window", "2"), ("--windw", "2"), ()])
def test_a_flag_is_no_value(workdir: Workdir, rest: tuple[str, ...]) -> None:
    """A flag without its value does not take the next flag as one, even a mistyped one."""
    workdir.put("prices.csv", ROWS)
    assert workdir.fails(2, "prices.csv", "--missing", *rest).startswith("argument --missing: expected one argument")


def test_a_nul_byte_is_located(workdir: Workdir) -> None:
    """The message for a NUL byte has its line, near the start of a file and far into it."""
    workdir.put("prices.csv", _with_row(9, b"7,1\x002"))
    assert workdir.fails(4, "prices.csv").startswith("prices.csv, line 9: there are NUL bytes")
    workdir.put("prices.csv", prices(range(200_000)).encode() + b"7,1\x002\n")
    message = workdir.fails(4, "prices.csv")
    assert message.startswith('prices.csv, line 200002, column 2 "close": a NUL byte')


@pytest.mark.parametrize("rows", [10, 200_000])
def test_invalid_utf8_in_a_close(workdir: Workdir, rows: int) -> None:
    """Invalid bytes do not become a number, near the start of a file or far into it."""
    workdir.put("prices.csv", prices(range(rows)).encode() + b"7,1\xff2\n")
    message = workdir.fails(4, "prices.csv")
    assert message.startswith(f'prices.csv, line {rows + 2}, column 2 "close": not a number: \'1')


@pytest.mark.parametrize(("row", "fields"), [("7", "1 field"), ("7,107,1", "3 fields")])
def test_a_row_with_more_or_fewer_fields_is_shown(workdir: Workdir, row: str, fields: str) -> None:
    """A row with another number of fields stops the run, and the message shows it."""
    workdir.put("prices.csv", _with_row(9, row))
    message = workdir.fails(4, "prices.csv")
    assert message.startswith("prices.csv, line 9, ")
    assert fields in message
    assert repr(row) in message


def test_line_numbers_are_physical(workdir: Workdir) -> None:
    """Line numbers count blank lines and line ends inside quotes, like an editor."""
    workdir.put("prices.csv", '\n"ti\nme",close\n\n1,1\r\n\r\n"2\n",2\n3,bad\n')
    assert workdir.fails(4, "prices.csv").startswith('prices.csv, line 9, column 2 "close": ')


@pytest.mark.parametrize("threads", [1, 3])
def test_first_bad_row_is_named(workdir: Workdir, threads: int) -> None:
    """The first of many bad rows is named, whatever the number of threads."""
    closes: list[object] = [*range(10**6)]
    closes[500_000] = closes[900_000] = "bad"
    workdir.prices(closes)
    assert "line 500002," in workdir.fails(4, "prices.csv", "--threads", threads)


def test_no_close_column(workdir: Workdir) -> None:
    """The message for a header without a close lists the columns."""
    workdir.put("prices.csv", "time,bid,ask\n1,2,3\n")
    message = workdir.fails(4, "prices.csv")
    assert all(name in message for name in ('2 "bid"', '3 "ask"', "--column"))


def test_column_that_is_not_there(workdir: Workdir) -> None:
    """The message for an unknown column lists the columns."""
    workdir.put("prices.csv", ROWS)
    message = workdir.fails(4, "prices.csv", "--column", "closing")
    assert all(name in message for name in ("closing", "time", "close"))


def test_header_name_twice(workdir: Workdir) -> None:
    """Two columns named close are ambiguous."""
    workdir.put("prices.csv", "close,close\n1,2\n2,3\n")
    message = workdir.fails(4, "prices.csv")
    assert "close" in message
    assert "--column" in message


@pytest.mark.parametrize("kind", PACKERS)
def test_a_truncated_archive_is_never_a_smaller_count(workdir: Workdir, kind: str) -> None:
    """Truncated compressed data is an error, never a smaller count."""
    packed = PACKERS[kind](prices(range(20_000)).encode())
    workdir.put("prices.csv", packed[: len(packed) // 2])
    message = workdir.fails(3, "prices.csv")
    assert message.startswith(f"prices.csv: the {kind} data is damaged or cut off")


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 9])
def test_archive_cut_in_its_first_bytes(workdir: Workdir, kind: str, size: int) -> None:
    """A truncated magic number is reported as a truncated archive."""
    if size < {"bz2": 3, "zstd": 2}.get(kind, 1):
        return  # these first bytes are letters
    workdir.put("prices.csv", PACKERS[kind](ROWS.encode())[:size])
    message = workdir.fails(3, "prices.csv")
    assert message.startswith(f"prices.csv: the {kind} data is damaged or cut off")


@pytest.mark.parametrize("kind", PACKERS)
def test_archive_cut_in_its_last_bytes(workdir: Workdir, kind: str) -> None:
    """An archive without its checksum is truncated."""
    workdir.put("prices.csv", PACKERS[kind](ROWS.encode())[:-2])
    assert "damaged or cut off" in workdir.fails(3, "prices.csv")


@pytest.mark.parametrize("kind", PACKERS)
def test_archive_with_trailing_bytes(workdir: Workdir, kind: str) -> None:
    """Bytes after an archive that are not another archive are an error."""
    workdir.put("prices.csv", PACKERS[kind](ROWS.encode()) + b"and so on, for ever")
    assert "damaged" in workdir.fails(3, "prices.csv")


@pytest.mark.parametrize("start", ["time,close\n1,2\n", "", 'time,close\n1,"'])
def test_line_without_end(workdir: Workdir, start: str) -> None:
    """A line that never ends is refused after a bounded number of bytes."""
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
    """An endless line in a small archive is refused, too."""
    workdir.put("bomb", PACKERS[kind](b"time,close\n1," + b"1" * (40 * MIB)))
    assert "bomb" in workdir.fails(4, "bomb")


def test_control_characters_in_a_name(workdir: Workdir) -> None:
    """Control characters in a name are escaped."""
    message = workdir.fails(3, "pri\x1bces\n.csv")
    assert message == "pri\\x1bces .csv: no such file; check the path"


def test_a_closed_standard_input_is_not_an_empty_file(workdir: Workdir) -> None:
    """A closed standard input is not an empty file."""
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
    """The message for a wrong flag has the value and what is allowed, and no file is written."""
    workdir.put("prices.csv", ROWS)
    workdir.run("prices.csv")
    message = workdir.refuses(*flags)
    assert [word for word in words if word not in message] == []


def test_a_config_that_is_not_there(workdir: Workdir) -> None:
    """Errors after parsing the flags are in the metrics and the log."""
    workdir.put("prices.csv", ROWS)
    message = workdir.fails(2, "prices.csv", "--config", "none.yaml")
    assert message.startswith("none.yaml: no such config file")
    assert workdir.metrics()["error_message"] == message
    assert [line["event"] for line in workdir.log()] == ["run_failed"]


@pytest.mark.parametrize("arguments", [["count"], [], ["--window", "3"], ["generate", "--rows", "many"]])
def test_commands_that_are_not_there(workdir: Workdir, arguments: list[str]) -> None:
    """An unknown command is refused in one line."""
    outcome = workdir.call(*arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith("streamsig: ")


def test_whole_number_after_prices_like_1_029(workdir: Workdir) -> None:
    """A whole number after prices that may be thousands stops the run and names the flags."""
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
