"""How often a classifier is right, and what its slopes look at."""

from neurosvt.classification.accuracy import accuracy_row, confusion, predict_classes

__all__ = ["accuracy_row", "confusion", "predict_classes"]
