"""The commands, one a module; they and `cli` are the only ones that print or pick an exit code."""
