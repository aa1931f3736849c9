"""The stage of made-up scenes: the script that a cast follows, and the play before the sensor.

`neurosvt.data.tiers` writes the scripts; here they are drawn, `neurosvt.data.perform` plays them.

Axes: T frames, B batch, H W sensor pixels, K moments (substeps of frames; moment 0 lies before the
first frame), P bands, Y X canvas pixels (the sensor and a border around it), S the side of a
sprite.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neurosvt.data.cast import Cast, Look, SceneConfig
from neurosvt.data.digits import paint_digits
from neurosvt.data.sensor import Canvas, Region
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


class Thing:
    """What moves about: sprites, one a sequence, that can be drawn between pixels."""

    def __init__(self, sprites: np.ndarray, position: np.ndarray):
        self.position = position
        self.side = side = sprites.shape[-1]
        # Flat, so that a neighbour is one long shift away; the empty rim takes what wraps around.
        flat = sprites.reshape(len(sprites), 2, -1)
        self.sprites = np.pad(flat, ((0, 0), (0, 0), (0, side + 1)))
        # Its light and cover, where it is not drawn into the scene.
        self.layers: tuple[Canvas, ...] = ()

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
        self.bands = script.bands.astype(np.float32)
        self.log_light = np.log(script.light).astype(np.float32)
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
            thing.layers = tuple(Canvas(np.zeros_like(background), side) for _ in range(2))
        for thing in (self.object, *self.distractors):
            self.place(thing, 0, np.arange(batch))
        self.has_bands = bool(script.normal.any())
        if self.has_bands:
            self._hang_bands(cast.curtain, script.normal)

    def _hang_bands(self, curtain: np.ndarray, normal: np.ndarray) -> None:
        """Paint the bands."""
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

    @cached_property
    def along(self) -> tuple[np.ndarray, np.ndarray]:
        """The sensor's pixels by when an edge comes to them, (B, H W): their distances along the
        normal, rising, and their flat indices."""
        border, width, batch = self.border, self.width, len(self.distance.pixels)
        inside = self.distance.pixels[:, border:-border, border:-border]
        order = np.argsort(inside.reshape(batch, -1), axis=1)
        down, right = np.divmod(order, inside.shape[2])
        pixel = (down + border) * width + right + border
        pixel += np.arange(batch)[:, None] * (width * width)
        return self.distance.flat[pixel], pixel

    def place(self, thing: Thing, k: int, rows: np.ndarray) -> Region:
        """Put the things of `rows` where they are at moment k; returns the squares redrawn."""
        squares, light, covered = thing.at(k, rows, self.border)
        if not thing.layers:
            self.scene[squares] = light + (1 - covered) * self.background[squares]
        for layer, values in zip(thing.layers, (light, covered), strict=False):
            layer[squares] = values
        return squares

    def strips(self, before: int, now: int) -> Region:
        """The pixels that the edges of bands may have touched between two moments."""
        distance, pixel = self.along
        edges = self.bands[[before, now]]
        low, high = edges.min(0) - 1, edges.max(0) + 1
        pieces = []
        for row, band, end in zip(*np.nonzero(edges[0] != edges[1]), strict=True):
            bounds = low[row, band, end], high[row, band, end]
            start, stop = np.searchsorted(distance[row], bounds)
            pieces.append(pixel[row, start:stop])
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
            distance = self.distance[region]
            for low, high in self.bands[k].transpose(1, 2, 0):
                covered = np.clip(high[rows] - distance + 0.5, 0, 1)
                covered *= np.clip(distance - low[rows] + 0.5, 0, 1)
                light = light + covered * (self.curtain[region] - light)
        for thing in self.distractors:
            shines, covers = thing.layers
            light = light * (1 - covers[region]) + shines[region]
        # The logarithm of a double, rounded, is the same everywhere; that of a float is not.
        return np.log(light, dtype=np.float64).astype(np.float32) + self.log_light[k][rows]


def _sprites(look: Look, side: int, silhouettes: dict) -> np.ndarray:
    drawn = (look.radius, look.angle, look.brightness, look.grating, side)
    if look.image is not None:
        return paint_digits(look.image, *drawn)
    return paint_sprites(look.label, *drawn, silhouettes)
