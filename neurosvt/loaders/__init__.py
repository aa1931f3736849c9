"""Training batches: batch i from the seed and i alone, made ahead of time."""
