"""Benchmarks of streamsig, pandas, polars and DuckDB: whole processes, one file, exact counts first."""
