"""Outputs: metrics, log, progress, row files, reject file."""
