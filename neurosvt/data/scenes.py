"""Made-up moving objects and occluders seen by an event camera, with the truth while hidden.

Every sequence is one object that moves in view, is hidden by its tier's occluder, stays hidden, and
is seen again:

    frames  0 .. seen-1         moving, bouncing off the sensor's borders, wholly inside
            .. first_hidden-1   the tier's transition (`TRANSITION` frames): something hides it
            first_hidden .. last_hidden    nothing of it can be seen, exactly `hidden` frames
            .. T-1              `after` frames, which begin with its coming back

Axes: T frames, B batch, 2 polarities (OFF, ON), H W sensor pixels, K moments (substeps of frames;
moment 0 lies before the first frame), Y X canvas pixels (the sensor and a border around it).

Units: x runs right, y down; pixel i covers [i, i + 1), so a place of 0.5 is the sensor's middle.
Inside this file lengths are pixels; in `Scenes` they are sensor sides.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from neurosvt.data.sensor import add_noise
from neurosvt.data.stage import CLASSES, DEFAULT, Cast, SceneConfig, Script, draw_cast, perform

__all__ = ["CLASSES", "TIERS", "TRANSITION", "SceneConfig", "Scenes", "make_scenes", "split_seed"]

TRANSITION: dict[str, int] = {"blackout": 2, "curtain": 16}
"""Frames in which a tier hides its object."""


@dataclass(frozen=True)
class Scenes:
    """A batch of sequences and the truth about them."""

    frames: np.ndarray
    """(T, B, 2, H, W) bool; True where at least one event fell. Channel 0 is OFF, 1 is ON."""
    label: np.ndarray
    """(B,) int64 class of the object."""
    place: np.ndarray
    """(T, B, 2) float32: x, y of its centre at each frame's end, in [0, 1]; also while hidden."""
    hidden: np.ndarray
    """(T, B) bool: True while no part of it can be seen."""
    occluder: np.ndarray
    """(T, B, 4) float32 at each frame's end, for drawing: nx, ny, offset, light. The curtain covers
    the points with nx x + ny y < offset (x, y in [0, 1]; no curtain: all zero); light is the level
    of illumination, 1 when on."""
    first_hidden: int
    """Index of the first hidden frame, the same for the batch."""
    last_hidden: int
    """Index of the last hidden frame: where belief is judged."""


@dataclass(frozen=True)
class Clock:
    """The moments at which the acts begin; the first act begins at 0."""

    hide: int
    hidden: int
    back: int
    end: int
    substeps: int
    substep_ms: float


def make_scenes(
    tier: str,
    seed: int | Sequence[int],
    batch: int,
    *,
    seen: int,
    hidden: int,
    after: int,
    config: SceneConfig = DEFAULT,
) -> Scenes:
    """Make a batch of sequences of one tier; the same arguments give the same bytes.

    Objects, backgrounds, sensor and starting motion depend on the seed alone, not on the tier.

    Args:
        tier: a key of `TIERS`.
        seed: non-negative; for training and judging take `split_seed`.
        batch: how many sequences, >= 1.
        seen: frames of the object in view before anything starts to hide it, >= 1.
        hidden: frames with nothing of it in view, >= 1.
        after: frames from its coming back to the end, >= 0.
        config: camera and objects.

    Raises:
        ValueError: a tier that is unknown, or a number out of range.
    """
    if tier not in TIERS:
        raise ValueError(f"tier {tier!r} is unknown; choose from {sorted(TIERS)}")
    for name, value, least in (("batch", batch, 1), ("seen", seen, 1), ("hidden", hidden, 1)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    if after < 0:
        raise ValueError(f"after must not be below 0 frames, got {after}")
    # Streams of their own, so that a tier's draws do not change the objects.
    casting, acting, sensing, noise = np.random.default_rng(seed).spawn(4)
    n = config.substeps
    first = seen + TRANSITION[tier]
    acts = (seen, first, first + hidden, first + hidden + after)
    hide, gone, back, end = (n * act for act in acts)
    clock = Clock(hide, gone, back, end, substeps=n, substep_ms=config.frame_us / n / 1000)
    cast = draw_cast(casting, batch, config)
    script = TIERS[tier](cast, clock, acting, config)
    frames = np.zeros((acts[-1], batch, 2, config.size, config.size), bool)
    perform(cast, script, frames, sensing, config)
    add_noise(frames, config.noise_hz, config.frame_us, noise)
    ends = slice(n, None, n)
    curtain = np.broadcast_to(script.normal, script.position.shape)
    occluder = [curtain, script.edge[..., None] / config.size, script.light[..., None]]
    is_hidden = np.zeros((acts[-1], batch), bool)
    is_hidden[first : first + hidden] = True
    return Scenes(
        frames=frames,
        label=cast.label,
        place=(script.position[ends] / config.size).astype(np.float32),
        hidden=is_hidden,
        occluder=np.concatenate(occluder, axis=-1)[ends].astype(np.float32),
        first_hidden=first,
        last_hidden=first + hidden - 1,
    )


def split_seed(split: str, seed: int, index: int) -> list[int]:
    """The seed of one batch of a split ("train", "validation", "test"); splits never share one.

    Args:
        split: its name.
        seed: any non-negative integer: which run of the experiment.
        index: which batch of it, in [0, 2**32).

    Raises:
        ValueError: a seed or index out of range.
    """
    if seed < 0 or not 0 <= index < 2**32:
        raise ValueError(f"seed must be >= 0 and index in [0, 2**32), got {seed} and {index}")
    # The seed, which may need several words, comes last: numpy joins the words of all three.
    return [zlib.crc32(split.encode()), index, seed]


def blackout(cast: Cast, clock: Clock, rng: np.random.Generator, config: SceneConfig) -> Script:
    """The light goes off, and on again; the object rests from the fall's start to the rise's end.

    The light falls exponentially, with a time constant of 1.5 to 4 ms, to 2 to 5 % of its level,
    and lies exactly there when the transition ends: darkness alone makes no event.
    """
    batch = len(cast.label)
    moment = np.arange(clock.end + 1)[:, None]
    tau = rng.uniform(1.5, 4, batch) / clock.substep_ms
    floor = rng.uniform(0.02, 0.05, batch)
    burst = clock.hidden - clock.hide
    falling = floor + (1 - floor) * np.exp(np.minimum(clock.hide - moment, 0) / tau)
    rising = 1 - (1 - floor) * np.exp(np.minimum(clock.back - moment, 0) / tau)
    light = np.where(moment < clock.hidden, falling, np.where(moment <= clock.back, floor, rising))
    light[clock.back + burst :] = 1
    moves = (moment <= clock.hide) | (moment > clock.back + burst)
    return Script(
        position=travel(cast, np.broadcast_to(moves, light.shape), config),
        light=light,
        normal=np.zeros((batch, 2)),
        edge=np.zeros(light.shape),
    )


def curtain(cast: Cast, clock: Clock, rng: np.random.Generator, config: SceneConfig) -> Script:
    """An opaque half-plane sweeps in from a random side, covers the object, and goes back.

    The object rests from the moment at which the edge enters the sensor until it is wholly free
    again. The edge covers it exactly when the transition ends, and stops a little or much further
    on. Covered means: the whole circle around it is, so that the edge's timing tells nothing of
    the class (an object that does not fill its circle is out of sight up to a frame earlier). Where
    the edge stops does bound the object's place from one side, as any curtain does.
    """
    batch, n = len(cast.label), clock.substeps
    moment = np.arange(clock.end + 1)[:, None]
    transition = clock.hidden - clock.hide
    sweep = rng.integers((transition + 1) // 2, transition + 1, batch)
    turn = rng.uniform(0, 2 * np.pi, batch)
    stop_at = rng.random(batch)
    back_in = rng.uniform(2, 4, batch) * n  # moments in which it uncovers the object
    normal = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    near = np.minimum(normal, 0).sum(-1) * config.size  # the sensor's first and last corner
    far = np.maximum(normal, 0).sum(-1) * config.size

    before = travel(cast, moment <= clock.hidden - sweep, config)
    reach = cast.radius + 2.5  # the ramps of outline and edge, and the spread of subpixel shifts
    centre = (before[clock.hidden] * normal).sum(-1)
    cover = centre + reach
    forth = cover + (cover - near) / sweep * (moment - clock.hidden)
    back = cover - 2 * reach / back_in * (moment - clock.back)
    stop = cover + 3 + stop_at * np.maximum(far - cover, 0)
    edge = np.clip(np.minimum(forth, back), near - 1, stop)
    moves = (moment <= clock.hidden - sweep) | ((moment > clock.back) & (edge < centre - reach))
    return Script(
        position=travel(cast, moves, config),
        light=np.ones(edge.shape),
        normal=normal,
        edge=edge,
    )


Tier = Callable[[Cast, Clock, np.random.Generator, SceneConfig], Script]
TIERS: dict[str, Tier] = {"blackout": blackout, "curtain": curtain}


def travel(cast: Cast, moves: np.ndarray, config: SceneConfig) -> np.ndarray:
    """Centres (K, B, 2), pixels, of objects that bounce off the borders; `moves` (K, B): when."""
    time = np.cumsum(moves, axis=0)
    time = np.broadcast_to(time - time[:1], moves.shape)[..., None]
    low = cast.radius[:, None] + 0.5
    room = config.size - 2 * low
    unfolded = np.mod(cast.start - low + cast.velocity * time, 2 * room)
    return low + room - np.abs(unfolded - room)
