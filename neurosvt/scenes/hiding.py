"""What hides an object that is of the classes, as timelines: the first tiers of PermanenceBench.

Axes: B batch, K substeps of frames (substep 0 lies before the first frame), P bands.
Lengths are pixels, x runs right, y down; a pixel i covers [i, i + 1).
"""

from dataclasses import replace

import numpy as np

from neurosvt.scenes.occluders import RIM, Sweep, dimmed, ends_along
from neurosvt.scenes.sampling import SampledObjects, SceneConfig, sample_distractor
from neurosvt.scenes.timeline import Clock, Timeline
from neurosvt.scenes.trajectories import Trajectory, bounce, fastest, turned, wander

TUNNEL_ROOM = 0.31
"""Least way in view and hidden, without the ways in and out, sensor sides."""


def blackout(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """The light goes off, and on again; the object rests from the fall's start to the rise's end.

    The light falls exponentially, with a time constant of 1.5 to 4 ms, to 2 to 5 % of its level,
    and lies exactly there when the transition ends: darkness alone makes no event.
    """
    light = dimmed(clock, len(objects.label), rng)
    burst = clock.hidden - clock.hide
    substep = np.arange(clock.end + 1)[:, None]
    moves = (substep <= clock.hide) | (substep > clock.back + burst)
    return Timeline(
        position=bounce(objects, np.broadcast_to(moves, light.shape), config),
        light=light,
        normal=np.zeros((len(objects.label), 2)),
        bands=np.zeros((*light.shape, 0, 2)),
    )


def curtain(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """An opaque half-plane sweeps in from a random side, covers the object, and goes back.

    The object rests from the substep at which the edge enters the sensor until it is wholly free
    again. The edge covers it exactly when the transition ends, and stops a little or much further
    on. Covered means: the whole circle around it is, so that the edge's timing tells nothing of
    the class (an object that does not fill its circle is out of sight up to a frame earlier). Where
    the edge stops does bound the object's position from one side, as any curtain does.
    """
    sweep = Sweep.draw(objects, clock, rng, config)
    substep = np.arange(clock.end + 1)[:, None]
    before = bounce(objects, substep <= clock.hidden - sweep.length, config)
    centre = (before[clock.hidden] * sweep.normal).sum(-1)
    cover = centre + sweep.reach
    edge = sweep.edge(cover, cover, clock, furthest=cover)
    free = (substep > clock.back) & (edge < centre - sweep.reach)
    moves = (substep <= clock.hidden - sweep.length) | free
    return sweep.timeline(bounce(objects, moves, config), edge)


def curtain_moving(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """As `curtain`, but the object moves straight on, and the edge stops beyond its path."""
    sweep = Sweep.draw(objects, clock, rng, config)
    trajectory = Trajectory.draw(objects, rng, config, least=0.45 * config.side)
    batch, frames = len(objects.label), clock.back / clock.substeps
    speed = np.minimum(trajectory.length * rng.uniform(0.7, 1, batch) / frames, fastest(config))
    start = (trajectory.length - speed * frames) * rng.random(batch)
    substep = np.arange(clock.end + 1)[:, None]
    position = trajectory.at(
        np.minimum(start + speed * substep / clock.substeps, trajectory.length)
    )
    along = (position[clock.hidden : clock.back + 1] * sweep.normal).sum(-1) + sweep.reach
    edge = sweep.edge(along[0], along[-1], clock, furthest=along.max(0))
    return sweep.timeline(position, edge)


def gripper(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """Two jaws, each as thick as what they hide, close around the object from both sides."""
    sweep = Sweep.draw(objects, clock, rng, config)
    substep = np.arange(clock.end + 1)[:, None]
    shut = clock.hidden - sweep.length
    position = bounce(objects, substep <= shut, config)
    centre = (position[clock.hidden] * sweep.normal).sum(-1)
    bands, gap = sweep.jaws(centre, clock)
    free = (substep > clock.back) & (gap > sweep.reach)
    position = bounce(objects, (substep <= shut) | free, config)
    return Timeline(position, np.ones(gap.shape), sweep.normal, bands)


def tunnel(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """A wall stands on its path: the object passes behind it and comes out on the other side.

    The wall cannot be seen but by what it hides. It is as wide as it has to be for the object to be
    wholly behind it in the hidden frames and in no others. The object rests until `seen` frames
    before it comes to the wall, and again where its path ends, at least half out.
    """
    batch, n = len(objects.label), clock.substeps
    reach = objects.radius + RIM
    tilt = rng.uniform(-0.35, 0.35, batch)
    enter = 2 * reach / np.cos(tilt)
    trajectory = Trajectory.draw(
        objects, rng, config, least=1.5 * enter + TUNNEL_ROOM * config.side
    )
    room = trajectory.length - 1.5 * enter
    frames = (clock.back - clock.hidden + clock.hide) / n
    speed = np.minimum(room * rng.uniform(0.85, 1, batch) / frames, fastest(config))
    start = (room - speed * frames) * rng.random(batch)
    entering = enter / speed * n  # substeps
    substep = np.arange(clock.end + 1)[:, None]
    gone = np.clip(substep - (clock.hidden - entering - clock.hide), 0, None) / n * speed
    position = trajectory.at(np.minimum(start + gone, trajectory.length))
    normal = turned(trajectory.heading, tilt)
    low = (position[clock.hidden] * normal).sum(-1) - reach
    high = (position[clock.back] * normal).sum(-1) + reach
    wall = np.stack([low, high], -1)[None, :, None]
    return Timeline(
        position,
        light=np.ones((len(substep), batch)),
        normal=normal,
        bands=np.broadcast_to(wall, (len(substep), batch, 1, 2)),
        vanishes=clock.hidden - entering,
        returns=clock.back + entering / 3,
    )


def screen(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """As `tunnel`, but what it passes behind can be seen to come: it is pushed in from ahead of the
    object, comes to rest before it, and stays."""
    timeline = tunnel(objects, clock, rng, config)
    assert timeline.vanishes is not None
    batch, moves = len(objects.label), timeline.vanishes - clock.hide
    there = timeline.vanishes - rng.uniform(0, 0.6, batch) * clock.hide
    took = rng.uniform(config.frames(8), config.frames(40), batch) * clock.substeps
    begins = np.maximum(there - took, moves)  # before, there is nothing to pass behind it
    _, far = ends_along(timeline.normal, config)
    way = far - timeline.bands[0, :, 0, 0] + 1
    substep = np.arange(clock.end + 1)[:, None]
    left = way * np.clip((there - substep) / (there - begins), 0, 1)
    return replace(timeline, bands=timeline.bands + left[..., None, None])


def distractor(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """As `curtain`, while one or two distractors pass in front of all, out of view and in again.

    They come from outside the sensor, the first when the curtain does, the second later or never.
    """
    timeline = curtain(objects, clock, rng, config)
    batch = len(objects.label)
    late = np.where(rng.random(batch) < 0.5, clock.end, clock.hidden)
    appearances = []
    for begins in (np.full(batch, clock.hide), late):
        appearance = sample_distractor(rng, batch, config)
        wait = rng.integers(0, config.frames(20) * clock.substeps, batch)
        appearances.append(
            (appearance, wander(appearance, begins + wait, len(timeline.light), rng, config))
        )
    return replace(timeline, distractors=tuple(appearances))
