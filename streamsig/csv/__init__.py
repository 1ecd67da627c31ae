"""Delimited text: chunks, records, closes, and rows that are rejected."""
