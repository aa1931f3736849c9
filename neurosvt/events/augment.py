"""Recordings augmented, so that a small set teaches more than itself.

Units: pixels; angles in radians.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from neurosvt.events.recording import Recording


@dataclass(frozen=True)
class Augmentation:
    """How far a recording may differ from what the camera saw; each is drawn up to its limit."""

    turn: float = 0.2
    """Largest turn either way."""
    stretch: float = 0.15
    """Largest change of height and of width, each by itself, as a share."""
    shear: float = 0.2
    """Largest slant: pixels to the side for every pixel up."""
    drop: float = 0.3
    """Largest share of the events left out at random."""

    def __post_init__(self) -> None:
        for name, limit in (("turn", np.inf), ("stretch", 1), ("shear", np.inf), ("drop", 1)):
            if not 0 <= getattr(self, name) < limit:
                raise ValueError(f"{name} must lie in [0, {limit}), got {getattr(self, name)}")


def augment(
    x: np.ndarray,
    y: np.ndarray,
    row: np.ndarray,
    side: int,
    rng: np.random.Generator,
    augmentation: Augmentation,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The events of many recordings, each turned, stretched, slanted and thinned by itself.

    An event may have fallen anywhere in its pixel: it is moved from a random point there, so that
    a stretched recording has no empty lines. What would leave the sensor ends on its border.

    Args:
        x: (events,) pixels; y alike.
        row: (events,) which recording each belongs to, rising.
        side: of their sensor, pixels; they turn about its middle.
        rng: draws how, for each recording, and the events left out.
        augmentation: how far it goes.

    Returns:
        x and y of the events that are left, int64, and which they are, as indices.
    """
    recordings = int(row[-1]) + 1 if len(row) else 0

    def drawn(limit: float, *shape: int) -> np.ndarray:
        return rng.uniform(-limit, limit, (*shape, recordings))

    turn, slant = drawn(augmentation.turn), drawn(augmentation.shear)
    wide, high = 1 + drawn(augmentation.stretch, 2)
    kept = np.flatnonzero(
        rng.random(len(row)) >= rng.uniform(0, augmentation.drop, recordings)[row]
    )
    of = row[kept]
    from_middle = np.stack([x[kept], y[kept]]) + rng.random((2, len(kept))) - side / 2
    across, down = from_middle
    across, down = (across + slant[of] * down) * wide[of], down * high[of]
    cos, sin = np.cos(turn)[of], np.sin(turn)[of]
    moved = np.stack([cos * across - sin * down, sin * across + cos * down]) + side / 2
    left, top = np.clip(np.floor(moved), 0, side - 1).astype(np.int64)
    return left, top, kept


def shift(recording: Recording, most: int, rng: np.random.Generator) -> Recording:
    """Moved by up to `most` pixels along either axis; what leaves the sensor is left out."""
    across, down = rng.integers(-most, most + 1, 2)
    events = recording.events.copy()
    x, y = events["x"].astype(np.int64) + across, events["y"].astype(np.int64) + down
    inside = (x >= 0) & (x < recording.width) & (y >= 0) & (y < recording.height)
    events["x"], events["y"] = x, y  # what wraps around here is left out in the next line
    return replace(recording, events=events[inside])


def jitter_time(recording: Recording, deviation_us: float, rng: np.random.Generator) -> Recording:
    """Every time moved by a normal deviate, and the events put in order of time again."""
    events = recording.events.copy()
    events["t"] += np.rint(rng.normal(0, deviation_us, len(events))).astype(np.int64)
    return replace(recording, events=events[np.argsort(events["t"], kind="stable")])


def drop_events(recording: Recording, share: float, rng: np.random.Generator) -> Recording:
    """Each event left out with the chance `share`."""
    kept = rng.random(len(recording.events)) >= share
    return replace(recording, events=recording.events[kept])


def flip_polarity(recording: Recording) -> Recording:
    """ON for OFF: what was brighter is darker."""
    events = recording.events.copy()
    events["p"] = ~events["p"]
    return replace(recording, events=events)


def mirror(recording: Recording, other_side: Mapping[int, int]) -> Recording:
    """Left for right. What is named by its side changes its name.

    Args:
        recording: upright.
        other_side: label to the label that it becomes, both ways; others stay.
    """
    events = recording.events.copy()
    events["x"] = recording.width - 1 - events["x"]
    label = recording.label
    label = label if label is None else other_side.get(label, label)
    return replace(recording, events=events, label=label)
