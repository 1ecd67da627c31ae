"""polars with whole cents: exact, for those who know the prices have two decimals: `FILE WINDOW`."""

import json
import sys

import polars as pl

path, window = sys.argv[1], int(sys.argv[2])
cents = (pl.col("close") * 100).round().cast(pl.Int64)
answer = (
    pl.scan_csv(path)
    .select(cents=cents)
    .select(
        signal_count=(pl.col("cents") * window > pl.col("cents").rolling_sum(window)).sum(),
        rows=pl.len(),
    )
    .collect(engine="streaming")
)
sys.stdout.write(json.dumps(answer.row(0, named=True)) + "\n")
