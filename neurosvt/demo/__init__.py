"""The demonstration page: watch a model go on knowing."""
