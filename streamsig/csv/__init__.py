"""Delimited text: chunks, records, and rejected rows."""
