"""A scene without an end, a frame at a time: somebody moves its curtain and switches its light.

Axes: K substeps of one frame (substep 0 is the end of the frame before), H W sensor pixels.
"""

from dataclasses import dataclass, replace

import numpy as np

from neurosvt.scenes.occluders import RIM
from neurosvt.scenes.renderer import Renderer
from neurosvt.scenes.sampling import DEFAULT_CONFIG, SHAPE_CLASSES, SceneConfig, sample_objects
from neurosvt.scenes.sensor import add_noise
from neurosvt.scenes.simulate import advance, sensor_before
from neurosvt.scenes.timeline import Timeline
from neurosvt.scenes.trajectories import reflect

DARK = 0.03
"""Level of illumination when the light is off."""
FADES = 0.7
"""Share of the way to its level that the light goes in a substep."""
Band = tuple[float, float]
"""From where to where a curtain reaches, in shares of the sensor's width."""
AWAY: Band = (-2.0, -1.0)
"""Where a curtain is that is not before the sensor."""
SLIVER = 0.05
"""Share of an object below which nobody sees it."""


@dataclass(frozen=True)
class Glimpse:
    """One frame of it, and the truth at its end."""

    frame: np.ndarray
    """(2, H, W) bool, as of `Scenes.frames`."""
    position: tuple[float, float]
    """Of the object's centre, in [0, 1] of the sensor."""
    hidden: bool
    """Whether no more than a `SLIVER` of the object can be seen."""
    light: float


class LiveScene:
    """One object that moves to and fro before a camera, for as long as anybody looks.

    Args:
        label: which of `SHAPE_CLASSES`.
        seed: of its looks, its way, and the sensor.
        config: the camera, a square.

    Raises:
        ValueError: there is no such class, or a sensor that is no square.
    """

    def __init__(self, label: int, seed: int = 0, config: SceneConfig = DEFAULT_CONFIG):
        if not 0 <= label < len(SHAPE_CLASSES):
            raise ValueError(f"label must be below {len(SHAPE_CLASSES)}, got {label}")
        if config.sensor.width != config.sensor.height:
            raise ValueError(f"a live scene has a square sensor, got {config.size}")
        sampling, sensing, self.noise = np.random.default_rng(seed).spawn(3)
        self.config, self.label = config, label
        drawn = sample_objects(sampling, 1, config)
        self.objects = replace(drawn, label=np.array([label]))
        self.band, self.light, self.time = AWAY, 1.0, 0
        steps = config.substeps + 1
        timeline = Timeline(
            position=self.objects.start + self.objects.velocity * np.arange(steps)[:, None, None],
            light=np.ones((steps, 1)),
            normal=np.array([[1.0, 0.0]]),
            bands=np.broadcast_to(np.array(AWAY) * config.side, (steps, 1, 1, 2)).copy(),
        )
        self.renderer = Renderer(self.objects, timeline, config)
        frames = np.zeros((1, 1, 2, config.side, config.side), bool)
        self.sensor = sensor_before(self.renderer, frames, sensing, config)
        sprite = self.renderer.object
        cover = sprite.images[0, 1, : sprite.side**2].reshape(sprite.side, sprite.side)
        self.columns = cover.sum(0) / cover.sum()
        """Shares of the object, from its left to its right, a pixel each."""

    @property
    def position(self) -> tuple[float, float]:
        """x and y of the object's centre, in [0, 1] of the sensor."""
        x, y = self.renderer.object.position[-1, 0] / self.config.side
        return float(x), float(y)

    def reaches(self, band: Band | None) -> bool:
        """Whether a curtain is before the object, or about to touch it."""
        reach = (float(self.objects.radius[0]) + RIM) / self.config.side
        low, high = AWAY if band is None else band
        return low - reach < self.position[0] < high + reach

    def seen(self) -> float:
        """Share of the object that is beside the curtain."""
        x = self.position[0] * self.config.side + np.arange(len(self.columns)) + 0.5
        x -= len(self.columns) / 2
        low, high = (edge * self.config.side for edge in self.band)
        return float(self.columns[(x < low) | (x > high)].sum())

    def step(self, band: Band | None = None, *, lit: bool = True, moves: bool = True) -> Glimpse:
        """Let one frame pass.

        Args:
            band: where the curtain is at its end, `from` not above `to`; None for none.
            lit: whether the light is on; in the dark nothing moves, as in the tier `blackout`.
            moves: whether the object goes on.
        """
        moves = moves and lit
        n, side = self.config.substeps, self.config.side
        renderer, share = self.renderer, np.linspace(0, 1, n + 1)
        time = self.time + np.arange(n + 1) * moves
        self.time += n * moves
        low = self.objects.radius[:, None] + 0.5
        way = self.objects.start + self.objects.velocity * time[:, None, None]
        renderer.object.position[:] = reflect(way, low, self.config.sides - low)
        before, self.band = np.array(self.band), AWAY if band is None else band
        moved = before + share[:, None] * (np.array(self.band) - before)
        renderer.bands[:, 0, 0] = moved * side
        levels = [self.light]
        for _ in range(n):
            levels.append(levels[-1] + FADES * ((1.0 if lit else DARK) - levels[-1]))
        self.light = levels[-1]
        renderer.log_light[:, 0] = np.log(levels)
        frames = self.sensor.frames
        frames[:] = False
        advance(renderer, self.sensor, self.config)
        add_noise(frames, self.config.noise_hz, self.config.frame_us, self.noise)
        hidden = self.seen() < SLIVER or self.light < 2 * DARK
        return Glimpse(frames[0, 0].copy(), self.position, hidden, self.light)
