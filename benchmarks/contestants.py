"""The contestants and their command lines."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHOWN_FILE = "bars.csv"


@dataclass(frozen=True)
class Contestant:
    """A program that computes the counts in a process of its own and prints one JSON object."""

    name: str
    label: str
    script: str | None
    """A file under `benchmarks/`, called with `FILE WINDOW`; None is streamsig's own command line."""
    grouped: bool = False
    """True if each symbol is a series of its own."""

    def command(self, file: Path, window: int) -> list[str]:
        """Return the command to execute, with this interpreter."""
        if self.script is None:
            return [sys.executable, *_streamsig(str(file), window, grouped=self.grouped)]
        return [sys.executable, str(HERE / self.script), str(file), str(window)]

    def shown(self, window: int) -> str:
        """Return the command as one types it from the repository's root, with the data as `bars.csv`."""
        if self.script is None:
            return " ".join(["python", *_streamsig(SHOWN_FILE, window, grouped=self.grouped)])
        return f"python benchmarks/{self.script} {SHOWN_FILE} {window}"


def _streamsig(file: str, window: int, *, grouped: bool) -> list[str]:
    by_symbol = ["--group-by", "symbol"] if grouped else []
    return ["-m", "streamsig", "run", file, "--window", str(window), "--output", "-", "--progress", "never", *by_symbol]


STREAMSIG = Contestant("streamsig", "streamsig", None)
EXACT = Contestant("exact", "exact reference (pure Python)", "exact.py")
CONTESTANTS = (
    STREAMSIG,
    Contestant("polars_streaming", "polars, streaming", "peers/polars_streaming.py"),
    Contestant("pandas_chunked", "pandas, chunks of 1M", "peers/pandas_chunked.py"),
    Contestant("pandas_whole", "pandas, whole file", "peers/pandas_whole.py"),
    Contestant("duckdb_avg", "DuckDB, avg over rows", "peers/duckdb_avg.py"),
    Contestant("polars_cents", "polars, integer cents", "peers/polars_cents.py"),
    Contestant("duckdb_decimal", "DuckDB, DECIMAL(18,2)", "peers/duckdb_decimal.py"),
)
"""In the order each round runs them. The last two are exact by hand-picked types: the scale must be known."""
GROUPED = (
    Contestant("streamsig", "streamsig", None, grouped=True),
    Contestant("polars_over", "polars, over symbol", "peers/polars_over.py", grouped=True),
    Contestant("duckdb_partition", "DuckDB, avg by symbol", "peers/duckdb_partition.py", grouped=True),
)
"""Of a file of many symbols, each a series of its own."""
EXTRAS = (EXACT, Contestant("pandas_pyarrow", "pandas, pyarrow reader", "peers/pandas_pyarrow.py"))
"""Run only by name: one is not a rival, the other peaks at twice the file and can evict it from the page cache."""


def chosen(names: str, *, grouped: bool = False) -> tuple[Contestant, ...]:
    """Return the contestants of a comma-separated list, in its order; `all` is everyone but the extras.

    Those for a file of symbols are others than those for a file of one series.

    Raises:
        ValueError: a name is unknown.

    """
    usual = GROUPED if grouped else CONTESTANTS
    if names == "all":
        return usual
    known = {contestant.name: contestant for contestant in (*usual, *(() if grouped else EXTRAS))}
    unknown = [name for name in names.split(",") if name not in known]
    if unknown:
        message = f"unknown contestant {', '.join(unknown)}; there are {', '.join(known)}"
        raise ValueError(message)
    return tuple(known[name] for name in dict.fromkeys(names.split(",")))
