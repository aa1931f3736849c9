"""Made-up moving objects and occluders seen by an event camera, with the truth while hidden.

A sequence is one object that is in view, is hidden as its tier hides (`neurosvt.scenes.tiers`),
stays hidden, and is seen again:

    frames  0 .. before-1       nothing, `before` frames, none unless asked for
            .. + seen-1         in view
            .. first-1          the tier's transition: something hides it
            first .. last       nothing of it can be seen, exactly `hidden` frames
            .. T-1              `after` frames, which begin with its coming back

In some tiers it leaves instead, or is none of the classes, or there is no object at all: `presence`
says so.

Axes: T frames, B batch, 2 polarities (OFF, ON), H W sensor pixels.

Units: x runs right, y down; pixel i covers [i, i + 1), so a position of 0.5 is the sensor's middle.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from neurosvt.datasets.mnist import Digits
from neurosvt.presence import Presence
from neurosvt.scenes.sampling import (
    DEFAULT_CONFIG,
    SHAPE_CLASSES,
    SampledObjects,
    SceneConfig,
    sample_objects,
)
from neurosvt.scenes.sensor import add_hot_pixels, add_noise
from neurosvt.scenes.simulate import simulate
from neurosvt.scenes.tiers import TIERS, Tier
from neurosvt.scenes.timeline import Clock, Timeline

__all__ = [
    "RECOVERY",
    "SHAPE_CLASSES",
    "TIERS",
    "Occlusion",
    "SceneConfig",
    "Scenes",
    "make_scenes",
    "one_after_another",
    "split_seed",
]

RECOVERY = 3
"""Recovery is judged in the third frame after the object is back."""


@dataclass(frozen=True)
class Occlusion:
    """When one object of every sequence is hidden, and when something is asked about it."""

    seen: np.ndarray
    """(B,) index of the last frame in which the whole object is in view."""
    first: int
    """Index of the first hidden frame."""
    last: int
    """Index of the last hidden frame: where belief is judged."""
    recovered: np.ndarray
    """(B,) index of the frame at which recovery is judged; beyond the end, it is not."""


@dataclass(frozen=True)
class Scenes:
    """A batch of sequences and the truth about them."""

    frames: np.ndarray
    """(T, B, 2, H, W) bool; True where at least one event fell. Channel 0 is OFF, 1 is ON."""
    label: np.ndarray
    """(T, B) int64 class of the object that is in view or hidden; 0 where there is none."""
    position: np.ndarray
    """(T, B, 2) float32: x, y of its centre at each frame's end, in [0, 1]; also while hidden. Of
    what is gone or no object of the classes it means nothing."""
    presence: np.ndarray
    """(T, B) int8 of `Presence`: `HIDDEN` or `GONE` while no part of it can be seen. An object that
    still waits after frames of emptiness is `NOTHING` until it moves: nobody can know of it."""
    occluder: np.ndarray
    """(T, B, 7) float32 at each frame's end, for drawing: nx, ny, light, and two opaque bands, each
    from where to where along the normal: it covers from <= nx x + ny y < to (x, y in [0, 1]; none
    where `to` is not above `from`). Light is the level of illumination, 1 when on."""
    occlusions: tuple[Occlusion, ...]
    """In the order of time."""
    unfamiliar: np.ndarray | None = None
    """(B,) bool: which strangers are of a family that training never shows; None where there are no
    strangers."""
    extent: tuple[float, float] = (1.0, 1.0)
    """Width and height of the frames in sensor sides, which make lengths of positions."""

    @property
    def hidden(self) -> np.ndarray:
        """(T, B) bool: True while an object of the classes is there and no part can be seen."""
        hidden: np.ndarray = self.presence == Presence.HIDDEN
        return hidden

    @property
    def moved(self) -> np.ndarray:
        """(T, B) bool: True from the first frame in which the object has moved on, and always for
        one that never does. Before, it makes no event: the sensor sees nothing of it."""
        return _has_moved(self.position)


def _has_moved(position: np.ndarray) -> np.ndarray:
    moved = (position != position[:1]).any(-1)
    since: np.ndarray = np.logical_or.accumulate(moved, axis=0) | ~moved.any(0)
    return since


def one_after_another(parts: Sequence[Scenes], openings: Sequence[int]) -> Scenes:
    """Scenes of the same sequences, joined in time.

    Args:
        parts: at least one, each with one occlusion, of objects of the classes.
        openings: for each part how many frames the next needs until its object is in view; recovery
            from a part's occlusion is judged on the next part's object, so much later.
    """
    occlusions, begin = [], 0
    for part, opening in zip(parts, openings, strict=True):
        (o,) = part.occlusions
        recovered = o.recovered + begin + opening
        occlusions.append(Occlusion(o.seen + begin, o.first + begin, o.last + begin, recovered))
        begin += len(part.frames)
    arrays = [
        f.name for f in fields(Scenes) if f.name not in ("occlusions", "unfamiliar", "extent")
    ]
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays}
    return Scenes(**joined, occlusions=tuple(occlusions), extent=parts[0].extent)


def make_scenes(
    tier: str | Tier,
    seed: int | Sequence[int],
    batch: int,
    *,
    seen: int,
    hidden: int,
    after: int,
    before: int = 0,
    config: SceneConfig = DEFAULT_CONFIG,
    digits: Digits | None = None,
) -> Scenes:
    """Make a batch of sequences of one tier; the same arguments give the same bytes.

    Objects, backgrounds and sensor depend on the seed alone, not on the tier.

    Args:
        tier: a key of `TIERS`, or a tier that has no name.
        seed: non-negative; for training and judging take `split_seed`.
        batch: how many sequences, >= 1.
        seen: frames of the object in view before anything starts to hide it, >= 1.
        hidden: frames with nothing of it in view, >= 1, at most the tier's `longest`.
        after: frames from its coming back to the end, >= 0.
        before: frames of emptiness that come first, >= 0. The object stands still in them and has
            made no event yet, so that sensor noise is all there is to see.
        config: camera and objects.
        digits: objects in place of the eight shapes.

    Raises:
        UserError: a tier that is unknown.
        ValueError: a number out of range.
    """
    for name, value, least in (("batch", batch, 1), ("seen", seen, 1), ("hidden", hidden, 1)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    for name, value in (("after", after), ("before", before)):
        if value < 0:
            raise ValueError(f"{name} must not be below 0 frames, got {value}")
    tier = (TIERS[tier] if isinstance(tier, str) else tier).at(config)
    if tier.longest is not None and hidden > tier.longest:
        raise ValueError(f"hidden must be at most {tier.longest} here, got {hidden}")
    config = tier.camera(config)
    # Generators of their own, so that a tier's draws do not change the objects.
    sampling, hiding, sensing, noise = np.random.default_rng(seed).spawn(4)
    n = config.substeps
    first = seen + tier.transition(seen, hidden)
    back, total = first + hidden, first + hidden + after
    clock = Clock(
        hide=n * seen, hidden=n * first, back=n * back, end=n * total,
        substeps=n, substep_ms=config.frame_us / n / 1000,
    )  # fmt: skip
    objects = sample_objects(sampling, batch, config, digits)
    objects = replace(objects, radius=tier.scale * objects.radius)
    timeline = tier.timeline(objects, clock, hiding, config)
    frames = _frames(objects, timeline, before, before + total, config, sensing, noise)
    vanishes = np.full(batch, clock.hide) if timeline.vanishes is None else timeline.vanishes
    returns = np.full(batch, clock.back) if timeline.returns is None else timeline.returns
    # What is true at the end of every frame; the frames before are as the first substep.
    at = np.concatenate([np.zeros(before, int), np.arange(n, clock.end + 1, n)])
    position = config.fitting.share(timeline.position[at]).astype(np.float32)
    presence = np.full(frames.shape[:2], tier.in_view, np.int8)
    presence[before + first : before + back] = tier.out_of_view
    if before:
        presence[~_has_moved(position)] = Presence.NOTHING
    label = objects.label if tier.of_classes else np.zeros_like(objects.label)
    return Scenes(
        frames=frames,
        label=np.broadcast_to(label, presence.shape).copy(),
        position=position,
        presence=presence,
        occluder=_occluder(timeline, config)[at],
        occlusions=(
            Occlusion(
                seen=before + np.maximum(vanishes // n - 1, 0).astype(np.int64),
                first=before + first,
                last=before + back - 1,
                recovered=before + (np.ceil(returns / n) + RECOVERY - 1).astype(np.int64),
            ),
        ),
        unfamiliar=timeline.unfamiliar,
        extent=config.extent,
    )


def _frames(
    objects: SampledObjects,
    timeline: Timeline,
    before: int,
    total: int,
    config: SceneConfig,
    sensing: np.random.Generator,
    noise: np.random.Generator,
) -> np.ndarray:
    """`Scenes.frames`."""
    batch, (width, height) = len(objects.label), config.sensor
    # The canvas is a square; a sensor that is none looks at its upper left part.
    whole = np.zeros((total, batch, 2, max(width, height), max(width, height)), bool)
    simulate(objects, timeline, whole[before:], sensing, config)
    frames = np.ascontiguousarray(whole[..., :height, :width])
    add_noise(frames, config.noise_hz, config.frame_us, noise)
    add_hot_pixels(frames, config.hot_pixels, noise)
    return frames if config.shown is None else config.fitting.frames(frames)


def _occluder(timeline: Timeline, config: SceneConfig) -> np.ndarray:
    """`Scenes.occluder` at every substep."""
    steps, batch = timeline.light.shape
    bands = np.zeros((steps, batch, 2, 2))
    fitting = config.fitting
    begin = (timeline.normal * fitting.margin).sum(-1)[:, None, None] * fitting.factor
    far = 2 * max(config.sensor) / config.side
    bands[:, :, : timeline.bands.shape[2]] = np.clip(
        (timeline.bands + begin) / config.side, -far, far
    )
    # Told of x and y in [0, 1] each: along a normal in pixels the longer side counts for more.
    normal = timeline.normal * fitting.onto * (fitting.factor / config.side)
    normal = np.broadcast_to(normal, timeline.position.shape)
    parts = [normal, timeline.light[..., None], bands.reshape(steps, batch, 4)]
    return np.concatenate(parts, -1).astype(np.float32)


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
