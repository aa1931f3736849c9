"""Objects and occluders of a timeline, drawn onto a canvas at any substep.

Axes: B batch, H W sensor pixels, K substeps of frames (substep 0 lies before the first frame), P
bands, Y X canvas pixels (the sensor and a border around it), S the side of a sprite.
"""

from functools import cached_property

import numpy as np

from neurosvt.scenes.digits import paint_digits
from neurosvt.scenes.outlines import paint_outlines
from neurosvt.scenes.sampling import Appearance, SampledObjects, SceneConfig
from neurosvt.scenes.sensor import Canvas, Region
from neurosvt.scenes.shapes import (
    DISTRACTORS,
    SILHOUETTES,
    Silhouette,
    paint_background,
    paint_sprites,
    plane_wave,
)
from neurosvt.scenes.timeline import Timeline


class Sprite:
    """One moving object of every sequence, which can be drawn between pixels.

    Args:
        images: (B, 2, S, S) float32 light and cover, as `paint_sprites` gives them.
        position: (K, B, 2) of their centres, pixels.
    """

    def __init__(self, images: np.ndarray, position: np.ndarray):
        self.position = position
        self.side = side = images.shape[-1]
        # Flat, so that a neighbour is one long shift away; the empty rim takes what wraps around.
        flat = images.reshape(len(images), 2, -1)
        self.images = np.pad(flat, ((0, 0), (0, 0), (0, side + 1)))
        self.layers: tuple[Canvas, ...] = ()
        """Light and cover of a distractor; the object is drawn into the scene."""

    def at(self, k: int, rows: np.ndarray, border: int) -> tuple[Region, np.ndarray, np.ndarray]:
        """The squares that the sprites of `rows` fill at substep k, their light, their cover."""
        corner = self.position[k, rows] + (border - self.side / 2)
        whole = np.floor(corner)
        fx, fy = (corner - whole).astype(np.float32).T[..., None, None]
        side = self.side
        image = self.images if len(rows) == len(self.images) else self.images[rows]
        # Bilinear shift by the fraction: every pixel takes a share of its left and upper neighbour.
        for neighbour, share in ((1, fx), (side, fy)):
            shifted = image[..., :-neighbour] - image[..., neighbour:]
            shifted *= share
            shifted += image[..., neighbour:]
            image = shifted
        light, covered = image.reshape(-1, 2, side, side).swapaxes(0, 1)
        left, top = whole.astype(np.int64).T + 1
        return (rows, top, left), light, covered


class Renderer:
    """The canvas: what is on it, and what of it the camera can see at a substep.

    Args:
        objects: the objects and backgrounds.
        timeline: what happens.
        config: the camera.
    """

    def __init__(self, objects: SampledObjects, timeline: Timeline, config: SceneConfig):
        self.bands = timeline.bands.astype(np.float32)
        self.log_light = np.log(timeline.light).astype(np.float32)
        shown = timeline.shown or objects
        appearances = [shown, *(appearance for appearance, _ in timeline.distractors)]
        paths = [timeline.position, *(path for _, path in timeline.distractors)]
        step = max(float(np.abs(np.diff(path, axis=0)).max(initial=0)) for path in paths)
        margin = int(np.ceil(step)) + 2  # a square also holds the pixels that its sprite just left
        widest = max(int(np.ceil(appearance.radius.max())) for appearance in appearances)
        side = 2 * (widest + margin)
        border = widest - int(objects.radius.min()) + margin + 2
        middle = config.sides / 2
        leaves = (np.abs(timeline.position - middle) > middle).any()
        if timeline.distractors or leaves:  # what comes from outside, and what goes there
            border = side + 2
        self.border = border
        self.width = width = max(config.sensor) + 2 * border
        batch = len(objects.label)
        background = paint_background(objects.background, width)
        self.background = Canvas(background, side)
        self.scene = Canvas(background.copy(), side)  # with the object, but no band, full light
        self.row = np.repeat(np.arange(batch), width * width)
        kinds = [SILHOUETTES, *(DISTRACTORS for _ in timeline.distractors)]
        self.object, *self.distractors = (
            Sprite(painted(appearance, side, kind), path)
            for appearance, path, kind in zip(appearances, paths, kinds, strict=True)
        )
        if config.blind:
            self.object.images[:] = 0
        for sprite in self.distractors:
            sprite.layers = tuple(Canvas(np.zeros_like(background), side) for _ in range(2))
        for sprite in (self.object, *self.distractors):
            self.draw(sprite, 0, np.arange(batch))
        self.has_bands = bool(timeline.normal.any())
        if self.has_bands:
            made_of = objects.curtain if timeline.curtain is None else timeline.curtain
            self._paint_bands(made_of, timeline.normal)

    def _paint_bands(self, curtain: np.ndarray, normal: np.ndarray) -> None:
        """Paint what the bands are made of; the timeline says where they are."""
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

    def draw(self, sprite: Sprite, k: int, rows: np.ndarray) -> Region:
        """Draw the sprites of `rows` where they are at substep k; returns the squares redrawn."""
        squares, light, covered = sprite.at(k, rows, self.border)
        if not sprite.layers:
            self.scene[squares] = light + (1 - covered) * self.background[squares]
        for layer, values in zip(sprite.layers, (light, covered), strict=False):
            layer[squares] = values
        return squares

    def strips(self, before: int, now: int) -> Region:
        """The pixels that the edges of bands may have touched between two substeps."""
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
        """Log intensity that the camera sees at substep k."""
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
        for sprite in self.distractors:
            shines, covers = sprite.layers
            light = light * (1 - covers[region]) + shines[region]
        # The logarithm of a double, rounded, is the same everywhere; that of a float is not.
        log_intensity: np.ndarray = (
            np.log(light, dtype=np.float64).astype(np.float32) + self.log_light[k][rows]
        )
        return log_intensity


def painted(appearance: Appearance, side: int, silhouettes: dict[str, Silhouette]) -> np.ndarray:
    """(B, 2, S, S) light and cover of objects, as `paint_sprites`, whatever they look like."""
    drawn = (appearance.radius, appearance.angle, appearance.brightness, appearance.grating, side)
    if appearance.outline is not None:
        return paint_outlines(appearance.outline, *drawn)
    if appearance.image is not None:
        return paint_digits(appearance.image, *drawn)
    return paint_sprites(appearance.label, *drawn, silhouettes)
