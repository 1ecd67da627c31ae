"""A run: what is done in what order, and what is told about it."""
