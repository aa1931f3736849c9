"""How often a classifier is right, and what its slopes look at."""
