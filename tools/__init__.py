"""Programs for those who work on streamsig; no part of the package."""
