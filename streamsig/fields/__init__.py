"""What one field of a table holds: numbers, what cells look like, the names of columns."""
