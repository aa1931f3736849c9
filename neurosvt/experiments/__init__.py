"""Runs by name, their training, and the trained models they leave."""
