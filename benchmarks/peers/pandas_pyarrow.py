"""pandas with pyarrow's CSV reader, the whole column in memory: `python pandas_pyarrow.py FILE WINDOW`."""

import json
import sys

import pandas as pd

path, window = sys.argv[1], int(sys.argv[2])
close = pd.read_csv(path, usecols=["close"], engine="pyarrow")["close"]
signal_count = int((close > close.rolling(window).mean()).sum())
sys.stdout.write(json.dumps({"signal_count": signal_count, "rows": len(close)}) + "\n")
