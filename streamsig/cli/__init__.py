"""The command line: flags, exit codes, and reports for a person."""
