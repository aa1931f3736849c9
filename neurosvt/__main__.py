"""`python -m neurosvt` is `neurosvt`."""

import sys

from neurosvt.cli import main

if __name__ == "__main__":
    sys.exit(main())
