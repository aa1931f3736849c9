"""Do learnt slopes follow what is in a picture? Their correlation with the strength of edges.

Axes: M images, C colours, Y X pixels, N tokens (one a patch).
"""

from typing import NamedTuple

import numpy as np

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in brightness; ITU-R BT.601."""


def edge_strength(pixels: np.ndarray, patch: int) -> np.ndarray:
    """(M, N) mean length of the Sobel gradient of brightness in every patch, in grey levels of 255
    a pixel.

    Args:
        pixels: (M, 3, Y, X) uint8.
        patch: pixels per side of a patch; divides Y and X.
    """
    grey = np.einsum("mcyx,c->myx", pixels.astype(np.float32), np.asarray(LUMA, np.float32))
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    # Smoothed by 1 2 1 across, the difference of the neighbours along; 8 makes it a slope a pixel.
    smooth = [padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]]
    smooth += [padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]]
    along_x = (smooth[0][:, :, 2:] - smooth[0][:, :, :-2]) / 8
    along_y = (smooth[1][:, 2:] - smooth[1][:, :-2]) / 8
    length = np.hypot(along_x, along_y)
    images, height, width = length.shape
    tiles = length.reshape(images, height // patch, patch, width // patch, patch)
    strength: np.ndarray = tiles.mean((2, 4)).reshape(images, -1)
    return strength


class Correlation(NamedTuple):
    """Pearson's coefficient with its 95 % bootstrap interval over images; NaN if one side is
    constant."""

    value: float
    low: float
    high: float


def correlation(
    one: np.ndarray, two: np.ndarray, *, resamples: int = 1000, seed: int = 0
) -> Correlation:
    """Of two numbers that every token of every image has, (M, N) both."""
    # Centred first, because differences of large sums lose digits.
    x, y = (a.astype(np.float64) - a.mean(dtype=np.float64) for a in (one, two))
    sums = np.stack([a.sum(1) for a in (np.ones_like(x), x, y, x * x, y * y, x * y)], 1)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(x), np.full(len(x), 1 / len(x)), resamples) @ sums
    with np.errstate(invalid="ignore", divide="ignore"):
        value, spread = _pearson(sums.sum(0)[None])[0], _pearson(draws)
    spread = spread[np.isfinite(spread)]  # a draw may hold constant images alone
    low, high = np.quantile(spread, [0.025, 0.975]) if len(spread) else (np.nan, np.nan)
    return Correlation(float(value), float(low), float(high))


def less_position_mean(values: np.ndarray) -> np.ndarray:
    """(M, N) values less the mean of their position: what is left is not due to objects standing
    in the middle."""
    rest: np.ndarray = values - values.mean(0)
    return rest


def _pearson(sums: np.ndarray) -> np.ndarray:
    count, x, y, xx, yy, xy = sums.T
    covariance = xy - x * y / count
    value: np.ndarray = covariance / np.sqrt((xx - x * x / count) * (yy - y * y / count))
    return value
