"""Results as data: rows, where they came from, and the files that hold them."""
