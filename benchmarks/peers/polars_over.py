"""polars, float mean over each symbol: `python polars_over.py FILE WINDOW`."""

import json
import sys

import polars as pl

path, window = sys.argv[1], int(sys.argv[2])
close = pl.col("close")
answer = (
    pl.scan_csv(path)
    .select(signal_count=(close > close.rolling_mean(window).over("symbol")).sum(), rows=pl.len())
    .collect(engine="streaming")
)
sys.stdout.write(json.dumps(answer.row(0, named=True)) + "\n")
