"""Arrays that stay in their file: mapped, and mapped again by whichever process they are sent to.

Where processes are not forked (macOS, Windows, and Linux from Python 3.14 on), what a worker needs
is pickled for it. NumPy would pickle every byte of a mapped array.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from neurosvt.config import UserError, first_line


class Mapped(np.memmap):
    """A mapped array; a part of one is pickled as any other array."""

    def __reduce__(self) -> Any:
        path, offset = self.filename, self.offset
        whole = path is not None and os.path.getsize(path) == offset + self.nbytes
        if not (whole and self.flags.c_contiguous):
            return np.array(self, subok=False).__reduce__()
        return _mapped, (str(path), self.dtype, offset, self.shape)


def map_array(path: Path) -> Mapped:
    """The array in a file of NumPy's, to be read only.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: no array, a damaged one, or one that states more than the file holds.
    """
    try:
        array: np.memmap = np.load(path, mmap_mode="r")
        return array.view(Mapped)
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged byte makes NumPy raise nearly anything
        raise UserError(f"{path} is no array, or damaged ({first_line(error)})") from error


def _mapped(path: str, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...]) -> Mapped:
    return Mapped(path, dtype, "r", offset, shape)
