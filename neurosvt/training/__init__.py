"""Learning: takes any model with `(frames, state) -> (belief, state)`."""
