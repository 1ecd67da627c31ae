"""Progress that outlives a run."""
