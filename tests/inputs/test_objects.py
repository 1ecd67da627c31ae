"""Python objects as inputs are counted if unambiguous, and otherwise a message says what to pass."""

from __future__ import annotations

import io
import os
import threading
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import streamsig
from streamsig import Signal, Ticks, WindowState
from tests.support.workdir import prices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLOSES = [1.5, 1.75, None, 2.0, 2.25, 2.5]
TABLE = pa.table({"time": range(6), "close": CLOSES})
EXPECTED = (6, 1, 3)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to a folder with the closes in two files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "1.csv").write_text(prices(CLOSES[:4]).replace("None", ""))
    (tmp_path / "2.csv").write_text(prices(CLOSES[4:]))
    pq.write_table(TABLE, tmp_path / "all.parquet", row_group_size=2)


def polars() -> Any:
    """Return polars if it is installed."""
    return pytest.importorskip("polars")


GIVEN: dict[str, Callable[[], Any]] = {
    "list of paths": lambda: ["1.csv", "2.csv"],
    "tuple of a path and a table": lambda: ("1.csv", TABLE.slice(4)),
    "iterator of paths": lambda: iter(["1.csv", "2.csv"]),
    "table": lambda: TABLE,
    "record batch": lambda: TABLE.to_batches()[0],
    "reader": lambda: TABLE.to_reader(2),
    "generator of batches": lambda: (batch for batch in TABLE.to_batches(2)),
    "iterator of tables": lambda: iter([TABLE.slice(0, 3), TABLE.slice(3)]),
    "iterator of arrays": lambda: iter([np.array([1.5, 1.75, np.nan]), np.array([2.0, 2.25, 2.5])]),
    "dict's values": {"a": TABLE.slice(0, 3), "b": TABLE.slice(3)}.values,
    "dataset": lambda: ds.dataset("all.parquet"),
    "chunked array": lambda: TABLE.column("close"),
    "array": lambda: pa.array([None if it is None else Decimal(str(it)) for it in CLOSES]),
    "array of texts": lambda: pa.array(["1.5", "1.75", "", "2.0", "2.25", "2.5"]),
    "numpy array": lambda: np.array(CLOSES, np.float64),
    "numpy array of objects": lambda: np.array([None if it is None else Decimal(str(it)) for it in CLOSES], object),
    "Series": lambda: polars().Series("px", CLOSES),
    "frame": lambda: polars().DataFrame({"close": CLOSES}),
    "LazyFrame": lambda: polars().LazyFrame({"close": CLOSES}),
    "iterator of frames": lambda: polars().DataFrame({"close": CLOSES}).iter_slices(4),
}


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.filterwarnings("ignore:.*unstable:")
def test_paths_tables_columns_and_iterables_are_accepted(name: str) -> None:
    """`run`, `scan` and the window state accept paths, tables, columns, and iterables of them."""
    result = streamsig.run(GIVEN[name](), window=2)
    assert (result.rows_processed, result.rows_missing, result.signal_count) == EXPECTED
    rows = streamsig.scan(GIVEN[name](), window=2).read_all()
    assert (rows.num_rows, sum(rows.column("signal").to_pylist())) == (6, 3)
    if "path" not in name:
        state = WindowState.empty([Signal(1, 2)]).update(GIVEN[name]())
        assert (state.rows, state.rows_missing, *state.counts) == EXPECTED


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (5, "an input cannot be a int: pass paths, tables"),
        (None, "an input cannot be a NoneType: pass"),
        (b"prices.csv", "an input cannot be a bytes: pass paths"),
        ({"close": [1.0]}, "an input cannot be a dict: pass paths, tables"),
        ([1.0, 2.0], "a list of numbers: pass numpy.array"),
        (iter([1.0, 2.0]), "an iterable of float: pass paths, tables"),
        (np.zeros((2, 2)), "an array of 2 dimensions: pass the one column of it"),
        (np.array([object()]), "is no column of numbers .*: pass paths"),
        (io.BytesIO(b"close\n1\n"), "cannot be a file object: write it to a file, and pass the path"),
        (io.StringIO("close\n1\n"), "cannot be a file object: write it to a file, and pass the path"),
    ],
)
def test_other_objects_are_refused(given: object, message: str) -> None:
    """Other objects are refused at the call with what to pass."""
    for call in (streamsig.run, streamsig.scan):
        with pytest.raises(TypeError, match=message) as caught:
            call(given)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)


def test_a_file_object_is_refused_with_its_path() -> None:
    """The message for a file object names its path, which can be counted."""
    with open("all.parquet", "rb") as file, pytest.raises(TypeError, match=r"pass its path, 'all.parquet'"):
        streamsig.run(file)


def test_the_state_takes_no_paths() -> None:
    """The window state refuses a path, which is not a column of letters."""
    with pytest.raises(TypeError, match=r"'1.csv' is a path, .*: count files with streamsig.run"):
        WindowState.empty([Signal(1, 2)]).update("1.csv")  # type: ignore[arg-type]


def test_tables_of_an_iterator_are_alike() -> None:
    """Tables of an iterator must have the same columns; those of a list need not."""
    tables = [TABLE, TABLE.drop_columns("time")]
    with pytest.raises(
        streamsig.SourceError, match=r"table 2 of an iterable has other columns .*; make them alike, or"
    ):
        streamsig.run(iter(tables))
    assert streamsig.run(tables).rows_processed == 12
    with pytest.raises(streamsig.SourceError, match="no table in it"):
        streamsig.run(iter([]))
    with pytest.raises(ZeroDivisionError):
        streamsig.run(TABLE.slice(0, 1 // count) for count in (1, 0))


@pytest.mark.filterwarnings("ignore:.*unstable:")
def test_a_lazy_frame_without_rows_has_columns() -> None:
    """A lazy frame without rows counts like a file with only a header."""
    assert streamsig.run(polars().LazyFrame({"close": []}, {"close": polars().Float64})).rows_processed == 0


def test_ticks_of_arrow_are_exact_or_refused() -> None:
    """Integers are read like decimals; the message for floats and texts says what to pass, which works."""
    assert Ticks.from_arrow(pa.array([3, None], pa.int16())).integers() == [3, 0]
    for array, described in (
        (pa.array([0.1]), "an array of double"),
        (pa.array(["0.1"]), "an array of string"),
        ([1], "list"),
    ):
        with pytest.raises(
            TypeError, match=rf"{described} is not: make it a pyarrow array of integers or of decimal128"
        ):
            Ticks.from_arrow(array)
    assert Ticks.from_arrow(pa.array(["0.1"]).cast(pa.decimal128(38, 8))).integers() == [10**7]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("form", ["csv", "arrow"])
def test_a_reader_that_is_dropped_does_not_wait_for_a_writer(tmp_path: Path, form: str) -> None:
    """A dropped reader does not wait for a pipe that stays open."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    go_on = threading.Event()

    def feed() -> None:
        with suppress(OSError), path.open("wb", buffering=0) as pipe:
            if form == "csv":
                pipe.write(b"time,close\n" + b"".join(b"%d,%d\n" % (row, row % 7) for row in range(400_000)))
            else:
                batch = pa.record_batch({"close": np.arange(5000) % 7})
                writer = pa.ipc.new_stream(pa.PythonFile(pipe), batch.schema)
                writer.write_batch(batch)
            # the pipe stays open
            go_on.wait()

    feeder = threading.Thread(target=feed)
    feeder.start()
    # ends the test if the reader waits
    rescue = threading.Timer(20, go_on.set)
    rescue.start()
    try:
        reader = streamsig.scan(path, threads=1)
        assert len(reader.read_next_batch()) > 0
        del reader
        assert not go_on.is_set()
    finally:
        rescue.cancel()
        go_on.set()
        feeder.join()
