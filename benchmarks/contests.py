"""The contests, and the command lines of their contestants."""

from __future__ import annotations

from dataclasses import dataclass

STREAMSIG, FLOOR = "streamsig", "floor"
"""The names of the contestant that the others are compared with, and of a program that only reads the bytes."""


@dataclass(frozen=True)
class Contestant:
    """A program that prints its counts as one JSON object.

    `command` is what one types in a folder with the data and with a copy of `benchmarks`.
    """

    name: str
    label: str
    command: str


@dataclass(frozen=True)
class Contest:
    """Contestants that answer one question over one input, in the order in which each round runs them.

    `data` is a CSV file with the same rows, which the exact count reads.
    """

    name: str
    title: str
    data: str
    contestants: tuple[Contestant, ...]


def _streamsig(arguments: str) -> Contestant:
    return Contestant(STREAMSIG, "streamsig", f"streamsig run {arguments} --output -")


def _peer(name: str, label: str, arguments: str) -> Contestant:
    return Contestant(name, label, f"python benchmarks/peers/{name}.py {arguments}")


def _polars(arguments: str) -> Contestant:
    return _peer("polars_streaming", "polars, streaming", arguments)


def _floor(command: str) -> Contestant:
    return Contestant(FLOOR, f"`{command.partition(' ')[0]}`, to read it", f"{command} > /dev/null")


_MILLER = Contestant(
    "mlr",
    "Miller",
    "mlr --icsv --ojsonl step -a slwin_4_0 -f close"
    " then put -q '@rows += 1; if (NR >= 5 && $close > $close_4_0) { @count += 1 }"
    """ end { emit1 {"signal_count": @count, "rows": @rows} }' small.csv""",
)
CSV = Contest(
    "csv",
    "CSV",
    "bars.csv",
    (
        _streamsig("bars.csv"),
        _polars("bars.csv 5"),
        _peer("pandas_chunked", "pandas, chunks of 1M", "bars.csv 5"),
        _peer("pandas_whole", "pandas, whole file", "bars.csv 5"),
        _peer("duckdb_avg", "DuckDB, avg over rows", "bars.csv 5"),
        _peer("polars_cents", "polars, integer cents", "bars.csv 5"),
        _peer("duckdb_decimal", "DuckDB, DECIMAL(18,2)", "bars.csv 5"),
        _floor("cat bars.csv"),
    ),
)
"""polars_cents and duckdb_decimal are exact because their authors know the scale of the closes."""
CONTESTS = (
    CSV,
    Contest(
        "pipe",
        "a pipe",
        "part.csv",
        (
            Contestant(STREAMSIG, "streamsig", "cat part.csv | streamsig run - --output -"),
            Contestant(
                "polars_streaming",
                "polars, streaming",
                "cat part.csv | python benchmarks/peers/polars_streaming.py - 5",
            ),
            _floor("cat part.csv | cat"),
        ),
    ),
    Contest(
        "gzip",
        "gzip",
        "part.csv",
        (_streamsig("part.csv.gz"), _polars("part.csv.gz 5"), _floor("zcat part.csv.gz")),
    ),
    Contest(
        "zstd",
        "zstd",
        "part.csv",
        (_streamsig("part.csv.zst"), _polars("part.csv.zst 5"), _floor("zstdcat part.csv.zst")),
    ),
    Contest(
        "parquet-floats",
        "Parquet, float64",
        "part.csv",
        (_streamsig("floats.parquet"), _polars("floats.parquet 5"), _floor("cat floats.parquet")),
    ),
    Contest(
        "parquet-decimals",
        "Parquet, decimals",
        "part.csv",
        (_streamsig("decimals.parquet"), _polars("decimals.parquet 5"), _floor("cat decimals.parquet")),
    ),
    Contest(
        "rows-out",
        "CSV, rows out to Parquet",
        "part.csv",
        (
            _streamsig("part.csv --signals-out rows.parquet"),
            _peer("polars_rows", "polars, streaming", "part.csv 5 rows.parquet"),
            _floor("cat part.csv"),
        ),
    ),
    Contest(
        "symbols",
        "CSV of 1,000 symbols",
        "symbols.csv",
        (
            _streamsig("symbols.csv --group-by symbol"),
            _peer("polars_over", "polars, over symbol", "symbols.csv 5"),
            _floor("cat symbols.csv"),
        ),
    ),
    Contest(
        "files",
        "300 files of 200 rows",
        "days.csv",
        (_streamsig("'days/*.csv'"), _polars("'days/*.csv' 5"), _floor("cat days/*.csv")),
    ),
    Contest(
        "small",
        "CSV of 10,000 rows",
        "small.csv",
        (
            _streamsig("small.csv"),
            _polars("small.csv 5"),
            _peer("duckdb_avg", "DuckDB, avg over rows", "small.csv 5"),
            _peer("pandas_whole", "pandas", "small.csv 5"),
            _MILLER,
            _floor("cat small.csv"),
        ),
    ),
)
