"""Test images of CIFAR-10, by number."""

from pathlib import Path

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets import cifar10


def is_number(word: str) -> bool:
    """Whether a word means a test image, and no file."""
    return word.startswith("test:") and not Path(word).exists()


def numbered_pixels(word: str) -> np.ndarray:
    """The pixels (3, 32, 32) uint8 of the test image "test:N".

    Raises:
        FileNotFoundError: CIFAR-10 is not there.
        UserError: a number beyond the test images.
    """
    number, images = word.partition(":")[2], cifar10.load_cifar10("test").pixels
    if not number.isdecimal() or int(number) >= len(images):
        raise UserError(f"{word}: a test image is test:0 to test:{len(images) - 1}")
    pixels: np.ndarray = images[int(number)]
    return pixels
