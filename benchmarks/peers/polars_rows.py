"""polars, each row with its mean and signal to a Parquet file: `python polars_rows.py FILE WINDOW OUTPUT`."""

import json
import sys

import polars as pl

path, window, output = sys.argv[1], int(sys.argv[2]), sys.argv[3]
close, slow = pl.col("close"), pl.col("signal_slow")
(
    pl.scan_csv(path)
    .with_row_index("row")
    .select("row", "timestamp", "close", signal_fast=close, signal_slow=close.rolling_mean(window))
    .with_columns(signal=close > slow)
    .sink_parquet(output)
)
answer = pl.scan_parquet(output).select(signal_count=pl.col("signal").sum(), rows=pl.len()).collect()
sys.stdout.write(json.dumps(answer.row(0, named=True)) + "\n")
