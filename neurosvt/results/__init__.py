"""Results as data: rows, where they came from, and the files that hold them.

`results.entrant.Entrant`, a model whose rows these are, brings torch and is imported by itself.
"""

from neurosvt.results.rows import Results, read_results, write_results

__all__ = ["Results", "read_results", "write_results"]
