"""Rows that are emitted while they are counted, to Python and to files."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import streamsig
from streamsig import Signal, WindowState
from tests.support import counting, oracle
from tests.support.workdir import prices

if TYPE_CHECKING:
    from tests.support.workdir import Workdir

ROOT = Path(__file__).parents[2]
RULES = {"rise": Signal(1, 3), "cross": Signal(2, 3, "cross_above")}


def scanned(*inputs: Any, **chosen: Any) -> pa.Table:
    """Return all rows of a scan."""
    return streamsig.scan(*inputs, signals=RULES, **chosen).read_all()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["A", "B", ""]), st.sampled_from(["", "1", "1.5", "2.25", "2.5", "NaN", '"1.50"', "1e0"])
        ),
        min_size=1,
        max_size=40,
    ),
    size=st.sampled_from([1, 20, 100, 4096]),
    threads=st.integers(1, 3),
    grouped=st.booleans(),
)
def test_rows_are_those_of_the_oracle(
    tmp_path: Path, rows: list[tuple[str, str]], size: int, threads: int, *, grouped: bool
) -> None:
    """Rows have the oracle's values, alone or by symbol, however the text is cut."""
    path = tmp_path / "rows.csv"
    lines = [f"2024-01-01 00:{row:02d},{key},{close}" for row, (key, close) in enumerate(rows)]
    path.write_text("\n".join(["time,symbol,close", *lines]))
    groups: dict[str, Any] = {"group_by": ("symbol",)} if grouped else {}
    batches: list[pa.RecordBatch] = []
    counting.count(
        path, emit=batches.append, chunk_bytes=size, threads=threads, signals=RULES, column="close", **groups
    )
    table = pa.Table.from_batches(batches)
    closes = [oracle.number(close.strip('"')) for _, close in rows]
    assert table.column("row").to_pylist() == list(range(1, len(rows) + 1))
    assert table.column("time").to_pylist() == [line.split(",")[0] for line in lines]
    assert table.column("close").to_pylist() == [None if it is None else Decimal(float(it)) for it in closes]
    if grouped:
        assert table.column("symbol").to_pylist() == [key for key, _ in rows]
    for name, rule in RULES.items():
        expected = [False] * len(rows)
        for key in {key for key, _ in rows} if grouped else {None}:
            mine = [row for row, (each, _) in enumerate(rows) if key in {None, each}]
            flags = oracle.flags([closes[row] for row in mine], rule.fast, rule.slow, rule.compare)
            for row, flag in zip(mine, flags, strict=True):
                expected[row] = flag
        assert table.column(name).to_pylist() == expected


@pytest.mark.parametrize("chosen", [{}, {"order": "newest-first"}, {"per_file": True}, {"group_by": ("volume",)}])
def test_rows_add_up_to_the_counts(workdir: Workdir, chosen: dict[str, Any]) -> None:
    """Rows of several files, with bad rows skipped, add up to the counts."""
    closes = [5, 4, 3, "", 3, 4, 5, 5, 6, 7, 1, 9]
    paths = [workdir.put("a.csv", prices(closes) + "13,word\n"), workdir.put("b.csv", prices([*reversed(closes), 8]))]
    if "group_by" in chosen:
        chosen = {"group_by": (1,)}
    result = streamsig.run(*paths, signals=RULES, on_bad_row="skip", **chosen)
    table = scanned(*paths, on_bad_row="skip", **chosen)
    assert table.num_rows == result.rows_processed == 25
    for name, count in result.signals.items():
        assert sum(table.column(name).to_pylist()) == count.signal_count


@pytest.mark.parametrize("chosen", [{}, {"order": "newest-first"}, {"per_file": True}, {"group_by": (1,)}])
def test_rows_without_means(workdir: Workdir, chosen: dict[str, Any]) -> None:
    """Without means, the other columns are the same."""
    closes = [5, 4, 3, "", 3, 4, 5, 5, 6, 7, 1, 9]
    paths = [workdir.put("a.csv", prices(closes)), workdir.put("b.csv", prices([*reversed(closes), 8]))]
    table = scanned(*paths, **chosen)
    means = [f"{name}_{which}" for name in RULES for which in ("fast", "slow")]
    assert scanned(*paths, rows_means="none", **chosen).equals(table.drop_columns(means))


def test_rows_of_parquet(workdir: Workdir) -> None:
    """A Parquet file gives the rows of its CSV."""
    text = workdir.prices(["1.50", "1.75", "", "2.00", "2.00", "2.50"])
    table = pa.table(
        {
            "time": list(range(1, 7)),
            "close": [Decimal("1.5"), Decimal("1.75"), None, Decimal(2), Decimal(2), Decimal("2.5")],
        }
    )
    parquet.write_table(table, workdir.path / "prices.parquet")
    from_text, from_table, from_frame = scanned(text), scanned(workdir.path / "prices.parquet"), scanned(table)
    assert from_text.drop_columns("time").equals(from_table.drop_columns("time"))
    assert from_frame.equals(from_table)


def test_errors_are_raised_in_the_reader(workdir: Workdir) -> None:
    """Errors are raised in the reader with their own type, and an abandoned reader ends its thread."""
    path = workdir.put("prices.csv", prices([1, 2, 3]) + "4,word\n")
    with pytest.raises(streamsig.BadRowError, match="line 5"):
        streamsig.scan(path).read_all()
    with pytest.raises(streamsig.SourceError):
        streamsig.scan(workdir.path / "missing.csv")
    with pytest.raises(streamsig.UsageError, match="newest first"):
        streamsig.scan(path, order="newest-first", group_by=("close",))
    with pytest.raises(TypeError, match="a list of numbers"):
        streamsig.run([1.0, 2.0])
    # more batches than the thread prepares, so that it waits
    reader = streamsig.scan([pa.table({"close": [1, 2, 3]})] * 100)
    reader.read_next_batch()
    del reader
    assert not [thread for thread in threading.enumerate() if thread.name == "streamsig scan"]


def test_frames_count_like_files(workdir: Workdir) -> None:
    """Frames count like files, one after another, together with files, and in the window state."""
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"close": [1.5, 1.75, None, 2.0, 2.25]})
    other = pa.table({"Close": ["2.5", "2.75", "0.1"]})
    path = workdir.prices(["1.50", "1.75", "", "2.00", "2.25"])
    together = streamsig.run(frame, other, window=2)
    assert (together.rows_processed, together.signal_count, together.rows_missing) == (8, 4, 1)
    assert streamsig.run(path, other, window=2).signal_count == 4
    state = WindowState.empty([Signal(1, 2)]).update(frame).update(other, column=1)
    assert (state.rows, state.counts) == (8, (4,))
    with pytest.raises(streamsig.BadRowError, match=r"<frame 1>, line 2"):
        streamsig.run(pa.table({"close": ["1", "word"]}), window=2)


def test_the_flag_writes_the_rows_of_scan(workdir: Workdir) -> None:
    """The flag writes the rows of `scan`, and a failed run leaves the old file."""
    path = workdir.prices(["1.50", "1.75", "", "2.00", "2.25"])
    rules = ["--signal", "rise=1:3", "--signal", "cross=2:3:cross_above"]
    workdir.run("prices.csv", "--signals-out", "rows.parquet", *rules)
    assert parquet.read_table(workdir.path / "rows.parquet").equals(scanned(path))
    workdir.put("prices.csv", prices([1, 2]) + "3,word\n")
    before = (workdir.path / "rows.parquet").read_bytes()
    workdir.fails(4, "prices.csv", "--signals-out", "rows.parquet")
    assert (workdir.path / "rows.parquet").read_bytes() == before
    assert "must end with one of" in workdir.fails(2, "prices.csv", "--signals-out", "rows.xlsx")
    assert "is the input" in workdir.fails(2, "prices.csv", "--signals-out", "prices.csv")


def test_a_file_without_rows_is_an_empty_table(workdir: Workdir) -> None:
    """A file without rows gives an empty table."""
    workdir.put("prices.csv", "time,close\n")
    workdir.run("prices.csv", "--signals-out", "rows.csv")
    assert (workdir.path / "rows.csv").read_text() == '"row","close","signal_fast","signal_slow","signal"\n'
