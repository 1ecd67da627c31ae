"""Inputs as batches: texts and tables."""
