"""What hides an object and carries it off: it is where its container is.

A container rests for a moment when it has closed, moves on, and rests again until it opens. It goes
at least `LEAST_WAY` where the hidden frames are enough for that. So from 30 hidden frames on, the
place where the object was last seen is wrong in 98 of 100 sequences or more.

Axes: B batch, K substeps of frames (substep 0 lies before the first frame). Lengths are pixels.
"""

from dataclasses import replace

import numpy as np

from neurosvt.scenes.occluders import RIM, Sweep
from neurosvt.scenes.outlines import CUP, CUP_REACH
from neurosvt.scenes.sampling import SampledObjects, SceneConfig, sample_distractor
from neurosvt.scenes.timeline import Clock, Timeline
from neurosvt.scenes.trajectories import bounce, fastest

LEAST_WAY = 0.25
"""Sensor sides that a container goes at least: twice as far as a right answer may be off."""

LEAST_CONTRAST = 0.5
"""Log intensity of jaws that carry against the background's mean, at least: a curtain that has less
hides as well, but its edges make too few events to be followed."""

HASTE = 1.5
"""Highest speed against the mean, of what speeds up and slows down by 3 s^2 - 2 s^3."""

CUP_LEAVES = 8
"""Frames of 10 ms in which a cup sets its object free, at most."""


def carried(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """As `gripper`, but the closed jaws move on with the object inside, and rest again.

    They move across themselves, and stand out from the background, so that their way can be seen.
    From 30 hidden frames on, all go further than 1/8 of the sensor.
    """
    sweep = Sweep.draw(objects, clock, rng, config)
    substep = np.arange(clock.end + 1)[:, None]
    before = substep <= clock.hidden - sweep.length
    closed = bounce(objects, before, config)[clock.hidden]
    way = _way(objects, closed, clock, rng, config)
    sweep = sweep.facing(way[-1] / np.linalg.norm(way[-1], axis=-1, keepdims=True), config)
    bands, gap = sweep.jaws(((closed + way) * sweep.normal).sum(-1), clock)
    free = (substep > clock.back) & (gap > sweep.reach)
    position = _released(objects, before, way, closed, free, config)
    level, *stripes = objects.curtain.T
    visible = np.sign(level) * (LEAST_CONTRAST + (1 - LEAST_CONTRAST) * np.abs(level))
    return Timeline(
        position,
        np.ones(gap.shape),
        sweep.normal,
        bands,
        curtain=np.stack([visible, *stripes], -1),
    )


def contained(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """A cup comes over the object, is slid to another place with it, and is lifted off there.

    The object rests from the cup's coming into view until it is free again. Its whole circle is
    covered when the transition ends, and what does not fill it a few frames earlier. From 30 hidden
    frames on, all go further than 1/8 of the sensor.
    """
    batch, n = len(objects.label), clock.substeps
    substep = np.arange(clock.end + 1)[:, None]
    transition = clock.hidden - clock.hide
    length = rng.integers((transition + 1) // 2, transition + 1, batch)
    freed_in = rng.uniform(CUP_LEAVES / 2, CUP_LEAVES, batch) * n * 10_000 / config.frame_us
    before = substep <= clock.hidden - length
    covered = bounce(objects, before, config)[clock.hidden]
    way = _way(objects, covered, clock, rng, config)
    body = objects.radius + RIM
    cup = replace(
        sample_distractor(rng, batch, config),
        radius=CUP_REACH * body,
        outline=np.broadcast_to(CUP, (batch, *CUP.shape)),
    )
    turn = rng.uniform(0, 2 * np.pi, (2, batch))
    come, leave = np.stack([np.cos(turn), np.sin(turn)], -1)
    outside = _to_outside(covered, come, cup.radius, config)
    far = np.clip(outside / length * (clock.hidden - substep), 0, outside)
    outside = _to_outside(covered + way[-1], leave, cup.radius, config)
    off = np.clip(2 * body / freed_in * (substep - clock.back), 0, outside)
    free = (substep > clock.back) & (off > objects.radius + cup.radius)
    return Timeline(
        position=_released(objects, before, way, covered, free, config),
        light=np.ones(far.shape),
        normal=np.zeros((batch, 2)),
        bands=np.zeros((*far.shape, 0, 2)),
        distractors=((cup, covered + way + far[..., None] * come + off[..., None] * leave),),
        returns=clock.back + freed_in,
    )


def _way(
    objects: SampledObjects,
    at: np.ndarray,
    clock: Clock,
    rng: np.random.Generator,
    config: SceneConfig,
    tries: int = 64,
) -> np.ndarray:
    """(K, B, 2): how far containers have come that close around objects which stand at (B, 2).

    Each goes straight to the first of `tries` random places that is far enough, or to the farthest;
    where the hidden frames are too few for the fastest to come there, only part of the way.
    """
    batch, hidden = len(objects.label), clock.back - clock.hidden
    low = objects.radius[:, None] + 0.5
    places = low + rng.random((tries, batch, 2)) * (config.sides - 2 * low) - at
    length = np.linalg.norm(places, axis=-1)
    enough = length >= LEAST_WAY * config.side
    which = np.where(enough.any(0), enough.argmax(0), length.argmax(0)), np.arange(batch)
    pause = rng.integers(config.frames(3), config.frames(8) + 1, batch) * clock.substeps
    pause = np.minimum(pause, hidden // 4)
    available = hidden - 2 * pause
    most = fastest(config) / clock.substeps / HASTE
    share = np.minimum(1, most * available / length[which])
    length = share * length[which]
    speed = rng.uniform(*config.speed, batch) * config.side
    speed *= config.frame_us * 1e-6 / clock.substeps
    lasts = length / np.clip(speed, length / available, most)
    done = np.clip((np.arange(clock.end + 1)[:, None] - clock.hidden - pause) / lasts, 0, 1)
    done = done**2 * (3 - 2 * done)
    way: np.ndarray = done[..., None] * (share[:, None] * places[which])
    return way


def _released(
    objects: SampledObjects,
    before: np.ndarray,
    way: np.ndarray,
    closed: np.ndarray,
    free: np.ndarray,
    config: SceneConfig,
) -> np.ndarray:
    """(K, B, 2): objects that move before, then go with their container, then move once free."""
    path = bounce(objects, np.broadcast_to(before, free.shape), config)
    after = bounce(replace(objects, start=closed + way[-1]), free, config)
    return np.where(free[..., None], after, path + way)


def _to_outside(
    at: np.ndarray, heading: np.ndarray, radius: np.ndarray, config: SceneConfig
) -> np.ndarray:
    """(B,): how far from (B, 2) along a heading a circle is wholly out of the sensor."""
    border = (np.sign(heading) + 1) / 2 * config.sides + np.sign(heading) * (radius[:, None] + 2)
    gone: np.ndarray = ((border - at) / heading).min(-1)
    return gone
