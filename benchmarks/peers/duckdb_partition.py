"""DuckDB, avg(close) over the last rows of each symbol: `python duckdb_partition.py FILE WINDOW`."""

import json
import sys

import duckdb

path, window = sys.argv[1], int(sys.argv[2])
# A frame cut short by the start of a symbol still has an average: the row number leaves the warm-up out.
query = f"""
    select count(*) filter (where close > mean and number >= {window}), count(*)
    from (
        select
            close,
            avg(close) over (partition by symbol order by timestamp
                rows between {window - 1} preceding and current row) as mean,
            row_number() over (partition by symbol order by timestamp) as number
        from read_csv(?)
    )
"""  # noqa: S608 - the only thing put in is an int
answer = duckdb.execute(query, [path]).fetchone()
if answer is None:
    sys.exit("an aggregate without groups has one row; DuckDB gave none")
sys.stdout.write(json.dumps({"signal_count": answer[0], "rows": answer[1]}) + "\n")
