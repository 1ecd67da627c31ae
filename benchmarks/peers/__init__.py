"""One script per peer: `FILE WINDOW` in, one JSON line out, written as a competent user would for speed."""
