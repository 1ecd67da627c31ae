"""The fields of a table: numbers, the kinds of cells, and the names of columns."""
