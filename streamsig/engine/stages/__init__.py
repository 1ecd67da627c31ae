"""The stages of a run: input checks, counting, rows out, the order of times."""
