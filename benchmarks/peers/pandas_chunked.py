"""pandas in chunks of a million rows: `python pandas_chunked.py FILE WINDOW`."""

import json
import sys

import pandas as pd

CHUNK_ROWS = 1_000_000

path, window = sys.argv[1], int(sys.argv[2])
signal_count = rows = 0
carried = pd.Series(dtype="float64")
for chunk in pd.read_csv(path, usecols=["close"], chunksize=CHUNK_ROWS):
    fresh = chunk["close"]
    rows += len(fresh)
    close = pd.concat([carried, fresh], ignore_index=True) if len(carried) else fresh
    # Carried rows have no whole window in front of them here, so none is counted twice.
    signal_count += int((close > close.rolling(window).mean()).sum())
    # Not iloc[-(window - 1):]: with window 1 that would carry everything.
    carried = close.iloc[max(len(close) - (window - 1), 0) :]
sys.stdout.write(json.dumps({"signal_count": signal_count, "rows": rows}) + "\n")
