"""Delimited text: chunks, records, closes, and rejected rows."""
