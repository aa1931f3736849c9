"""A video to simulate events from."""

import numpy as np
from PIL import Image


def moving_square(count=6, side=32):
    """A bright square that goes two pixels to the right with every frame."""
    frames = np.full((count, side, side), 60, np.uint8)
    for i in range(count):
        frames[i, 12:20, 4 + 2 * i : 12 + 2 * i] = 200
    return frames


def write_gif(path, frames, duration=100):
    images = [Image.fromarray(frame) for frame in frames]
    images[0].save(path, save_all=True, append_images=images[1:], duration=duration, loop=0)
    return path
