"""Exact counting of signals: values, and states that grow and merge. No files, threads, clocks or logs."""
