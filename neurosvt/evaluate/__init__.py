"""How good a model is, and how sure we may be of that."""
