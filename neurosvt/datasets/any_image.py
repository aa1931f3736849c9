"""An image of any size, from a file or an array, as a model of small photographs takes it.

Axes: M images, C colours, Y X pixels, S pixels per side of the model's images.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets import cifar10
from neurosvt.datasets.named_images import is_number, numbered_pixels
from neurosvt.pictures import opened_image, pillow

ImageLike: TypeAlias = str | Path | np.ndarray
"""The path of an image file, "test:N" for a test image of CIFAR-10, or pixels (Y, X, 3) uint8."""


def named_pixels(
    images: ImageLike | Sequence[ImageLike], side: int, say: Callable[[str], None]
) -> tuple[list[str], np.ndarray]:
    """A name for each image, and their pixels (M, 3, S, S) uint8; otherwise as `pixels_of`.

    Raises:
        UserError: also if there are none.
    """
    one = isinstance(images, str | Path) or (isinstance(images, np.ndarray) and images.ndim == 3)
    many: Sequence[ImageLike] = [images] if one else images  # type: ignore[list-item, assignment]
    if not len(many):
        raise UserError("there are no images")
    names = [
        str(image) if isinstance(image, str | Path) else f"image {number}"
        for number, image in enumerate(many)
    ]
    pairs = zip(many, names, strict=True)
    return names, np.stack([pixels_of(image, name, side, say) for image, name in pairs])


def pixels_of(image: ImageLike, name: str, side: int, say: Callable[[str], None]) -> np.ndarray:
    """The pixels (3, S, S) uint8 of an image: the largest square in its middle, resized.

    Args:
        image: a file, "test:N", or pixels (Y, X, 3) or (3, Y, X) uint8.
        name: what to call it.
        side: S.
        say: told in a line what was cut off or resized.

    Raises:
        FileNotFoundError: no such file.
        UserError: no image, or an array of another shape or type.
    """
    if isinstance(image, str) and is_number(image):
        return numbered_pixels(image)
    if isinstance(image, np.ndarray):
        array = _colours_last(image, name)
        if array.shape == (side, side, 3):
            return array.transpose(2, 0, 1)
    return _square(image, name, side, say)


def _colours_last(image: np.ndarray, name: str) -> np.ndarray:
    if image.ndim == 3 and image.dtype == np.uint8:
        if image.shape[-1] == 3:
            return image
        if image.shape[0] == 3:
            return image.transpose(1, 2, 0)
    raise UserError(
        f"{name} must be (Y, X, 3) of uint8, red, green, blue; got {image.dtype} {image.shape}"
    )


def _square(
    image: str | Path | np.ndarray, name: str, side: int, say: Callable[[str], None]
) -> np.ndarray:
    if isinstance(image, np.ndarray):
        opened = pillow().fromarray(np.ascontiguousarray(_colours_last(image, name)))
    else:
        path = Path(image)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
        with opened_image(path, str(path)) as file:
            opened = file.convert("RGB")
    width, height = opened.size
    short = min(width, height)
    left, top = (width - short) // 2, (height - short) // 2
    if (width, height) != (side, side):
        cut = f"its middle {short} x {short}, " if width != height else ""
        say(f"{name}: {width} x {height} pixels; {cut}resized to {side} x {side}")
        box = (left, top, left + short, top + short)
        opened = opened.crop(box).resize((side, side), pillow().Resampling.LANCZOS)
    return np.asarray(opened).transpose(2, 0, 1)


def read_named_images(
    words: Sequence[str], side: int, say: Callable[[str], None]
) -> tuple[list[str], np.ndarray]:
    """Names and pixels (M, 3, S, S) uint8 of images; without any word, those of all test images of
    CIFAR-10.

    Args:
        words: each the path of an image file, or "test:N" for a test image.
        side, say: as of `pixels_of`.

    Returns:
        A name for each word, fit for a file: that of its file, with a number where it comes again;
        none for test images that nobody named. Then the pixels.

    Raises:
        FileNotFoundError, UserError: as of `pixels_of`; CIFAR-10 is not there.
    """
    if not words:
        return [], cifar10.load_cifar10("test").pixels
    return _unique_names(words), np.stack([pixels_of(word, word, side, say) for word in words])


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
