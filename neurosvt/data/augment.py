"""Recordings varied, so that a small set teaches more than itself.

Units: pixels; angles in radians.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Variety:
    """How far a recording may differ from what the camera saw; each is drawn up to its limit."""

    turn: float = 0.2
    """Largest turn either way."""
    stretch: float = 0.15
    """Largest change of height and of width, each by itself, as a share."""
    shear: float = 0.2
    """Largest slant: pixels to the side for every pixel up."""
    drop: float = 0.3
    """Largest share of the events left out at random."""

    def __post_init__(self):
        for name, limit in (("turn", np.inf), ("stretch", 1), ("shear", np.inf), ("drop", 1)):
            if not 0 <= getattr(self, name) < limit:
                raise ValueError(f"{name} must lie in [0, {limit}), got {getattr(self, name)}")


def vary(
    x: np.ndarray,
    y: np.ndarray,
    row: np.ndarray,
    side: int,
    rng: np.random.Generator,
    variety: Variety,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The events of many recordings, each turned, stretched, slanted and thinned in its own way.

    An event may have fallen anywhere in its pixel: it is moved from a random point there, so that
    a stretched recording has no empty lines. What would leave the sensor ends on its border.

    Args:
        x: (events,) pixels; y alike.
        row: (events,) which recording each belongs to, rising.
        side: of their sensor, pixels; they turn about its middle.
        rng: draws the way, one for each recording, and the events left out.
        variety: how far it goes.

    Returns:
        x and y of the events that are left, int64, and which they are, as indices.
    """
    recordings = int(row[-1]) + 1 if len(row) else 0

    def drawn(limit: float, *shape: int) -> np.ndarray:
        return rng.uniform(-limit, limit, (*shape, recordings))

    turn, slant = drawn(variety.turn), drawn(variety.shear)
    wide, high = 1 + drawn(variety.stretch, 2)
    kept = np.flatnonzero(rng.random(len(row)) >= rng.uniform(0, variety.drop, recordings)[row])
    of = row[kept]
    from_middle = np.stack([x[kept], y[kept]]) + rng.random((2, len(kept))) - side / 2
    across, down = from_middle
    across, down = (across + slant[of] * down) * wide[of], down * high[of]
    cos, sin = np.cos(turn)[of], np.sin(turn)[of]
    moved = np.stack([cos * across - sin * down, sin * across + cos * down]) + side / 2
    left, top = np.clip(np.floor(moved), 0, side - 1).astype(np.int64)
    return left, top, kept
