"""The stage of made-up scenes: the cast, the script that it follows, the play before the sensor.

`neurosvt.data.scenes` writes the scripts; here they are drawn, and only where something changes.

Axes: T frames, B batch, H W sensor pixels, K moments (substeps of frames; moment 0 lies before the
first frame), Y X canvas pixels (the sensor and a border around it), S the side of a sprite.
"""

import math
from dataclasses import dataclass

import numpy as np

from neurosvt.data.sensor import EVERYWHERE, Canvas, Region, Sensor
from neurosvt.data.shapes import SILHOUETTES, paint_background, paint_sprites, plane_wave

CLASSES: tuple[str, ...] = tuple(SILHOUETTES)
"""Names of the objects' classes; a label is an index into them."""


@dataclass(frozen=True)
class SceneConfig:
    """The camera, and how large and fast objects are."""

    size: int = 64
    """Sensor side, pixels."""
    frame_us: int = 10_000
    """Length of a frame, microseconds."""
    object_px: tuple[float, float] = (0.32, 0.45)
    """Smallest and largest diameter of the circle around an object, sensor sides."""
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
    substeps: int = 2
    """Moments per frame at which the light is sampled."""

    def __post_init__(self):
        if self.size < 32:
            raise ValueError(f"size must be at least 32 pixels, got {self.size}")
        for name in ("frame_us", "substeps", "contrast_threshold"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("refractory_us", "noise_hz", "mismatch"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be below 0, got {getattr(self, name)}")
        low, high = self.object_px
        if not 0.1 <= low <= high <= 0.8:
            raise ValueError(
                f"object_px must rise within [0.1, 0.8] of a side, got {self.object_px}"
            )
        low, high = self.speed
        if not 0 <= low <= high:
            raise ValueError(f"speed must rise from at least 0 sides per second, got {self.speed}")


DEFAULT = SceneConfig()


@dataclass(frozen=True)
class Cast:
    """Who plays: the objects and backgrounds of a batch, before anything moves."""

    label: np.ndarray
    radius: np.ndarray  # (B,) of the circle around the object, pixels
    angle: np.ndarray  # (B,) radians
    brightness: np.ndarray  # (B,) log intensity against the background's mean
    grating: np.ndarray  # (B, 4) as in `paint_sprites`
    background: np.ndarray  # (B, 4 waves, 4)
    curtain: np.ndarray  # (B, 3): log intensity; amplitude and wave number of its stripes
    start: np.ndarray  # (B, 2) pixels
    velocity: np.ndarray  # (B, 2) pixels per moment


@dataclass(frozen=True)
class Script:
    """What happens at every moment, as a tier decides it."""

    position: np.ndarray  # (K, B, 2) centre of the object, pixels
    light: np.ndarray  # (K, B) level of illumination, 1 when on
    normal: np.ndarray  # (B, 2) unit vector along which the curtain advances; 0 for none
    edge: np.ndarray  # (K, B) how far it has come along the normal, pixels


def draw_cast(rng: np.random.Generator, batch: int, config: SceneConfig) -> Cast:
    """Draw objects, backgrounds and starting motion."""
    radius = rng.uniform(*config.object_px, batch) * config.size / 2
    heading = rng.uniform(0, 2 * np.pi, batch)
    speed = rng.uniform(*config.speed, batch) * config.size
    speed *= config.frame_us * 1e-6 / config.substeps
    low = radius[:, None] + 0.5
    return Cast(
        label=rng.integers(0, len(CLASSES), batch),
        radius=radius,
        angle=rng.uniform(-config.tilt, config.tilt, batch),
        brightness=rng.uniform(0.6, 1.2, batch) * rng.choice([-1, 1], batch),
        grating=_waves(rng, (batch,), (0.05, 0.25), (4.0, 10.0)),
        background=_waves(rng, (batch, 4), (0.02, 0.10), (14.0, 50.0)),
        curtain=np.stack(
            [rng.uniform(-1, 1, batch), rng.uniform(0, 0.2, batch), rng.uniform(0.2, 1, batch)], -1
        ),
        start=low + rng.random((batch, 2)) * (config.size - 2 * low),
        velocity=speed[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=-1),
    )


def _waves(rng, shape, amplitude, wavelength):
    """Random plane waves (*shape, 4): amplitude, wave vector, phase; wavelength in pixels."""
    number = 2 * np.pi / rng.uniform(*wavelength, shape)
    turn, phase = rng.uniform(0, 2 * np.pi, (2, *shape))
    strength = rng.uniform(*amplitude, shape)
    return np.stack([strength, number * np.cos(turn), number * np.sin(turn), phase], axis=-1)


def perform(
    cast: Cast, script: Script, frames: np.ndarray, rng: np.random.Generator, config: SceneConfig
) -> None:
    """Play a script before the sensor; its events go into `frames` (T, B, 2, H, W), all False.

    Only pixels that can change are looked at: a square around each moving object, the strip that a
    curtain's edge passes, and all of them while the light changes. What rests costs nothing.
    """
    stage = Stage(cast, script, config)
    sensor = Sensor(
        stage.log_seen(0, EVERYWHERE).reshape(stage.scene.pixels.shape),
        frames,
        threshold=config.contrast_threshold,
        mismatch=config.mismatch,
        refractory=moments_within(config.refractory_us, config.frame_us / config.substeps),
        side=stage.scene.side,
        rng=rng,
    )
    object_moves: np.ndarray = (np.diff(script.position, axis=0) != 0).any(-1)
    edge_moves: np.ndarray = np.diff(script.edge, axis=0) != 0
    light_moves: np.ndarray = np.diff(script.light, axis=0) != 0
    for k in np.flatnonzero((object_moves | edge_moves | light_moves).any(1)).tolist():
        changed: list[Region] = []
        if object_moves[k].any():
            changed.append(stage.draw_objects(k + 1, np.flatnonzero(object_moves[k])))
        if edge_moves[k].any():
            changed.append(stage.strip(k, k + 1))
        if light_moves[k].any():
            changed = [EVERYWHERE]
        for region in changed:
            sensor.see(k, k // config.substeps, region, stage.log_seen(k + 1, region))


def moments_within(rest_us: int, substep_us: float) -> int:
    """How many of the moments after an event lie within the rest that follows it.

    >>> [moments_within(rest, substep_us=5_000.0) for rest in (1_000, 12_000)]
    [0, 2]
    """
    return max(0, math.ceil(rest_us / substep_us) - 1)


class Stage:
    """The canvas: what stands on it, and what of it the camera can see at a moment."""

    def __init__(self, cast: Cast, script: Script, config: SceneConfig):
        self.script = script
        step = np.abs(np.diff(script.position, axis=0)).max(initial=0)
        margin = int(np.ceil(step)) + 2  # a square also holds the pixels that its object just left
        widest = int(np.ceil(cast.radius.max()))
        self.sprite_side = side = 2 * (widest + margin)
        self.border = border = widest - int(cast.radius.min()) + margin + 2
        self.width = width = config.size + 2 * border
        batch = len(cast.label)
        background = paint_background(cast.background, width)
        self.background = Canvas(background, side)
        self.scene = Canvas(background.copy(), side)  # with the object, but no curtain, full light
        self.row = np.repeat(np.arange(batch), width * width)
        sprites = paint_sprites(
            cast.label, cast.radius, cast.angle, cast.brightness, cast.grating, side
        ).reshape(batch, 2, -1)
        # Flat, so that a neighbour is one long shift away; the empty rim takes what wraps around.
        self.sprites = np.pad(sprites, ((0, 0), (0, 0), (0, side + 1)))
        self.draw_objects(0, np.arange(batch))
        self.has_curtain = bool(script.normal.any())
        if self.has_curtain:
            self._hang_curtain(cast.curtain, script.normal, config.size)

    def _hang_curtain(self, curtain: np.ndarray, normal: np.ndarray, size: int) -> None:
        """Paint the curtain, and sort the sensor's pixels by when its edge comes to them."""
        border, width, batch = self.border, self.width, len(normal)
        at = np.arange(width, dtype=np.float32) + np.float32(0.5 - border)
        x, y = at[None, None, :], at[None, :, None]
        nx, ny = normal.astype(np.float32).T[..., None, None]
        self.distance = Canvas(nx * x + ny * y, self.sprite_side)  # along its way, pixels
        # Its stripes run along its way, so that only its edge makes events.
        level, amplitude, number = curtain.T
        stripes = [amplitude, -number * normal[:, 1], number * normal[:, 0], np.zeros(batch)]
        log_light = level.astype(np.float32)[:, None, None]
        log_light = log_light + plane_wave(np.stack(stripes, axis=-1), x, y)
        self.curtain = Canvas(np.exp(log_light), self.sprite_side)

        inside = self.distance.pixels[:, border:-border, border:-border].reshape(batch, -1)
        order = np.argsort(inside, axis=1)
        self.along = np.take_along_axis(inside, order, axis=1)
        down, right = np.divmod(order, size)
        pixel = (down + border) * width + right + border
        self.pixel_along = pixel + np.arange(batch)[:, None] * (width * width)

    def draw_objects(self, k: int, rows: np.ndarray) -> Region:
        """Put the objects of `rows` where they are at moment k; returns the squares redrawn."""
        corner = self.script.position[k, rows] + (self.border - self.sprite_side / 2)
        whole = np.floor(corner)
        fx, fy = (corner - whole).astype(np.float32).T[..., None, None]
        side = self.sprite_side
        sprite = self.sprites if len(rows) == len(self.sprites) else self.sprites[rows]
        # Bilinear shift by the fraction: every pixel takes a share of its left and upper neighbour.
        for neighbour, share in ((1, fx), (side, fy)):
            shifted = sprite[..., :-neighbour] - sprite[..., neighbour:]
            shifted *= share
            shifted += sprite[..., neighbour:]
            sprite = shifted
        light, covered = sprite.reshape(-1, 2, side, side).swapaxes(0, 1)
        left, top = whole.astype(np.int64).T + 1
        squares = (rows, top, left)
        self.scene[squares] = light + (1 - covered) * self.background[squares]
        return squares

    def strip(self, before: int, now: int) -> Region:
        """The pixels that the curtain's edge may have touched between two moments."""
        edge = self.script.edge[[before, now]].astype(np.float32)
        bounds = np.stack([edge.min(0) - 1, edge.max(0) + 1], axis=-1)
        pieces = []
        for row in np.flatnonzero(edge[0] != edge[1]):
            start, stop = np.searchsorted(self.along[row], bounds[row])
            pieces.append(self.pixel_along[row, start:stop])
        return np.concatenate(pieces)

    def log_seen(self, k: int, region: Region) -> np.ndarray:
        """Log intensity that the camera sees at moment k."""
        if isinstance(region, tuple):
            rows = region[0][:, None, None]
        else:
            rows = self.row[region]
        light = self.scene[region]
        if self.has_curtain:
            edge = self.script.edge[k].astype(np.float32)
            if (edge > self.along[:, 0] - 1)[rows].any():
                covered = np.clip(edge[rows] - self.distance[region] + 0.5, 0, 1)
                light = light + covered * (self.curtain[region] - light)
        return np.log(light) + np.log(self.script.light[k]).astype(np.float32)[rows]
