"""Makes the inputs of the contests: `python -m benchmarks.dataset FOLDER ROWS`.

A process of its own, as a contestant would start with the peak memory of a process that has loaded numpy.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

SEED = 42
SMALL_ROWS = 10_000
DAYS, DAY_ROWS = 300, 200
SYMBOLS = 1000


def make(folder: Path, rows: int) -> None:
    """Make what is not there: bars.csv with `rows` rows, and the other inputs from a quarter of them or fewer."""
    few = rows // 4
    _generate(folder / "bars.csv", rows)
    part = _generate(folder / "part.csv", few)
    _generate(folder / "symbols.csv", few, "--symbols", str(SYMBOLS))
    _generate(folder / "small.csv", SMALL_ROWS)
    days = _generate(folder / "days.csv", DAYS * DAY_ROWS)
    if not (folder / "days").exists():
        _split(days, folder / "days")
    if not (folder / "part.csv.gz").exists():
        with part.open("rb") as plain, gzip.open(folder / "part.csv.gz", "wb", compresslevel=6) as packed:
            shutil.copyfileobj(plain, packed)
    if not (folder / "part.csv.zst").exists():
        with part.open("rb") as plain, pa.output_stream(folder / "part.csv.zst", compression="zstd") as packed:
            shutil.copyfileobj(plain, packed)
    for name, kind in {"floats": pa.float64(), "decimals": pa.decimal128(18, 2)}.items():
        options = csv.ConvertOptions(column_types={"close": kind})
        parquet.write_table(csv.read_csv(part, convert_options=options), folder / f"{name}.parquet")


def _generate(path: Path, rows: int, *flags: str) -> Path:
    if not path.exists():
        command = ["streamsig", "generate", "--rows", str(rows), "--seed", str(SEED), *flags, "--output", str(path)]
        subprocess.run(command, check=True)  # noqa: S603 (our own command)
    return path


def _split(bars: Path, folder: Path) -> None:
    """Write a file with a header for each day."""
    folder.mkdir()
    with bars.open("rb") as lines:
        header = next(lines)
        for day in range(DAYS):
            (folder / f"day{day:03}.csv").write_bytes(b"".join([header, *islice(lines, DAY_ROWS)]))


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
