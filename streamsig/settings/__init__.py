"""The settings of a run: what they may be, from a config file, flags or keyword arguments."""
