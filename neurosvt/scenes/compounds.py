"""Strangers that are fuller than an outline, as things before real cameras are: a hand and what it
holds, a person, a box with print on it.

Axes: B batch, V corners of an outline.
"""

from dataclasses import replace

import numpy as np

from neurosvt.scenes.outlines import random_outlines
from neurosvt.scenes.sampling import Appearance, plane_waves

LOBES, LOBE_CORNERS = 4, 11
"""Of a compound, and of each of them."""
LARGER = (0.8, 2.8)
"""Radius of a compound against that of an object."""
FAINTER = (0.15, 1.0)
"""Its log intensity against that of an object: what is faint makes few events."""
WAVES, CONTRAST, WAVELENGTH = 6, (0.0, 0.6), (3.0, 14.0)
"""Of its surface: how many, their log intensity at most, and their length in pixels."""


def compounds(rng: np.random.Generator, objects: Appearance, chosen: np.ndarray) -> Appearance:
    """Objects with outlines of which those `chosen`, (B,) bool, give way to compounds."""
    batch = len(chosen)
    outline = random_outlines(rng, batch, ((_lobes, 4),))
    waves = plane_waves(rng, (batch, WAVES), CONTRAST, WAVELENGTH)
    waves[..., 0] *= rng.random((batch, 1))  # some have print on them, some have none
    plain = np.zeros_like(waves)
    plain[:, 0] = objects.grating
    assert objects.outline is not None
    return replace(
        objects,
        outline=np.where(chosen[:, None, None], outline, objects.outline),
        radius=np.where(chosen, rng.uniform(*LARGER, batch), 1) * objects.radius,
        brightness=np.where(chosen, rng.uniform(*FAINTER, batch), 1) * objects.brightness,
        grating=np.where(chosen[:, None, None], waves, plain),
    )


def _lobes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Polygons around several middles, each joined to the next: (count, V, 2)."""
    corner = np.arange(LOBE_CORNERS + 1) % LOBE_CORNERS  # each closes before the next begins
    turn = 2 * np.pi * (corner + rng.uniform(-0.3, 0.3, (count, LOBES, LOBE_CORNERS))[..., corner])
    radius = rng.uniform(0.5, 1, (count, LOBES, LOBE_CORNERS))[..., corner]
    radius = radius * rng.uniform(0.15, 0.6, (count, LOBES, 1))
    turn = turn / LOBE_CORNERS
    around = radius[..., None] * np.stack([np.cos(turn), np.sin(turn)], -1)
    middle = rng.uniform(-0.7, 0.7, (count, LOBES, 1, 2))
    made: np.ndarray = (middle + around).reshape(count, -1, 2)
    return made
