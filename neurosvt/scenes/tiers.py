"""What hides the object of a made-up scene: each tier of PermanenceBench as a script.

Axes: B batch, K moments (substeps of frames; moment 0 lies before the first frame), P bands.
Lengths are pixels, x runs right, y down; a pixel i covers [i, i + 1).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from neurosvt.scenes.renderer import UNBOUNDED, Timeline
from neurosvt.scenes.sampling import SampledObjects, SceneConfig, sample_distractor
from neurosvt.scenes.trajectories import Trajectory, bounce, fastest, turned, wander

RIM = 2.5
"""Pixels around an object's circle that have to be covered too: the ramps of outline and edge, and
the spread of subpixel shifts."""

SMALL = 0.58
"""Size of the objects that pass through a tunnel against others': the sensor has to hold the way
in, the way through and the way out."""

TUNNEL_ROOM = 0.31
"""Least way in view and hidden, without the ways in and out, sensor sides."""


@dataclass(frozen=True)
class Clock:
    """The moments at which the acts begin; the first act begins at 0."""

    hide: int
    hidden: int
    back: int
    end: int
    substeps: int
    substep_ms: float


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

    The object rests from the moment at which the edge enters the sensor until it is wholly free
    again. The edge covers it exactly when the transition ends, and stops a little or much further
    on. Covered means: the whole circle around it is, so that the edge's timing tells nothing of
    the class (an object that does not fill its circle is out of sight up to a frame earlier). Where
    the edge stops does bound the object's place from one side, as any curtain does.
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
    """As `curtain`, but the object moves straight on, and the edge stops beyond its way."""
    sweep = Sweep.draw(objects, clock, rng, config)
    trajectory = Trajectory.draw(objects, rng, config, least=0.45 * config.size)
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
    # How far either jaw is from the middle, where they come to overlap by two pixels.
    room = np.maximum(centre - sweep.near, sweep.far - centre) + 1
    forth = (room + 1) * (clock.hidden - substep) / sweep.length - 1
    back = (sweep.reach + 1) / sweep.back_in * (substep - clock.back) - 1
    gap = np.clip(np.maximum(forth, back), -1, room)
    thick = sweep.reach + 2
    jaws = [
        np.stack([centre - gap - thick, centre - gap], -1),
        np.stack([centre + gap, centre + gap + thick], -1),
    ]
    free = (substep > clock.back) & (gap > sweep.reach)
    position = bounce(objects, (substep <= shut) | free, config)
    return Timeline(position, np.ones(gap.shape), sweep.normal, np.stack(jaws, -2))


def tunnel(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """A wall stands in its way: the object passes behind it and comes out on the other side.

    The wall cannot be seen but by what it hides. It is as wide as it has to be for the object to be
    wholly behind it in the hidden frames and in no others. The object rests until `seen` frames
    before it comes to the wall, and again where its way ends, at least half out.
    """
    batch, n = len(objects.label), clock.substeps
    reach = objects.radius + RIM
    tilt = rng.uniform(-0.35, 0.35, batch)
    enter = 2 * reach / np.cos(tilt)
    trajectory = Trajectory.draw(
        objects, rng, config, least=1.5 * enter + TUNNEL_ROOM * config.size
    )
    room = trajectory.length - 1.5 * enter
    frames = (clock.back - clock.hidden + clock.hide) / n
    speed = np.minimum(room * rng.uniform(0.85, 1, batch) / frames, fastest(config))
    start = (room - speed * frames) * rng.random(batch)
    entering = enter / speed * n  # moments
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


def distractor(
    objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
) -> Timeline:
    """As `curtain`, while one or two other things pass in front of all, out of view and in again.

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


@dataclass(frozen=True)
class Tier:
    """How a tier is played."""

    act: Callable[[SampledObjects, Clock, np.random.Generator, SceneConfig], Timeline]
    frames_to_hide: int = 16
    """Of 10 ms, as `longest`."""
    per_hidden: float = 0.0
    """Further frames to hide for every frame in view or hidden: the slower, the longer."""
    longest: int | None = None
    """Most hidden frames; an object that moves for longer would be too slow to be seen."""
    scale: float = 1.0
    """Size of its objects against others'."""
    noise: float = 1.0
    """Noise events against other tiers'."""
    hot_pixels: int = 0
    """In every sensor, if it has noise at all."""

    def at(self, config: SceneConfig) -> "Tier":
        """The same in frames of the camera's length: what hides takes as long."""
        longest = None if self.longest is None else config.frames(self.longest)
        return replace(self, frames_to_hide=config.frames(self.frames_to_hide), longest=longest)

    def transition(self, seen: int, hidden: int) -> int:
        """Frames from when the object may begin to vanish to when it has."""
        return self.frames_to_hide + math.ceil(self.per_hidden * (seen + hidden))

    def returning(self, seen: int, hidden: int) -> int:
        """Frames from when it begins to come back to when enough of it is there, at most."""
        return math.ceil(self.per_hidden * (seen + hidden) / 3)

    def camera(self, config: SceneConfig) -> SceneConfig:
        """The camera of this tier."""
        hot = self.hot_pixels if config.noise_hz else config.hot_pixels
        return replace(config, noise_hz=self.noise * config.noise_hz, hot_pixels=hot)


@dataclass(frozen=True)
class Sweep:
    """How an edge comes over the object and leaves it, along `normal`."""

    normal: np.ndarray  # (B, 2)
    near: np.ndarray  # (B,) the sensor's first corner along it
    far: np.ndarray  # (B,) and its last
    reach: np.ndarray  # (B,) from the object's centre to where it is wholly covered
    length: np.ndarray  # (B,) moments from the edge's coming to the object's being hidden
    back_in: np.ndarray  # (B,) moments in which it uncovers the object
    stop_at: np.ndarray  # (B,) share of the rest of the sensor that it covers as well

    @classmethod
    def draw(
        cls, objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
    ) -> "Sweep":
        batch = len(objects.label)
        transition = clock.hidden - clock.hide
        length = rng.integers((transition + 1) // 2, transition + 1, batch)
        turn = rng.uniform(0, 2 * np.pi, batch)
        stop_at = rng.random(batch)
        back_in = rng.uniform(2, 4, batch) * clock.substeps * 10_000 / config.frame_us
        normal = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
        near = np.minimum(normal, 0).sum(-1) * config.size
        far = np.maximum(normal, 0).sum(-1) * config.size
        return cls(normal, near, far, objects.radius + RIM, length, back_in, stop_at)

    def edge(
        self, cover: np.ndarray, uncover: np.ndarray, clock: Clock, furthest: np.ndarray
    ) -> np.ndarray:
        """(K, B): at `cover` when the transition ends, then at least 3 pixels beyond `furthest`,
        and at `uncover` when it comes back."""
        substep = np.arange(clock.end + 1)[:, None]
        forth = cover + (cover - self.near) / self.length * (substep - clock.hidden)
        back = uncover - 2 * self.reach / self.back_in * (substep - clock.back)
        stop = furthest + 3 + self.stop_at * np.maximum(self.far - furthest, 0)
        return np.clip(np.minimum(forth, back), self.near - 1, stop)

    def timeline(self, position: np.ndarray, edge: np.ndarray) -> Timeline:
        """The script of a half-plane with this edge."""
        band = np.stack([np.full(edge.shape, -UNBOUNDED), edge], -1)[:, :, None]
        return Timeline(position, np.ones(edge.shape), self.normal, band)


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


TIERS: dict[str, Tier] = {
    "blackout": Tier(blackout, frames_to_hide=2),
    "curtain": Tier(curtain),
    "curtain_moving": Tier(curtain_moving, longest=120),
    "gripper": Tier(gripper),
    "tunnel": Tier(tunnel, frames_to_hide=12, per_hidden=1.4, longest=120, scale=SMALL),
    "distractor": Tier(distractor, noise=10.0, hot_pixels=4),
}
