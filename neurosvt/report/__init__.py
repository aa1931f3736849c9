"""A page about one or several runs: `neurosvt report`."""
