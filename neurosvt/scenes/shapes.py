"""The made-up objects: eight silhouettes, their texture, and the backgrounds they move over.

Everything is drawn as linear light intensity (1 = the middle of the background), so that covering
and fading mix as light does; the sensor takes the logarithm.

Axes: B batch, Y X pixels, S the side of a sprite in pixels.
"""

from collections.abc import Callable
from functools import reduce

import numpy as np

Field = np.ndarray
Silhouette = Callable[[Field, Field], Field]

CRESCENT_CENTRE = -0.3320
"""x of the crescent's centre of mass in the frame in which it is defined (units of its radius);
found by summing on a fine grid, kept true by tests/scenes/test_shapes.py."""


def _box(x: Field, y: Field, half_width: float, half_height: float) -> Field:
    distance: Field = np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)
    return distance


def _disc(x: Field, y: Field) -> Field:
    distance: Field = np.hypot(x, y) - 0.9
    return distance


def _square(x: Field, y: Field) -> Field:
    return _box(x, y, 0.70, 0.70)


def _triangle(x: Field, y: Field) -> Field:
    slanted = 0.8660254 * np.abs(x) + 0.5 * y
    distance: Field = np.maximum(slanted, -y) - 0.5  # tip at (0, 1)
    return distance


def _ring(x: Field, y: Field) -> Field:
    distance: Field = np.abs(np.hypot(x, y) - 0.76) - 0.22
    return distance


def _cross(x: Field, y: Field) -> Field:
    distance: Field = np.minimum(_box(x, y, 0.97, 0.22), _box(x, y, 0.22, 0.97))
    return distance


def _star(x: Field, y: Field) -> Field:
    sector = 2 * np.pi / 5
    radius = np.hypot(x, y)
    angle = np.abs((np.arctan2(y, x) + sector / 2) % sector - sector / 2)
    tip, notch = np.array([1.0, 0.0]), 0.40 * np.array([np.cos(sector / 2), np.sin(sector / 2)])
    along = notch - tip
    outwards = np.array([along[1], -along[0]]) / np.hypot(*along)
    beyond = (radius * np.cos(angle) - 1) * outwards[0] + radius * np.sin(angle) * outwards[1]
    distance: Field = beyond.astype(radius.dtype)
    return distance


def _bar(x: Field, y: Field) -> Field:
    return _box(x, y, 0.97, 0.22)


def _crescent(x: Field, y: Field) -> Field:
    x = x + np.asarray(CRESCENT_CENTRE, x.dtype)
    distance: Field = np.maximum(np.hypot(x, y) - 0.78, 0.657 - np.hypot(x - 0.37, y))
    return distance


SILHOUETTES: dict[str, Silhouette] = {
    "disc": _disc,
    "square": _square,
    "triangle": _triangle,
    "ring": _ring,
    "cross": _cross,
    "star": _star,
    "bar": _bar,
    "crescent": _crescent,
}
"""Name to a signed distance to the outline, negative inside, in units of the object's radius.

Each takes x and y in that unit, has its centre of mass at the origin and lies within the unit
circle. The distances are right on the outline and close to it: all that anti-aliasing needs.
"""


def _ell(x: Field, y: Field) -> Field:
    distance: Field = np.minimum(_box(x + 0.32, y, 0.24, 0.80), _box(x, y - 0.56, 0.56, 0.24))
    return distance


def _hourglass(x: Field, y: Field) -> Field:
    distance: Field = np.maximum(np.abs(y) - 0.75, 0.8 * (np.abs(x) - 0.12 - 0.7 * np.abs(y)))
    return distance


def _dots(x: Field, y: Field) -> Field:
    distance: Field = np.hypot(np.abs(x) - 0.55, y) - 0.38
    return distance


DISTRACTORS: dict[str, Silhouette] = {"ell": _ell, "hourglass": _hourglass, "dots": _dots}
"""Silhouettes that are never asked for; as above, but their middles need not be exact."""


def paint_sprites(
    label: np.ndarray,
    radius: np.ndarray,
    angle: np.ndarray,
    brightness: np.ndarray,
    grating: np.ndarray,
    side: int,
    silhouettes: dict[str, Silhouette] = SILHOUETTES,
) -> np.ndarray:
    """Draw each object once, in the middle of a square that is dark and transparent around it.

    Args:
        label: (B,) index into `silhouettes`.
        radius: (B,) of the circle around the object, in pixels.
        angle: (B,) turn of the object, radians.
        brightness: (B,) mean log intensity of its surface; the background's mean is 0.
        grating: (B, 4) surface texture, a plane wave: amplitude in log intensity, wave vector x and
            y in radians per pixel, phase.
        side: pixels per side of the result; leave room for the radius and one pixel.
        silhouettes: what there is to draw.

    Returns:
        (B, 2, S, S) float32: light that comes off the object, and the share of each pixel that it
        covers, in [0, 1]; the outline is a ramp one pixel wide.
    """
    x, y = turned_square(radius, angle, side)
    scale = radius.astype(np.float32)[:, None, None]
    distance = np.empty_like(x)
    for index, silhouette in enumerate(silhouettes.values()):
        rows = label == index
        distance[rows] = silhouette(x[rows], y[rows])
    return textured(np.clip(0.5 - distance * scale, 0, 1), brightness, grating)


def turned_square(radius: np.ndarray, angle: np.ndarray, side: int) -> tuple[Field, Field]:
    """x and y (B, S, S) of a sprite's pixels as its object has them: turned, in its radius."""
    middle = (np.arange(side, dtype=np.float32) + 0.5) - side / 2
    px, py = middle[None, None, :], middle[None, :, None]
    cos, sin = (f(angle).astype(np.float32)[:, None, None] for f in (np.cos, np.sin))
    scale = radius.astype(np.float32)[:, None, None]
    return (cos * px + sin * py) / scale, (cos * py - sin * px) / scale


def textured(covered: Field, brightness: np.ndarray, grating: np.ndarray) -> np.ndarray:
    """(B, 2, S, S): the light of a surface that covers so much of each pixel, and `covered`.

    Its texture is a plane wave, (B, 4), or the sum of several, (B, waves, 4).
    """
    side = covered.shape[-1]
    middle = (np.arange(side, dtype=np.float32) + 0.5) - side / 2
    waves = grating if grating.ndim == 3 else grating[:, None]
    light = np.exp(brightness.astype(np.float32)[:, None, None] + _sum_of(waves, middle))
    return np.stack([covered * light, covered], axis=1)


def paint_background(waves: np.ndarray, side: int) -> np.ndarray:
    """Mild, smooth texture: the exponential of a few plane waves, (B, waves, 4) -> (B, Y, X)."""
    light: Field = np.exp(_sum_of(waves, np.arange(side, dtype=np.float32) + 0.5))
    return light


def _sum_of(waves: np.ndarray, along: np.ndarray) -> Field:
    """(B, S, S): plane waves (B, waves, 4) at pixels whose middles lie `along` both axes."""
    x, y = along[None, None, :], along[None, :, None]
    total: Field = reduce(np.add, (plane_wave(wave, x, y) for wave in waves.swapaxes(0, 1)))
    return total


def plane_wave(wave: np.ndarray, x: Field, y: Field) -> Field:
    """`amplitude * sin(kx x + ky y + phase)` for rows (amplitude, kx, ky, phase) of `wave`."""
    amplitude, kx, ky, phase = wave.astype(np.float32).T[..., None, None]
    height: Field = amplitude * np.sin(kx * x + (ky * y + phase))
    return height
