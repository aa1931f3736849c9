"""One architecture per file, readable alone, its config on top."""
