"""Programs for developers of streamsig, which are not part of the package."""
