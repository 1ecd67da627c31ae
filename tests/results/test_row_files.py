"""Files of rows have exact closes in every format and appear only when complete."""

from __future__ import annotations

import gzip
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

import streamsig
from streamsig import Signal, Ticks
from streamsig.core.row_signals import RowValues
from streamsig.core.series import SeriesState
from streamsig.engine.stages.row_table import CLOSE, RowTable
from streamsig.errors import OutputError, UsageError
from streamsig.generate import bars
from streamsig.sinks import row_file

if TYPE_CHECKING:
    from pathlib import Path

NAMED = [("rise", Signal(1, 2)), ("cross", Signal(1, 2, "cross_above"))]
SIGNALS = [signal for _, signal in NAMED]
CLOSES = [Decimal("1.5"), Decimal("1.25"), None, Decimal("1E-8"), Decimal("123456789.5"), Decimal(0), Decimal(-7)]


def batches(size: int) -> list[pa.RecordBatch]:
    """Return the rows of `CLOSES` in batches of a size."""
    table, series = RowTable(NAMED, keys=["close"], has_time=True), SeriesState(SIGNALS, mean_lengths=[1, 2])
    made = []
    for start in range(0, len(CLOSES), size):
        ticks = Ticks.from_decimals(CLOSES[start : start + size])
        times = pa.array([f"2024-01-{start + row + 1:02d}" for row in range(len(ticks))])
        keys = pa.array(['a"b'] * len(ticks))
        series.update(series.prepare([], ticks))
        assert series.row_values is not None
        made.append(table.batch(ticks, [times, keys], series.row_values))
    return made


def test_batches_are_one_table() -> None:
    """Row numbers, times, keys, closes, means and flags do not depend on the batch size."""
    whole = pa.Table.from_batches(batches(100))
    assert all(pa.Table.from_batches(batches(size)).equals(whole) for size in (1, 2, 3))
    assert whole.column_names == [
        "row", "time", "close_2", "close", "rise_fast", "rise_slow", "rise", "cross_fast", "cross_slow", "cross",
    ]  # fmt: skip
    assert whole.column("row").to_pylist() == [1, 2, 3, 4, 5, 6, 7]
    assert whole.column("close").to_pylist() == CLOSES
    assert whole.column("rise_slow").to_pylist()[:4] == [None, 1.375, None, None]
    assert whole.column("rise").to_pylist() == [0, 0, 0, 0, 1, 0, 0]


def _read(path: Path) -> pa.Table:
    if path.name.endswith(".parquet"):
        return parquet.read_table(path)
    if path.name.endswith((".arrow", ".feather")):
        return feather.read_table(path)
    types = {"close": pa.string(), "row": pa.int64()}
    return csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=types))


@pytest.mark.parametrize("ending", row_file.FORMATS)
@pytest.mark.parametrize("size", [1, 100])
def test_every_format_comes_back(tmp_path: Path, ending: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every format is read back, closes as exact decimals, and in CSV with only the digits they need."""
    monkeypatch.setattr(row_file, "_GROUP_BYTES", 200)
    path = tmp_path / f"rows{ending}"
    with row_file.RowFile(path) as rows:
        for batch in batches(size):
            rows.write(batch)
    table, whole = _read(path), pa.Table.from_batches(batches(100))
    assert table.num_rows == len(CLOSES)
    if ".csv" not in ending:
        assert table.equals(whole)
        return
    shown = ["1.5", "1.25", "", "0.00000001", "123456789.5", "0", "-7"]
    assert table.column("close").to_pylist() == shown
    for name in ("row", "rise", "rise_slow", "cross"):
        assert table.column(name).to_pylist() == whole.column(name).to_pylist()
    packed = {".csv.gz": gzip.decompress, ".csv": bytes}.get(ending)
    if packed:
        assert packed(path.read_bytes()).decode().splitlines()[0].startswith('"row","time","close_2","close"')


def test_parquet_is_small_and_for_everybody(tmp_path: Path) -> None:
    """Polars and DuckDB read the file as pyarrow does; written by polars, the same rows take more bytes."""
    path, prices = tmp_path / "rows.parquet", tmp_path / "prices.csv"
    prices.write_bytes(b"".join(bars(10_000)))
    with row_file.RowFile(path) as rows, streamsig.scan(prices, window=5) as reader:
        for batch in reader:
            rows.write(batch)
    table = parquet.read_table(path)
    frame = pl.read_parquet(path)
    assert frame.to_arrow().cast(table.schema).equals(table)
    assert duckdb.read_parquet(str(path)).to_arrow_table().cast(table.schema).equals(table)
    frame.write_parquet(tmp_path / "polars.parquet")
    assert path.stat().st_size <= (tmp_path / "polars.parquet").stat().st_size


@pytest.mark.parametrize("later", [1, 50])
def test_an_error_of_the_writing_thread(tmp_path: Path, later: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while a group is written stops the run, at the latest when the file ends; the old file is unchanged."""
    monkeypatch.setattr(row_file, "_GROUP_BYTES", 200)
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"old")
    other = pa.RecordBatch.from_pydict({"another": ["schema" * 100]})

    def fail() -> None:
        with row_file.RowFile(path) as rows:
            rows.write(batches(100)[0])
            for _ in range(later):
                rows.write(other)

    with pytest.raises(ValueError, match="schema"):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_run_leaves_what_was_there(tmp_path: Path) -> None:
    """The old file is replaced only after everything is written."""
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"old")

    def fail() -> None:
        with row_file.RowFile(path) as rows:
            rows.write(batches(100)[0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_unknown_file_extensions(tmp_path: Path) -> None:
    """The message lists the allowed file extensions."""
    with pytest.raises(UsageError, match=r"\.parquet, \.arrow"), row_file.RowFile(tmp_path / "rows.xlsx"):
        pass


@pytest.mark.parametrize("close", ["1E-19", "123456789012345678901", "0.1234567890123456789"])
def test_closes_that_do_not_fit(close: str) -> None:
    """A close that does not fit is refused with its row, never rounded."""
    ticks = Ticks.from_decimals([Decimal(1), Decimal(close)])
    table = RowTable(NAMED, has_time=False)
    with pytest.raises(OutputError, match=r"row 2: the close .* does not fit"):
        table.batch(ticks, [], RowValues.of(SIGNALS, ticks))


@pytest.mark.parametrize(
    "close", ["12345678901234567890.123456789012345678", "-9999999999.999999999", "1.50000000000000000000"]
)
def test_closes_that_just_fit(close: str) -> None:
    """A close may have 20 digits before the mark and 18 after it, not counting zeros at the end."""
    ticks = Ticks.from_decimals([Decimal(close), None])
    table = RowTable(NAMED, has_time=False)
    batch = table.batch(ticks, [], RowValues.of(SIGNALS, ticks))
    assert batch.column("close").to_pylist() == [Decimal(close), None]
    assert batch.schema.field("close").type == CLOSE


@pytest.mark.parametrize("limbs", [1, 2, 3, 4])
def test_ticks_to_arrow_and_back(limbs: int) -> None:
    """Ticks of up to 38 digits convert to Arrow and back."""
    values: list[Any] = [0, 1, -1, 2 ** (31 * limbs) - 1, -(2 ** (31 * limbs)) + 1]
    ticks = Ticks.from_integers([value if abs(value) < 10**38 else 10**38 - 1 for value in values], 3)
    back = Ticks.from_arrow(ticks.to_arrow())
    assert (back.integers(), back.scale) == (ticks.integers(), 3)
    with pytest.raises(OverflowError):
        Ticks.from_integers([10**38], 0).to_arrow()
    gaps = Ticks(np.array([[5, 0]]), 1, np.array([False, True]))
    assert gaps.to_arrow().to_pylist() == [Decimal("0.5"), None]


def test_columns_of_the_first_input_with_rows(tmp_path: Path) -> None:
    """Column types are those of the first input with rows."""
    paths = [tmp_path / name for name in ("1.csv", "2.csv")]
    paths[0].write_text("time,close\n")
    paths[1].write_text("time,close\n2024-01-01,1.5\n")
    assert streamsig.scan(*paths).read_all().column("time").to_pylist() == ["2024-01-01"]
    assert streamsig.scan(*reversed(paths)).read_all().column("row").to_pylist() == [1]
    assert streamsig.scan(paths[0], group_by="time").schema.names[:3] == ["row", "time", "close"]


def test_closes_next_to_longer_ones_fit(tmp_path: Path) -> None:
    """Zeros added by the scale of other rows do not count as digits."""
    path = tmp_path / "prices.csv"
    path.write_text("time,close\n2024-01-03,99999999999999999999\n2024-01-02,1\n2024-01-01,1E-30\n")
    reader = streamsig.scan(path, order="newest-first", window=2)
    with pytest.raises(OutputError, match="row 3: the close 1E-30 does not fit"):
        reader.read_all()
    path.write_text("time,close\n2024-01-03,99999999999999999999\n2024-01-02,1E-18\n2024-01-01,1\n")
    closes = streamsig.scan(path, order="newest-first", window=2).read_all().column("close").to_pylist()
    assert closes == [Decimal(10**20 - 1), Decimal("1E-18"), Decimal(1)]
