"""Data sets: one file each, found in the folder of data sets."""
