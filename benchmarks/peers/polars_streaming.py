"""polars, lazy scan and streaming engine, float mean: `python polars_streaming.py FILE WINDOW`, `-` for a pipe."""

import json
import sys

import polars as pl

path, window = sys.argv[1], int(sys.argv[2])
scan = pl.scan_parquet if path.endswith(".parquet") else pl.scan_csv
close = pl.col("close")
answer = (
    scan(sys.stdin.buffer if path == "-" else path)
    .select(signal_count=(close > close.rolling_mean(window)).sum(), rows=pl.len())
    .collect(engine="streaming")
)
sys.stdout.write(json.dumps(answer.row(0, named=True)) + "\n")
