"""A run: the loop over batches, its stages, its checkpoint, and the events that it emits."""
