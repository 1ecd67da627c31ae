"""What each batch goes through: counting, rows out, the order of times."""
