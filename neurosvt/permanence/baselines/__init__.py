"""What stands beside a model in PermanenceBench and needs no weights of its own."""
