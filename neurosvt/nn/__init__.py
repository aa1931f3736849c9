"""Modules: thin shells over `ops`, state in and state out."""
