"""Handwritten digits as the objects of made-up scenes.

Axes: B batch, S the side of a sprite in pixels.
"""

import numpy as np

from neurosvt.datasets.mnist import MNIST_SIDE
from neurosvt.scenes.shapes import textured, turned_square

DIGIT_REACH = 13.0
"""Pixels of a digit's image from its middle to the circle around it."""


def paint_digits(
    images: np.ndarray,
    radius: np.ndarray,
    angle: np.ndarray,
    brightness: np.ndarray,
    grating: np.ndarray,
    side: int,
) -> np.ndarray:
    """As `shapes.paint_sprites`, of digits (B, 28, 28): their grey is the share that is covered.

    The image's middle, which is the digit's centre of mass, is the sprite's.
    """
    x, y = turned_square(radius, angle, side)
    # Between pixels, and never beyond the circle, as every object.
    column, row = DIGIT_REACH * x + (MNIST_SIDE - 1) / 2, DIGIT_REACH * y + (MNIST_SIDE - 1) / 2
    inside = x**2 + y**2 <= 1
    left, top = (np.clip(np.floor(at), 0, MNIST_SIDE - 2).astype(int) for at in (column, row))
    fx, fy = np.clip(column - left, 0, 1), np.clip(row - top, 0, 1)
    batch = np.arange(len(images))[:, None, None]
    grey = sum(
        wy * wx * images[batch, top + down, left + right]
        for down, wy in ((0, 1 - fy), (1, fy))
        for right, wx in ((0, 1 - fx), (1, fx))
    )
    return textured((inside * grey / 255).astype(np.float32), brightness, grating)
