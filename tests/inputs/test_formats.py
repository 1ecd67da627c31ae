"""The same closes in another format give the same count."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import zipfile
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

import streamsig
from streamsig.cli.advice import with_flags
from streamsig.engine.events import Rejected
from streamsig.engine.pipeline import count_signals
from tests.support.counting import count, sized

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.workdir import Workdir

CLOSES = [f"{100 + (row * 7) % 5}.{row % 3}0" for row in range(200)]
CSV = "time,close\n" + "".join(f"{row},{close}\n" for row, close in enumerate(CLOSES))
TYPES = [pa.decimal128(10, 2), pa.float64(), pa.string()]


def _stream(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    "parquet": lambda table, path: pa.parquet.write_table(table, path, row_group_size=37),
    "feather": lambda table, path: pa.feather.write_feather(table, str(path)),
    "stream": _stream,
}


def _values(kind: pa.DataType) -> pa.Array:
    if kind == pa.float64():
        return pa.array([float(close) for close in CLOSES])
    return pa.array(CLOSES if kind == pa.string() else [Decimal(close) for close in CLOSES], kind)


def _of_csv(tmp_path: Path, **settings: object) -> streamsig.Result:
    path = tmp_path / "prices.csv"
    path.write_text(CSV)
    return streamsig.run(path, **settings)


@pytest.mark.parametrize("kind", TYPES, ids=str)
@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("order", ["file", "newest-first"])
def test_columnar_files_count_like_csv(name: str, kind: pa.DataType, order: str, tmp_path: Path) -> None:
    """Parquet, Feather and Arrow streams of decimals, floats or texts have the count of the CSV."""
    path = tmp_path / "prices.bin"
    WRITERS[name](pa.table({"time": range(len(CLOSES)), "close": _values(kind)}), path)
    expected = _of_csv(tmp_path, order=order)
    result = streamsig.run(path, order=order)
    assert (result.rows_processed, result.signal_count) == (expected.rows_processed, expected.signal_count)


@pytest.mark.parametrize("name", WRITERS)
def test_columnar_files_are_read_from_pipes(name: str, tmp_path: Path) -> None:
    """All three formats are detected on standard input."""
    path = tmp_path / "prices.bin"
    WRITERS[name](pa.table({"close": _values(pa.float64())}), path)
    command = [sys.executable, "-m", "streamsig", "run", "-", "--output", "-"]
    done = subprocess.run(command, input=path.read_bytes(), capture_output=True, check=True)
    assert f'"signal_count": {_of_csv(tmp_path).signal_count}'.encode() in done.stdout


def test_a_bad_value_in_a_column_is_named_or_left_out(tmp_path: Path) -> None:
    """An infinite float stops the run with its row, or is skipped and counted."""
    path = tmp_path / "prices.parquet"
    pa.parquet.write_table(pa.table({"close": [1.0, 2.0, float("inf"), 3.0, float("-inf"), 4.0]}), path)
    with pytest.raises(streamsig.BadRowError, match="line 3"):
        streamsig.run(path)
    result = streamsig.run(path, on_bad_row="skip", window=2)
    assert (result.rows_processed, result.rows_rejected, result.signal_count) == (4, 2, 3)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.date32(), pa.string(), pa.int64()], ids=str)
def test_columnar_files_that_run_backwards(name: str, kind: pa.DataType, tmp_path: Path) -> None:
    """Newest-first rows are detected by the time column, with a warning unless the order is given."""
    days = pa.array([20_000 - row for row in range(50)], pa.int32()).cast(pa.date32())
    times = pa.array(days.cast(pa.timestamp("s")).cast(pa.int64())) if kind == pa.int64() else days.cast(kind)
    path = tmp_path / "prices.bin"
    WRITERS[name](pa.table({"close": [float(row) for row in range(50)], "when": times, "time": times}), path)
    (warning,) = streamsig.run(path).warnings
    assert "`order='newest-first'`" in warning
    assert streamsig.run(path, order="newest-first").warnings == ()


@pytest.mark.parametrize("name", WRITERS)
def test_rows_left_out_of_columnar_files_are_shown_whole(name: str, workdir: Workdir) -> None:
    """--rejects has every column of a row and its number."""
    closes = [1.0, 2.0, float("inf"), 3.0, float("-inf"), 4.0]
    table = pa.table({"time": [f"2024-01-0{row}" for row in range(1, 7)], "close": closes, "note": ["a,b"] * 6})
    WRITERS[name](table, workdir.path / "prices.bin")
    workdir.run("prices.bin", "--window", 2, "--on-bad-row", "skip", "--rejects", "rejects.csv")
    rows = list(csv.reader(io.StringIO((workdir.path / "rejects.csv").read_text())))
    assert [(row[1], row[4]) for row in rows[1:]] == [("3", '2024-01-03,inf,"a,b"'), ("5", '2024-01-05,-inf,"a,b"')]


def test_archives_are_one_series_in_natural_order(tmp_path: Path) -> None:
    """Members of a zip, and files of a folder, follow each other in natural order."""
    lines = CSV.splitlines(keepends=True)
    parts = {
        f"part-{number}.csv": lines[0] + "".join(lines[1 + number * 20 : 21 + number * 20]) for number in range(10)
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(parts, reverse=True):
            archive.writestr(name.replace("9", "19"), parts[name])
    whole, folder = tmp_path / "prices.zip", tmp_path / "folder"
    whole.write_bytes(packed.getvalue())
    folder.mkdir()
    for name, text in parts.items():
        (folder / name.replace("9", "19")).write_text(text)
    expected = _of_csv(tmp_path, window=30)
    for path in (whole, folder, tmp_path / "folder" / "part-*.csv"):
        result = streamsig.run(path, window=30)
        assert (result.rows_processed, result.signal_count) == (expected.rows_processed, expected.signal_count)


@pytest.mark.parametrize("other", ["prices.csv.CHECKSUM", "report.txt", "readme.md"])
def test_what_is_no_table_by_its_name_is_left_out_of_an_archive(other: str, tmp_path: Path) -> None:
    """Reports and checksums in an archive are skipped with a warning."""
    path = tmp_path / "prices.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(other, "0a1b  prices.csv\n")
        archive.writestr("prices.csv", CSV)
    result = streamsig.run(path)
    assert (result.rows_processed, result.signal_count) == (len(CLOSES), _of_csv(tmp_path).signal_count)
    (warning,) = result.warnings
    assert other in warning


def test_a_stream_of_arrow_beside_another_table_in_an_archive_is_counted(tmp_path: Path) -> None:
    """Every kind of table in an archive is counted, also next to tables of another kind."""
    table = pa.table({"time": range(len(CLOSES)), "close": pa.array(CLOSES)})
    _stream(table, tmp_path / "2.arrows")
    with zipfile.ZipFile(tmp_path / "prices.zip", "w") as archive:
        archive.writestr("1.csv", CSV)
        archive.write(tmp_path / "2.arrows", "2.arrows")
    result = streamsig.run(tmp_path / "prices.zip")
    assert (result.rows_processed, result.warnings) == (2 * len(CLOSES), ())


def test_texts_alone_in_an_archive_are_tables(tmp_path: Path) -> None:
    """In an archive without other tables, `.txt` files are tables."""
    path = tmp_path / "prices.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("prices.txt", CSV)
    assert (streamsig.run(path).rows_processed, streamsig.run(path).warnings) == (len(CLOSES), ())


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_inside_an_archive(method: int, tmp_path: Path) -> None:
    """A damaged member ends the run with the archive's name and what to do."""
    path = tmp_path / "prices.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("prices.csv", CSV * 50)
    packed = bytearray(path.read_bytes())
    packed[len(packed) // 2] ^= 0xFF
    path.write_bytes(packed)
    with pytest.raises(streamsig.SourceError, match=r"prices\.zip.*(again|cannot be read)"):
        streamsig.run(path, on_bad_row="skip")


DOUBTFUL = [
    ("Date;Close", "1.003", "--thousands . or --decimal ."),
    ("Datum;Schluss", "1,003", "--thousands , or --decimal ,"),
    ("Datum;Schluss", "1.003", "--decimal and --thousands"),
    ("Date;Close", "1,003", "--decimal and --thousands"),
    ("Date;Close", "$1.003", "--thousands . or --decimal ."),
    ("Date,Close", "1.003", "--thousands . or --decimal ."),
    ("Datum,Schluss", '"1,003"', "--decimal and --thousands"),
]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("chunk_bytes", [64, 1 << 20])
@pytest.mark.parametrize(("header", "text", "flags"), DOUBTFUL)
def test_whole_prices_leave_a_mark_ambiguous(
    header: str,
    text: str,
    flags: str,
    chunk_bytes: int,
    threads: int,
    tmp_path: Path,
) -> None:
    """The first mark before three digits after whole prices stops the run, however it is cut."""
    asked = {"threads": threads, "chunk_bytes": chunk_bytes, "sample_bytes": 200}
    day = "2024-01-01;" if ";" in header else "2024-01-01,"
    lines = [header, *(f"{day}{900 + row % 99}" for row in range(100)), f"{day}{text}", f"{day}950"]
    path, close = tmp_path / "prices.csv", text.strip('"')
    path.write_text("\n".join(lines))
    with pytest.raises(streamsig.BadRowError, match=rf"line 102, .*{re.escape(close)}") as caught:
        count(path, **asked)
    assert flags in with_flags(str(caught.value))
    assert count(path, thousands="," if "," in text else ".", **asked).rows_processed == 102


def test_decimals_may_follow_whole_prices(tmp_path: Path) -> None:
    """A mark that can only be a decimal mark is accepted."""
    lines = ["Date;Close", *(f"2024-01-01;{900 + row % 99}" for row in range(100))]
    path = tmp_path / "prices.csv"
    path.write_text("\n".join([*lines, "2024-01-01;951.5", "2024-01-01;1003.125", "2024-01-01;0.125"]))
    assert streamsig.run(path, window=2).rows_processed == 103


def test_per_file_makes_each_input_a_series(tmp_path: Path) -> None:
    """With per_file no window reaches from one input into the next."""
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text("time,close\n1,1\n2,2\n")
    second.write_text("time,close\n3,3\n4,4\n")
    assert streamsig.run(first, second, window=2).signal_count == 3
    result = streamsig.run(first, second, window=2, per_file=True)
    assert result.signal_count == 2
    assert [series.signal_count for series in result.files.values()] == [1, 1]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("chunk_bytes", [16, 100, 1 << 20])
def test_the_same_rows_are_rejected_however_cut(threads: int, chunk_bytes: int, tmp_path: Path) -> None:
    """Bad rows are skipped, counted and reported by line, with any chunks and threads."""
    path = tmp_path / "prices.csv"
    lines = ["time,note,close"] + [f"{row},n,{row}.5" for row in range(60)]
    lines[5], lines[20], lines[40] = "5,n,word", "short", '"two\nlines",n,inf'
    lines[50] = lines[0]
    path.write_text("\n".join(lines))
    seen: list[tuple[int, str]] = []

    def observe(event: object) -> None:
        if isinstance(event, Rejected):
            seen.append((event.line, event.row))

    settings = sized(on_bad_row="skip", threads=threads, window=3, chunk_bytes=chunk_bytes)
    result = count_signals([str(path)], settings, observe)
    assert seen == [(6, "5,n,word"), (21, "short"), (41, '"two\nlines",n,inf'), (52, lines[0])]
    assert (result.rows_processed, result.rows_rejected, result.signal_count) == (56, 4, 54)
