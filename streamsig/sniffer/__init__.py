"""How a text is written, detected from a sample of it."""
