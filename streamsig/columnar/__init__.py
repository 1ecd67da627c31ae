"""Parquet, Arrow and frames of other libraries, read as batches."""
