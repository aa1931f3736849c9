"""Tiers that ask whether there is an object at all: emptiness, one that leaves, and strangers.

Axes: B batch, K substeps of frames (substep 0 lies before the first frame). Lengths are pixels.
"""

from dataclasses import replace

import numpy as np

from neurosvt.scenes.compounds import compounds
from neurosvt.scenes.hiding import blackout, curtain
from neurosvt.scenes.outlines import drawn_outlines, random_outlines
from neurosvt.scenes.renderer import painted
from neurosvt.scenes.sampling import Appearance, SampledObjects, SceneConfig
from neurosvt.scenes.shapes import SILHOUETTES
from neurosvt.scenes.timeline import Clock, Timeline
from neurosvt.scenes.trajectories import fastest, reflect

FRAMES_TO_LEAVE = 48
"""Frames of 10 ms in which an object goes out across the edge, or comes in, at most."""

STEEPEST = 0.9
"""How far from straight out an object may leave, radians."""


def emptiness(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """Nothing is there: a third is noise, in a third the light goes, in a third a curtain comes.

    Light and curtain go as in `blackout` and `curtain`, and return. The tier draws no object.
    """
    batch = len(objects.label)
    kind = (rng.permutation(batch) + rng.integers(3)) % 3  # small batches have all kinds in turn
    fade = config.frames(2) * clock.substeps
    dark = blackout(objects, replace(clock, hide=clock.hidden - fade), rng, config)
    swept = curtain(objects, clock, rng, config)
    return replace(
        swept,
        position=np.zeros_like(swept.position) + config.sides / 2,
        light=np.where(kind == 1, dark.light, 1),
        bands=np.where((kind == 2)[:, None, None], swept.bands, swept.bands[:1]),
    )


def leaves(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """The object goes straight out across the sensor's edge, and later comes back there.

    Until then borders throw it back, as in other tiers. It is fast enough to be out within
    `FRAMES_TO_LEAVE`, and the last of its outline is out when the transition ends. While it is gone
    it waits beyond the edge, and comes back as if it had been thrown back there.
    """
    batch = len(objects.label)
    side, across = rng.integers(0, 2, (2, batch))
    reach = _behind(objects, side, across)
    slant = rng.uniform(-STEEPEST, STEEPEST, batch)
    low = objects.radius + 0.5
    room, beside = config.sides[across], config.sides[1 - across] - low
    along = low + rng.random(batch) * (beside - low)
    speed = rng.uniform(*config.speed, batch) * config.side
    speed *= config.frame_us * 1e-6 / clock.substeps
    least = (reach + low) / (clock.hidden - clock.hide) / np.cos(slant)
    speed = np.clip(speed, least, np.maximum(least, fastest(config) / clock.substeps))
    outwards = speed * np.cos(slant)
    substep = np.arange(clock.end + 1)[:, None]
    # Substeps from or to its being gone: both ways it is thrown back by the other borders alone.
    time = np.minimum(substep - clock.hidden, 0) + np.maximum(substep - clock.back, 0)
    depth = np.abs(time) * outwards - reach
    depth = np.where(depth < low, depth, reflect(depth, low, room - low))
    aside = reflect(along + speed * np.sin(slant) * time, low, beside)
    depth = np.where(side, room - depth, depth)
    position = np.stack([np.where(across, aside, depth), np.where(across, depth, aside)], -1)
    return Timeline(
        position,
        light=np.ones(depth.shape),
        normal=np.zeros((batch, 2)),
        bands=np.zeros((*depth.shape, 0, 2)),
        vanishes=clock.hidden - (reach + low) / outwards,
        returns=clock.back + (reach + low) / outwards,
    )


def _behind(objects: SampledObjects, side: np.ndarray, across: np.ndarray) -> np.ndarray:
    """(B,): how far the last of an object's outline is behind its middle, which leaves by the
    sensor's lower or upper end, `side` 0 or 1, of x or y, `across` 0 or 1; drawn between pixels."""
    half = int(np.ceil(objects.radius.max())) + 2
    covered = painted(objects, 2 * half, SILHOUETTES)[:, 1] > 0
    along = np.where(across[:, None], covered.any(2), covered.any(1))
    towards = np.where(side[:, None], along, along[:, ::-1])
    last: np.ndarray = half - towards.argmax(1)
    return last + 1.0  # a shift between pixels spreads it by one more


def stranger(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """As `curtain`, but what it hides is of none of the classes, nor like any.

    Each has a random outline that no other has; `SceneConfig.unfamiliar` says how many of a batch
    have one drawn by hand instead, which training never shows, and `compound` how many are fuller
    than an outline.
    """
    batch = len(objects.label)
    known, drawn = random_outlines(rng, batch), drawn_outlines(rng, batch)
    unfamiliar = _spread(batch, config.unfamiliar)
    shown: Appearance = replace(objects, outline=np.where(unfamiliar[:, None, None], drawn, known))
    timeline = curtain(objects, clock, rng, config)
    if config.compound:
        shown = compounds(rng, shown, _spread(batch, config.compound))
    return replace(timeline, shown=shown, unfamiliar=unfamiliar)


def _spread(batch: int, share: float) -> np.ndarray:
    """(B,) bool: this share of a batch, evenly over it."""
    chosen: np.ndarray = np.diff(np.floor(np.arange(batch + 1) * share)) > 0
    return chosen
