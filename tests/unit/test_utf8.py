"""All text that the program writes is UTF-8, whatever bytes inputs and names contain."""

from __future__ import annotations

import csv
import io
import json
import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamsig
from streamsig.core import utf8
from streamsig.core.keys import Texts
from streamsig.sinks import row_file

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.workdir import Workdir

KEYS = [b"A", b"\xff", b"\xfe\xe9", "é".encode(), b"\xc3", b"\xff", b"A", b"\xa9"]
READABLE = ["A", "\\xff", "\\xfe\\xe9", "é", "\\xc3", "\\xff", "A", "\\xa9"]

pieces = st.one_of(st.binary(max_size=4), st.text(max_size=3).map(str.encode), st.sampled_from(KEYS))


@given(st.lists(pieces, max_size=8), st.integers(0, 3))
def test_each_text_is_utf8_by_itself(texts: list[bytes], start: int) -> None:
    """Each text is valid by itself, even if adjacent texts together form a character."""
    joined = Texts.of(texts)
    start = min(start, len(texts))
    result = Texts(joined.starts[start:], joined.content).in_utf8()
    expected = [text.decode("utf-8", "backslashreplace") for text in texts[start:]]
    assert [text.decode() for text in result.to_bytes()] == expected
    assert [result.content[a:b].tobytes().decode() for a, b in pairwise(result.starts.tolist())] == expected


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("é\U0001f600", "é\U0001f600"),
        ("a\udcffb\udc80", "a\\xffb\\x80"),
        ("\ud800\udc00", "\\ud800\\udc00"),
    ],
)
def test_names_that_are_not_utf8(text: str, written: str) -> None:
    """Bytes of paths are escaped like those of inputs, and lone surrogates are escaped, too."""
    assert utf8.from_str(text) == written
    assert utf8.in_json({text: [text, (text, 1)], "n": None}) == {written: [written, [written, 1]], "n": None}


def bars(path: Path) -> Path:
    """Write rows whose keys, and the time of the second row, are not UTF-8."""
    times = [b"2024-01-01 10:%02d" % row for row in range(len(KEYS) * 5)]
    times[1] += b" \xff"
    lines = [b"%s,%s,%d" % (time, key, row) for row, (time, key) in enumerate(zip(times, KEYS * 5, strict=True))]
    path.write_bytes(b"\n".join([b"time,key,close", *lines]))
    return path


@pytest.mark.parametrize("ending", row_file.FORMATS)
def test_rows_are_utf8_in_every_format(workdir: Workdir, ending: str) -> None:
    """Polars reads every format, and the keys equal those of the metrics."""
    polars: Any = pytest.importorskip("polars")
    bars(workdir.path / "bars.csv")
    metrics = workdir.run(
        "bars.csv", "--encoding", "utf-8", "--group-by", "key", "--signals-out", f"rows{ending}"
    ).metrics
    path = workdir.path / f"rows{ending}"
    read = {".parquet": polars.read_parquet, ".arrow": polars.read_ipc, ".feather": polars.read_ipc}
    table = read.get(ending, polars.read_csv)(path)
    assert table["key"].to_list() == READABLE * 5
    assert table["time"].to_list()[:2] == ["2024-01-01 10:00", "2024-01-01 10:01 \\xff"]
    assert set(metrics["groups"]) == set(READABLE)


@pytest.mark.parametrize("chosen", [{"group_by": "key"}, {"order": "newest-first"}])
def test_scan_returns_utf8(tmp_path: Path, chosen: dict[str, Any]) -> None:
    """Batches are valid, rows that wait for later ones included."""
    table = streamsig.scan(bars(tmp_path / "bars.csv"), encoding="utf-8", window=2, **chosen).read_all()
    table.validate(full=True)
    assert table.column("time").to_pylist()[1] == "2024-01-01 10:01 \\xff"


def test_binary_columns_are_texts_of_the_same_rule() -> None:
    """Binary keys of Parquet are written like those of a CSV, in rows and among groups."""
    table = pa.table({"key": pa.array(KEYS, pa.binary()), "close": np.arange(len(KEYS))})
    rows = streamsig.scan(table, group_by="key", window=1).read_all()
    assert rows.column("key").to_pylist() == READABLE
    assert {key for key, _ in streamsig.run(table, group_by="key", window=1).groups.each()} == set(READABLE)  # type: ignore[union-attr]


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="names of files are Unicode there")
def test_metrics_log_and_rejects_name_files_in_utf8(workdir: Workdir) -> None:
    """A file whose name is not UTF-8 is counted, and its name is escaped everywhere."""
    name = os.fsdecode(b"a\xff.csv")
    (workdir.path / name).write_text("time,close\n2024-01-01,1\n2024-01-02,2\n2024-01-03,word\n")
    metrics = workdir.run(
        name, "--window", "1", "--per-file", "--on-bad-row", "skip", "--rejects", "bad.csv", "--log-file", "run.log"
    ).metrics
    assert list(metrics["files"]) == ["a\\xff.csv"]
    rejects = (workdir.path / "bad.csv").read_text(encoding="utf-8")
    assert next(csv.DictReader(io.StringIO(rejects)))["file"] == "a\\xff.csv"
    log = [json.loads(line) for line in (workdir.path / "run.log").read_text().splitlines()]
    assert "a\\xff.csv" in [entry.get("input") for entry in log]
