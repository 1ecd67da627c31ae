"""Which column is the close."""
