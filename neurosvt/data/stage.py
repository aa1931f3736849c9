"""The stage of made-up scenes: the script that a cast follows, and the play before the sensor.

`neurosvt.data.tiers` writes the scripts; here they are drawn, and only where something changes.

Axes: T frames, B batch, H W sensor pixels, K moments (substeps of frames; moment 0 lies before the
first frame), P bands, Y X canvas pixels (the sensor and a border around it), S the side of a
sprite.
"""

import math
from dataclasses import dataclass

import numpy as np

from neurosvt.data.cast import Cast, Look, SceneConfig
from neurosvt.data.digits import paint_digits
from neurosvt.data.sensor import EVERYWHERE, Canvas, Region, Sensor
from neurosvt.data.shapes import (
    DISTRACTORS,
    SILHOUETTES,
    paint_background,
    paint_sprites,
    plane_wave,
)

FAR = 1e6
"""Where a band ends that does not end, pixels."""


@dataclass(frozen=True)
class Script:
    """What happens at every moment, as a tier decides it."""

    position: np.ndarray  # (K, B, 2) centre of the object, pixels
    light: np.ndarray  # (K, B) level of illumination, 1 when on
    normal: np.ndarray  # (B, 2) unit vector across the opaque bands; 0 for none
    bands: np.ndarray  # (K, B, P, 2) from where to where they reach along the normal, pixels
    distractors: tuple[tuple[Look, np.ndarray], ...] = ()  # in front of all, with their positions
    vanishes: np.ndarray | None = None  # (B,) moment at which it begins to; None: when hiding does
    returns: np.ndarray | None = None  # (B,) moment at which enough of it is back; None: the first


def perform(
    cast: Cast, script: Script, frames: np.ndarray, rng: np.random.Generator, config: SceneConfig
) -> None:
    """Play a script before the sensor; its events go into `frames` (T, B, 2, H, W), all False.

    Only pixels that can change are looked at: a square around each moving thing, the strips that
    the edges of bands pass, and all of them while the light changes. What rests costs nothing.
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
    things = [stage.object, *stage.distractors]
    moves: list[np.ndarray] = [(np.diff(t.position, axis=0) != 0).any(-1) for t in things]
    edges_move: np.ndarray = (np.diff(stage.bands, axis=0) != 0).any((2, 3))
    light_moves: np.ndarray = np.diff(script.light, axis=0) != 0
    happens = np.any([*moves, edges_move, light_moves], axis=0).any(1)
    for k in np.flatnonzero(happens).tolist():
        # All is put in its place before any of it is looked at.
        changed: list[Region] = []
        for thing, moving in zip(things, moves, strict=True):
            if moving[k].any():
                changed.append(stage.place(thing, k + 1, np.flatnonzero(moving[k])))
        if edges_move[k].any():
            changed.append(stage.strips(k, k + 1))
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


class Thing:
    """What moves about: sprites, one a sequence, that can be drawn between pixels."""

    def __init__(self, sprites: np.ndarray, position: np.ndarray):
        self.position = position
        self.side = side = sprites.shape[-1]
        # Flat, so that a neighbour is one long shift away; the empty rim takes what wraps around.
        flat = sprites.reshape(len(sprites), 2, -1)
        self.sprites = np.pad(flat, ((0, 0), (0, 0), (0, side + 1)))
        self.light: Canvas | None = None
        self.covered: Canvas | None = None

    def at(self, k: int, rows: np.ndarray, border: int) -> tuple[Region, np.ndarray, np.ndarray]:
        """The squares that the things of `rows` stand in at moment k, their light, their cover."""
        corner = self.position[k, rows] + (border - self.side / 2)
        whole = np.floor(corner)
        fx, fy = (corner - whole).astype(np.float32).T[..., None, None]
        side = self.side
        sprite = self.sprites if len(rows) == len(self.sprites) else self.sprites[rows]
        # Bilinear shift by the fraction: every pixel takes a share of its left and upper neighbour.
        for neighbour, share in ((1, fx), (side, fy)):
            shifted = sprite[..., :-neighbour] - sprite[..., neighbour:]
            shifted *= share
            shifted += sprite[..., neighbour:]
            sprite = shifted
        light, covered = sprite.reshape(-1, 2, side, side).swapaxes(0, 1)
        left, top = whole.astype(np.int64).T + 1
        return (rows, top, left), light, covered


class Stage:
    """The canvas: what stands on it, and what of it the camera can see at a moment."""

    def __init__(self, cast: Cast, script: Script, config: SceneConfig):
        self.script = script
        self.bands = script.bands.astype(np.float32)
        looks = [cast, *(look for look, _ in script.distractors)]
        paths = [script.position, *(path for _, path in script.distractors)]
        step = max(float(np.abs(np.diff(path, axis=0)).max(initial=0)) for path in paths)
        margin = int(np.ceil(step)) + 2  # a square also holds the pixels that its thing just left
        widest = max(int(np.ceil(look.radius.max())) for look in looks)
        side = 2 * (widest + margin)
        border = widest - int(cast.radius.min()) + margin + 2
        if script.distractors:  # which come from outside
            border = side + 2
        self.border = border
        self.width = width = config.size + 2 * border
        batch = len(cast.label)
        background = paint_background(cast.background, width)
        self.background = Canvas(background, side)
        self.scene = Canvas(background.copy(), side)  # with the object, but no band, full light
        self.row = np.repeat(np.arange(batch), width * width)
        kinds = [SILHOUETTES, *(DISTRACTORS for _ in script.distractors)]
        self.object, *self.distractors = (
            Thing(_sprites(look, side, kind), path)
            for look, path, kind in zip(looks, paths, kinds, strict=True)
        )
        if config.blind:
            self.object.sprites[:] = 0
        for thing in self.distractors:
            thing.light = Canvas(np.zeros_like(background), side)
            thing.covered = Canvas(np.zeros_like(background), side)
        for thing in (self.object, *self.distractors):
            self.place(thing, 0, np.arange(batch))
        self.has_bands = bool(script.normal.any())
        if self.has_bands:
            self._hang_bands(cast.curtain, script.normal, config.size)

    def _hang_bands(self, curtain: np.ndarray, normal: np.ndarray, size: int) -> None:
        """Paint the bands, and sort the sensor's pixels by when an edge comes to them."""
        border, width, batch = self.border, self.width, len(normal)
        at = np.arange(width, dtype=np.float32) + np.float32(0.5 - border)
        x, y = at[None, None, :], at[None, :, None]
        nx, ny = normal.astype(np.float32).T[..., None, None]
        side = self.scene.side
        self.distance = Canvas(nx * x + ny * y, side)  # along the normal, pixels
        # Stripes run along the normal, so that only edges make events.
        level, amplitude, number = curtain.T
        stripes = [amplitude, -number * normal[:, 1], number * normal[:, 0], np.zeros(batch)]
        log_light = level.astype(np.float32)[:, None, None]
        log_light = log_light + plane_wave(np.stack(stripes, axis=-1), x, y)
        self.curtain = Canvas(np.exp(log_light), side)

        inside = self.distance.pixels[:, border:-border, border:-border].reshape(batch, -1)
        order = np.argsort(inside, axis=1)
        self.along = np.take_along_axis(inside, order, axis=1)
        down, right = np.divmod(order, size)
        pixel = (down + border) * width + right + border
        self.pixel_along = pixel + np.arange(batch)[:, None] * (width * width)

    def place(self, thing: Thing, k: int, rows: np.ndarray) -> Region:
        """Put the things of `rows` where they are at moment k; returns the squares redrawn."""
        squares, light, covered = thing.at(k, rows, self.border)
        if thing.light is not None and thing.covered is not None:
            thing.light[squares], thing.covered[squares] = light, covered
        else:
            self.scene[squares] = light + (1 - covered) * self.background[squares]
        return squares

    def strips(self, before: int, now: int) -> Region:
        """The pixels that the edges of bands may have touched between two moments."""
        edges = self.bands[[before, now]]
        low, high = edges.min(0) - 1, edges.max(0) + 1
        pieces = []
        for row, band, end in zip(*np.nonzero(edges[0] != edges[1]), strict=True):
            bounds = low[row, band, end], high[row, band, end]
            start, stop = np.searchsorted(self.along[row], bounds)
            pieces.append(self.pixel_along[row, start:stop])
        pixels = np.concatenate(pieces)
        return pixels if edges[0, 0].size == 2 else np.unique(pixels)

    def log_seen(self, k: int, region: Region) -> np.ndarray:
        """Log intensity that the camera sees at moment k."""
        if isinstance(region, tuple):
            rows = region[0][:, None, None]
        else:
            rows = self.row[region]
        light = self.scene[region]
        if self.has_bands:
            for low, high in self.bands[k].transpose(1, 2, 0):
                reaches = (high > low) & (high > self.along[:, 0] - 1) & (low < self.along[:, -1])
                if reaches[rows].any():
                    distance = self.distance[region]
                    covered = np.clip(high[rows] - distance + 0.5, 0, 1)
                    if (low > self.along[:, 0] - 1).any():
                        covered *= np.clip(distance - low[rows] + 0.5, 0, 1)
                    light = light + covered * (self.curtain[region] - light)
        for thing in self.distractors:
            assert thing.light is not None
            assert thing.covered is not None
            light = light * (1 - thing.covered[region]) + thing.light[region]
        return np.log(light) + np.log(self.script.light[k]).astype(np.float32)[rows]


def _sprites(look: Look, side: int, silhouettes: dict) -> np.ndarray:
    drawn = (look.radius, look.angle, look.brightness, look.grating, side)
    if look.image is not None:
        return paint_digits(look.image, *drawn)
    return paint_sprites(look.label, *drawn, silhouettes)
