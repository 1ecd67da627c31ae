"""The fields of a table: numbers, closes, the kinds of cells, and the names of columns."""
