"""MNIST: 70,000 handwritten digits, which made-up scenes can show in place of their shapes.

Source: LeCun et al., "Gradient-based learning applied to document recognition", Proc. IEEE 1998.

Axes: N digits, Y X pixels.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.folder import checked_split, find
from neurosvt.reading import read_arrays

MNIST_CLASSES = tuple("0123456789")
MNIST_SIDE = 28
MNIST_HELD_OUT = 5000
"""Images of the training part, its last, that validation takes."""


@dataclass(frozen=True)
class Digits:
    """Images and what they show."""

    images: np.ndarray
    """(N, 28, 28) uint8, bright on dark."""
    labels: np.ndarray
    """(N,) int64."""


@lru_cache(maxsize=3)
def load_mnist(split: str, root: Path | None = None) -> Digits:
    """A part of MNIST, from mnist/mnist.npz.

    Args:
        split: "train", "validation" (the last of the training images) or "test".
        root: folder of data sets; None for the one that NEUROSVT_DATA names.

    Raises:
        FileNotFoundError: the file is missing.
        UserError: an unknown split, or a file that holds no MNIST.
    """
    part = "test" if checked_split(split) == "test" else "train"
    path = find("mnist/mnist.npz", root)
    arrays = read_arrays(path)
    if missing := {f"{part}_images", f"{part}_labels"} - arrays.keys():
        raise UserError(f"{path} holds no {' and no '.join(sorted(missing))}")
    images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise UserError(f"{path}: {part}_labels is no list of digits")
    if images.shape != (len(labels), MNIST_SIDE, MNIST_SIDE) or images.dtype != np.uint8:
        raise UserError(
            f"{path}: {part}_images is {images.dtype} {images.shape}, expected uint8 "
            f"({len(labels)}, {MNIST_SIDE}, {MNIST_SIDE})"
        )
    chosen = {"train": slice(0, -MNIST_HELD_OUT), "validation": slice(-MNIST_HELD_OUT, None)}
    kept = chosen.get(split, slice(None))
    return Digits(images[kept], labels[kept].astype(np.int64))
