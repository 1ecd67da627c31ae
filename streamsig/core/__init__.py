"""Exact counting of signals: pure functions and values, without files, threads, clocks or logs."""
