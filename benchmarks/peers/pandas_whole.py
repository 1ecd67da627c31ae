"""pandas, the whole column in memory: `python pandas_whole.py FILE WINDOW`."""

import json
import sys

import pandas as pd

path, window = sys.argv[1], int(sys.argv[2])
close = pd.read_csv(path, usecols=["close"])["close"]
# The first window - 1 means are NaN, and nothing is greater than NaN: warm-up rows exclude themselves.
signal_count = int((close > close.rolling(window).mean()).sum())
sys.stdout.write(json.dumps({"signal_count": signal_count, "rows": len(close)}) + "\n")
