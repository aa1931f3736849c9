"""What is drawn at random before a scene begins: objects, their appearance, the background.

Axes: B batch.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from neurosvt.datasets.mnist import Digits
from neurosvt.events.recording import Fitting
from neurosvt.scenes.shapes import DISTRACTORS, SILHOUETTES
from neurosvt.sides import Sides, Size

SHAPE_CLASSES: tuple[str, ...] = tuple(SILHOUETTES)
"""Names of the objects' classes; a label is an index into them."""


@dataclass(frozen=True)
class SceneConfig:
    """The camera, and how large and fast objects are."""

    size: Size = 64
    """Of the sensor: pixels a side of a square, or width and height."""
    shown: Size | None = None
    """Of a model's sensor: frames are brought to it as `events.Fitting` brings a camera's, and
    positions too; None for frames as they are."""
    frame_us: int = 10_000
    """Length of a frame, microseconds."""
    object_px: tuple[float, float] = (0.32, 0.45)
    """Smallest and largest diameter of the circle around an object, sensor sides; of sensors that
    are no square, the shorter one."""
    tilt: float = 0.35
    """Largest turn of an object out of the upright, radians (20 degrees); pi for any angle."""
    speed: tuple[float, float] = (0.5, 1.9)
    """Slowest and fastest, sensor sides per second: 0.32 to 1.2 pixels a frame at 64 pixels."""
    contrast_threshold: float = 0.2
    """Change of log intensity that makes an event; DVS pixels reach about 0.1 to 0.3."""
    mismatch: float = 0.03
    """Spread of the threshold between pixels, as a share; 3 % as in v2e (Hu et al. 2021)."""
    refractory_us: int = 1_000
    """Rest of a pixel after an event, microseconds; shorter than a substep it changes nothing."""
    noise_hz: float = 0.1
    """Background events per pixel and second, Poisson, random polarity."""
    hot_pixels: int = 0
    """Pixels per sensor that report an event, of random polarity, in every other frame."""
    blind: bool = False
    """Draw no object: what is left to see is what hides it, and where it would have been."""
    unfamiliar: float = 0.0
    """Share of a batch's strangers that are of the family which training never shows (tier
    "stranger"), spread evenly over it; 0 in training, half in judging."""
    compound: float = 0.0
    """Share of a batch's strangers that are compounds (`neurosvt.scenes.compounds`), spread evenly
    over it; judging shows none."""
    substeps: int = 2
    """How often the light is sampled in a frame."""

    def __post_init__(self) -> None:
        if self.side < 32:
            raise ValueError(f"size must be at least 32 pixels, got {self.size}")
        for name in ("frame_us", "substeps", "contrast_threshold"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("refractory_us", "noise_hz", "mismatch", "hot_pixels"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be below 0, got {getattr(self, name)}")
        for name in ("unfamiliar", "compound"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        low, high = self.object_px
        if not 0.1 <= low <= high <= 0.8:
            raise ValueError(
                f"object_px must rise within [0.1, 0.8] of a side, got {self.object_px}"
            )
        low, high = self.speed
        if not 0 <= low <= high:
            raise ValueError(f"speed must rise from at least 0 sides per second, got {self.speed}")

    @property
    def sensor(self) -> Sides:
        """Width and height, pixels."""
        return Sides.of(self.size)

    @property
    def sides(self) -> np.ndarray:
        """(2,) the same, to reckon with."""
        return np.array(self.sensor)

    @property
    def side(self) -> int:
        """The shorter one: the unit of what is told in sensor sides."""
        return self.sensor.shorter

    @property
    def fitting(self) -> Fitting:
        """How the camera's pixels fall onto those of the frames."""
        return Fitting(*self.sensor, self.size if self.shown is None else self.shown)

    @property
    def extent(self) -> tuple[float, float]:
        """`Scenes.extent`."""
        fitting = self.fitting
        across, down = (side * fitting.factor / self.side for side in fitting.onto)
        return across, down

    def frames(self, count: int) -> int:
        """Frames of this length that last as long as `count` of 10 ms, at least one."""
        return max(1, round(count * 10_000 / self.frame_us))


DEFAULT_CONFIG = SceneConfig()


@dataclass(frozen=True)
class Appearance:
    """How one object of every sequence looks."""

    label: np.ndarray
    """(B,) int64 class."""
    radius: np.ndarray
    """(B,) of the circle around it, pixels."""
    angle: np.ndarray
    """(B,) turn, radians."""
    brightness: np.ndarray
    """(B,) log intensity against the background's mean."""
    grating: np.ndarray
    """(B, 4) surface texture, as in `paint_sprites`; or (B, waves, 4), the sum of several."""
    image: np.ndarray | None = field(default=None, kw_only=True)
    """(B, 28, 28) uint8 of digits; None for silhouettes."""
    outline: np.ndarray | None = field(default=None, kw_only=True)
    """(B, V, 2) corners of what is neither, in units of the radius, as in `outlines`."""


@dataclass(frozen=True)
class SampledObjects(Appearance):
    """The objects and backgrounds of a batch, before anything moves."""

    background: np.ndarray
    """(B, 4 waves, 4), as in `paint_background`."""
    curtain: np.ndarray
    """(B, 3) of what covers: log intensity; amplitude and wave number of its stripes."""
    start: np.ndarray
    """(B, 2) pixels."""
    velocity: np.ndarray
    """(B, 2) pixels per substep."""


def sample_objects(
    rng: np.random.Generator, batch: int, config: SceneConfig, digits: Digits | None = None
) -> SampledObjects:
    """Draw objects, backgrounds and starting motion; with `digits`, these are the objects."""
    radius = rng.uniform(*config.object_px, batch) * config.side / 2
    heading = rng.uniform(0, 2 * np.pi, batch)
    speed = rng.uniform(*config.speed, batch) * config.side
    speed *= config.frame_us * 1e-6 / config.substeps
    low = radius[:, None] + 0.5
    objects = SampledObjects(
        label=rng.integers(0, len(SHAPE_CLASSES), batch),
        radius=radius,
        angle=rng.uniform(-config.tilt, config.tilt, batch),
        brightness=rng.uniform(0.6, 1.2, batch) * rng.choice([-1, 1], batch),
        grating=plane_waves(rng, (batch,), (0.05, 0.25), (4.0, 10.0)),
        background=plane_waves(rng, (batch, 4), (0.02, 0.10), (14.0, 50.0)),
        curtain=np.stack(
            [rng.uniform(-1, 1, batch), rng.uniform(0, 0.2, batch), rng.uniform(0.2, 1, batch)], -1
        ),
        start=low + rng.random((batch, 2)) * (config.sides - 2 * low),
        velocity=speed[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=-1),
    )
    if digits is None:
        return objects
    which = rng.integers(0, len(digits.labels), batch)
    return replace(objects, label=digits.labels[which], image=digits.images[which])


def sample_distractor(rng: np.random.Generator, batch: int, config: SceneConfig) -> Appearance:
    """Draw distractors, which are never asked for: smaller, of silhouettes of their own."""
    return Appearance(
        label=rng.integers(0, len(DISTRACTORS), batch),
        radius=rng.uniform(0.08, 0.14, batch) * config.side,
        angle=rng.uniform(-np.pi, np.pi, batch),
        brightness=rng.uniform(0.6, 1.2, batch) * rng.choice([-1, 1], batch),
        grating=plane_waves(rng, (batch,), (0.05, 0.25), (4.0, 10.0)),
    )


def plane_waves(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    amplitude: tuple[float, float],
    wavelength: tuple[float, float],
) -> np.ndarray:
    """Random plane waves (*shape, 4): amplitude, wave vector, phase; wavelength in pixels."""
    number = 2 * np.pi / rng.uniform(*wavelength, shape)
    turn, phase = rng.uniform(0, 2 * np.pi, (2, *shape))
    strength = rng.uniform(*amplitude, shape)
    return np.stack([strength, number * np.cos(turn), number * np.sin(turn), phase], axis=-1)
