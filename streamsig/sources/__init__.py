"""Inputs: files, archives, standard input, and how they are stored."""
