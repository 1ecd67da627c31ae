"""DuckDB with close as DECIMAL(18, 2): exact, for those who know the scale: `FILE WINDOW`."""

import json
import sys

import duckdb

path, window = sys.argv[1], int(sys.argv[2])
query = f"""
    select count(*) filter (where {window} * close > total and number >= {window}), count(*)
    from (
        select
            close,
            sum(close) over (rows between {window - 1} preceding and current row) as total,
            row_number() over () as number
        from read_csv(?, types = {{'close': 'DECIMAL(18, 2)'}})
    )
"""  # noqa: S608 - the only thing put in is an int
answer = duckdb.execute(query, [path]).fetchone()
if answer is None:
    sys.exit("an aggregate without groups has one row; DuckDB gave none")
sys.stdout.write(json.dumps({"signal_count": answer[0], "rows": answer[1]}) + "\n")
