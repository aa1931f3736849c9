"""How objects move over the sensor: straight on, thrown back by its borders, in from outside.

Axes: B batch, K substeps. Lengths are pixels, x runs right, y down.
"""

from dataclasses import dataclass

import numpy as np

from neurosvt.scenes.sampling import Appearance, SampledObjects, SceneConfig


@dataclass(frozen=True)
class Trajectory:
    """A straight line through the sensor on which the whole object stays inside."""

    origin: np.ndarray  # (B, 2)
    heading: np.ndarray  # (B, 2) unit vector
    length: np.ndarray  # (B,) pixels

    @classmethod
    def draw(
        cls,
        objects: SampledObjects,
        rng: np.random.Generator,
        config: SceneConfig,
        least: np.ndarray | float = 0.0,
        tries: int = 64,
    ) -> "Trajectory":
        """The first of `tries` random lines that is at least as long as `least`, or the longest."""
        batch = len(objects.label)
        turn = rng.uniform(0, 2 * np.pi, (tries, batch))
        aside = rng.uniform(-0.35, 0.35, (tries, batch, 1)) * config.side
        heading = np.stack([np.cos(turn), np.sin(turn)], -1)
        middle = aside * np.stack([-heading[..., 1], heading[..., 0]], -1)  # from the sensor's
        half = config.sides / 2 - objects.radius[:, None] - 0.5
        ends = (np.stack([-half, half]) - middle[:, None]) / heading[:, None]  # tries, 2, B, xy
        begin, end = ends.min(1).max(-1), ends.max(1).min(-1)
        length = np.maximum(end - begin, 0)
        enough = length >= np.maximum(least, 1)
        which = np.where(enough.any(0), enough.argmax(0), length.argmax(0)), np.arange(batch)
        origin = config.sides / 2 + middle[which] + begin[which][:, None] * heading[which]
        return cls(origin, heading[which], length[which])

    def at(self, gone: np.ndarray) -> np.ndarray:
        """(K, B, 2): where an object is that has gone so far, (K, B) pixels."""
        position: np.ndarray = self.origin + gone[..., None] * self.heading
        return position


def bounce(objects: SampledObjects, moves: np.ndarray, config: SceneConfig) -> np.ndarray:
    """Centres (K, B, 2) of objects that bounce off the borders; `moves` (K, B): when."""
    time = np.cumsum(moves, axis=0)
    time = np.broadcast_to(time - time[:1], moves.shape)[..., None]
    low = objects.radius[:, None] + 0.5
    return reflect(objects.start + objects.velocity * time, low, config.sides - low)


def wander(
    appearance: Appearance,
    begins: np.ndarray,
    substeps_total: int,
    rng: np.random.Generator,
    config: SceneConfig,
) -> np.ndarray:
    """Centres (K, B, 2) of objects that wait outside, pass through the sensor, leave it, and come
    back; `begins` (B,): the substep at which each starts."""
    batch = len(appearance.label)
    out = (appearance.radius + 2)[:, None]
    along = rng.uniform(0, 1, batch)
    side, axis = rng.integers(0, 2, (2, batch))
    along = along * config.sides[1 - axis]
    edge = np.where(side, config.sides[axis] + out[:, 0], -out[:, 0])
    start = np.stack([np.where(axis, along, edge), np.where(axis, edge, along)], -1)
    aim = rng.uniform(0.25, 0.75, (batch, 2)) * config.sides - start
    speed = rng.uniform(*config.speed, batch) * config.side
    speed *= config.frame_us * 1e-6 / config.substeps
    velocity = aim / np.linalg.norm(aim, axis=-1, keepdims=True) * speed[:, None]
    gone = np.clip(np.arange(substeps_total)[:, None] - begins, 0, None)[..., None]
    return reflect(start + velocity * gone, -out, config.sides + out)


def reflect(path: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Positions thrown back and forth between two walls instead of going through them."""
    room = high - low
    unfolded = np.mod(path - low, 2 * room)
    position: np.ndarray = low + room - np.abs(unfolded - room)
    return position


def turned(vector: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """(B, 2) vectors turned by (B,) radians."""
    cos, sin, (x, y) = np.cos(angle), np.sin(angle), vector.T
    return np.stack([cos * x - sin * y, sin * x + cos * y], -1)


def fastest(config: SceneConfig) -> float:
    """Pixels a frame beyond which nothing moves: 3.2 sensor sides a second."""
    return 3.2 * config.side * config.frame_us * 1e-6
