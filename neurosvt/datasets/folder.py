"""Where data sets lie on this machine."""

import os
from pathlib import Path

from neurosvt.config import UserError

VARIABLE = "NEUROSVT_DATA"

SPLITS = ("train", "validation", "test")
"""Parts of a data set."""


def checked_split(split: str) -> str:
    """`split` itself, if it is one.

    Raises:
        UserError: it is none.
    """
    if split not in SPLITS:
        raise UserError(f"split {split!r} is unknown; choose from {', '.join(SPLITS)}")
    return split


def data_root(root: str | Path | None = None) -> Path:
    """The folder of data sets: `root`, else the variable NEUROSVT_DATA, else `data/` here."""
    return Path(root if root is not None else os.environ.get(VARIABLE) or "data")


def find(name: str, root: str | Path | None = None) -> Path:
    """The path of a data set's file, given by its name below the folder of data sets.

    Raises:
        FileNotFoundError: it is not there; one line that says what was looked for and where.
    """
    path = data_root(root) / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing; {VARIABLE} (now {os.environ.get(VARIABLE) or 'not set'}) "
            f"names the folder that holds {name}"
        )
    return path
