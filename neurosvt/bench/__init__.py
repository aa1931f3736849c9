"""How fast: ours, the peers that are installed and the machine's limit, side by side in one run."""
