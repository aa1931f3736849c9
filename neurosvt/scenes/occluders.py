"""What comes over an object: the edge of something opaque, and darkness.

Axes: B batch, K substeps (substep 0 lies before the first frame). Lengths are pixels.
"""

from dataclasses import dataclass, replace

import numpy as np

from neurosvt.scenes.sampling import SampledObjects, SceneConfig
from neurosvt.scenes.timeline import UNBOUNDED, Clock, Timeline

RIM = 2.5
"""Pixels around an object's circle that have to be covered too: the ramps of outline and edge, and
the spread of subpixel shifts."""


@dataclass(frozen=True)
class Sweep:
    """How an edge comes over the object and leaves it, along `normal`."""

    normal: np.ndarray
    """(B, 2) unit vector."""
    near: np.ndarray
    """(B,) the sensor's first corner along it; `far` its last."""
    far: np.ndarray
    reach: np.ndarray
    """(B,) from the object's centre to where it is wholly covered."""
    length: np.ndarray
    """(B,) substeps from the edge's coming to the object's being hidden."""
    back_in: np.ndarray
    """(B,) substeps in which it uncovers the object."""
    stop_at: np.ndarray
    """(B,) share of the rest of the sensor that it covers as well."""

    @classmethod
    def draw(
        cls, objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
    ) -> "Sweep":
        """One for every sequence, from a random side."""
        batch = len(objects.label)
        transition = clock.hidden - clock.hide
        length = rng.integers((transition + 1) // 2, transition + 1, batch)
        turn = rng.uniform(0, 2 * np.pi, batch)
        stop_at = rng.random(batch)
        back_in = rng.uniform(2, 4, batch) * clock.substeps * 10_000 / config.frame_us
        normal = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
        ends = ends_along(normal, config)
        return cls(normal, *ends, objects.radius + RIM, length, back_in, stop_at)

    def facing(self, normal: np.ndarray, config: SceneConfig) -> "Sweep":
        """The same along another normal (B, 2)."""
        near, far = ends_along(normal, config)
        return replace(self, normal=normal, near=near, far=far)

    def edge(
        self, cover: np.ndarray, uncover: np.ndarray, clock: Clock, furthest: np.ndarray
    ) -> np.ndarray:
        """(K, B): at `cover` when the transition ends, then at least 3 pixels beyond `furthest`,
        and at `uncover` when it comes back."""
        substep = np.arange(clock.end + 1)[:, None]
        forth = cover + (cover - self.near) / self.length * (substep - clock.hidden)
        back = uncover - 2 * self.reach / self.back_in * (substep - clock.back)
        stop = furthest + 3 + self.stop_at * np.maximum(self.far - furthest, 0)
        edge: np.ndarray = np.clip(np.minimum(forth, back), self.near - 1, stop)
        return edge

    def jaws(self, centre: np.ndarray, clock: Clock) -> tuple[np.ndarray, np.ndarray]:
        """Two jaws, each as thick as what they hide, that close from both sides and open again.

        Args:
            centre: (B,) or (K, B) the object's, along the normal.
            clock: closed from `hidden` to `back`.

        Returns:
            The bands (K, B, 2, 2), and how far (K, B) either is from the middle, where they come to
            overlap by two pixels.
        """
        substep = np.arange(clock.end + 1)[:, None]
        room = np.maximum(centre - self.near, self.far - centre) + 1
        forth = (room + 1) * (clock.hidden - substep) / self.length - 1
        back = (self.reach + 1) / self.back_in * (substep - clock.back) - 1
        gap = np.clip(np.maximum(forth, back), -1, room)
        thick = self.reach + 2
        bands = [
            np.stack([centre - gap - thick, centre - gap], -1),
            np.stack([centre + gap, centre + gap + thick], -1),
        ]
        return np.stack(bands, -2), gap

    def timeline(self, position: np.ndarray, edge: np.ndarray) -> Timeline:
        """The timeline of a half-plane with this edge."""
        band = np.stack([np.full(edge.shape, -UNBOUNDED), edge], -1)[:, :, None]
        return Timeline(position, np.ones(edge.shape), self.normal, band)


def ends_along(normal: np.ndarray, config: SceneConfig) -> tuple[np.ndarray, np.ndarray]:
    """The sensor's first and last corner along a normal (B, 2)."""
    near: np.ndarray = (np.minimum(normal, 0) * config.sides).sum(-1)
    far: np.ndarray = (np.maximum(normal, 0) * config.sides).sum(-1)
    return near, far


def dimmed(clock: Clock, batch: int, rng: np.random.Generator) -> np.ndarray:
    """(K, B): light that falls from `hide` to `hidden` and rises, as long, from `back` on."""
    substep = np.arange(clock.end + 1)[:, None]
    tau = rng.uniform(1.5, 4, batch) / clock.substep_ms
    floor = rng.uniform(0.02, 0.05, batch)
    burst = clock.hidden - clock.hide
    falling = floor + (1 - floor) * np.exp(np.minimum(clock.hide - substep, 0) / tau)
    rising = 1 - (1 - floor) * np.exp(np.minimum(clock.back - substep, 0) / tau)
    light = np.where(
        substep < clock.hidden, falling, np.where(substep <= clock.back, floor, rising)
    )
    light[clock.back + burst :] = 1
    return light
