"""What leaves the program: figures, log, progress."""
