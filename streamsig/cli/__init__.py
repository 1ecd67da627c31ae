"""The command line: the only package that prints or chooses an exit code."""
