"""Images that somebody names: files, or test images of CIFAR-10 by number."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets import cifar10


def read_named_images(words: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Names and pixels (M, 3, 32, 32) uint8 of images; without any word, those of all test images.

    Args:
        words: each the path of an image file of 32 x 32 pixels, or "test:N" for a test image.

    Returns:
        A name for each word, fit for a file: that of its file, with a number where it comes again;
        none for test images that nobody named. Then the pixels.

    Raises:
        FileNotFoundError: no such file, or CIFAR-10 is not there.
        UserError: a file that is no such image, or a number beyond the test images.
    """
    if not words:
        return [], cifar10.load_cifar10("test").pixels
    return _unique_names(words), np.stack([_pixels(word) for word in words])


def is_number(word: str) -> bool:
    """Whether a word means a test image, and no file."""
    return word.startswith("test:") and not Path(word).exists()


def _pixels(word: str) -> np.ndarray:
    if is_number(word):
        return numbered_pixels(word)
    return cifar10.decoded(Path(word).read_bytes(), word)


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


def _unique_names(words: Sequence[str]) -> list[str]:
    names: list[str] = []
    for word in words:
        name = stem = word.replace(":", "_") if is_number(word) else Path(word).stem
        again = 1
        while name in names:
            again += 1
            name = f"{stem}_{again}"
        names.append(name)
    return names
