"""Scenes of recordings that ask whether there is an object of the classes at all.

Strangers are what an index calls none of its classes, and objects of the classes torn beyond
recognition: such outliers teach to refuse what no recording shows (Hendrycks et al., "Deep anomaly
detection with outlier exposure", ICLR 2019, sec. 3).

Axes: T frames, B batch, E events, 2 polarities (OFF, ON), H W sensor pixels.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from neurosvt.datasets.tracks import Track
from neurosvt.events.augment import Augmentation
from neurosvt.presence import Presence
from neurosvt.scenes.occluded_tracks import (
    CUT_IN,
    SHUTTER_CLOSING,
    Stretch,
    draw_starts,
    make_scenes_tracks,
    stretch_of,
    track_scene_frames,
)
from neurosvt.scenes.sampling import DEFAULT_CONFIG, SceneConfig
from neurosvt.scenes.scenes import Occlusion, Scenes
from neurosvt.scenes.sensor import add_noise
from neurosvt.sides import Sides

PRESENCE_CUT_IN = ("empty", "leaves", "stranger")
"""Tiers of presence that recordings have too."""

PIECES = (0.09, 0.2)
"""Smallest and largest side of what an object is torn into, sensor sides."""

REACH = 0.17
"""How far a piece is moved, at most, sensor sides along either axis."""

WARPED = (1.8, 2.8)
"""How many times as long as wide, or the other way round, a warped object becomes."""


def make_scenes_presence(
    tier: str,
    tracks: Sequence[Track],
    others: Sequence[Track],
    seed: int | Sequence[int],
    batch: int,
    *,
    seen: int,
    hidden: int,
    after: int,
    starts: Sequence[tuple[int, int]] | None = None,
    augmentation: Augmentation | None = None,
    moves: float = 0.0,
    config: SceneConfig = DEFAULT_CONFIG,
) -> Scenes:
    """Make a batch of one of `PRESENCE_CUT_IN`.

    - "empty": noise alone, over which a shutter, jaws or darkness come
    - "leaves": within as long as a shutter takes, the object moves out across the sensor's edge
    - "stranger": behind a shutter; of `others` in every other sequence, and else torn

    Args:
        tier: which.
        tracks: of the classes.
        others: of none of them; without any, all strangers are torn.
        seed, batch, seen, hidden, after: as of `make_scenes_tracks`.
        starts: as there, of `tracks` and `others` one after the other; None draws them.
        augmentation, moves, config: as there.

    Raises:
        UserError: as of `make_scenes_tracks`.
    """
    drawing, cutting = np.random.default_rng(seed).spawn(6)[4:]
    total = track_scene_frames(seen, hidden, after)
    shown_for = partial(make_scenes_tracks, seen=seen, hidden=hidden, after=after, config=config)
    if tier == "empty":
        width, height = config.sensor
        silence = np.zeros((total, 2, height, width), bool)
        empty = Track(silence, np.full((total, 2), 0.5), 0, "empty")
        hides = CUT_IN[int(drawing.integers(len(CUT_IN)))]
        scenes = shown_for([empty], seed, batch, starts=[(0, 0)] * batch, hides=hides)
        return replace(scenes, presence=np.full_like(scenes.presence, Presence.NOTHING))
    if starts is None:
        starts = _starts(tier, tracks, others, total, batch, drawing)
    both = [*tracks, *others]
    shown = [stretch_of(both[index], first, total) for index, first in starts]
    if tier == "leaves":
        shown = [_going(stretch, seen, cutting) for stretch in shown]
    else:
        shown = [
            stretch if index >= len(tracks) else torn(*stretch, cutting)
            for stretch, (index, _) in zip(shown, starts, strict=True)
        ]
    changed = [Track(*stretch, 0, tier) for stretch in shown]
    scenes = shown_for(
        changed, seed, batch, starts=[(row, 0) for row in range(batch)],
        hides="curtain" if tier == "stranger" else None, augmentation=augmentation, moves=moves,
    )  # fmt: skip
    if tier == "stranger":
        return replace(scenes, presence=np.full_like(scenes.presence, Presence.STRANGER))
    first = seen + SHUTTER_CLOSING
    presence = np.full_like(scenes.presence, Presence.IN_VIEW)
    presence[first:] = Presence.GONE
    return replace(
        scenes, presence=presence,
        occlusions=(Occlusion(np.full(batch, seen - 1), first, total - 1, np.full(batch, total)),),
    )  # fmt: skip


def with_emptiness(
    scenes: Scenes, before: int, seed: int | Sequence[int], config: SceneConfig = DEFAULT_CONFIG
) -> Scenes:
    """Sequences of recordings after so many frames in which there is nothing but sensor noise."""
    if not before:
        return scenes

    def after_nothing(values: np.ndarray) -> np.ndarray:
        return np.concatenate([np.repeat(values[:1], before, 0), values])

    frames, presence = after_nothing(scenes.frames), after_nothing(scenes.presence)
    frames[:before], presence[:before] = False, Presence.NOTHING
    noise = np.random.default_rng(seed).spawn(7)[6]
    add_noise(frames[:before], config.noise_hz, config.frame_us, noise)
    return replace(
        scenes, frames=frames, presence=presence, label=after_nothing(scenes.label),
        position=after_nothing(scenes.position), occluder=after_nothing(scenes.occluder),
        occlusions=tuple(
            Occlusion(o.seen + before, o.first + before, o.last + before, o.recovered + before)
            for o in scenes.occlusions
        ),
    )  # fmt: skip


def torn(frames: np.ndarray, position: np.ndarray, rng: np.random.Generator) -> Stretch:
    """An object on its path, but none of the classes any more: its pieces are moved and turned, or
    it is drawn out and turned by any angle.

    Args:
        frames: (T, 2, H, W) bool.
        position: (T, 2) float32, where it is, in sensor sides.
        rng: draws how.
    """
    sides = Sides.of_pixels(frames)
    t, p, y, x = np.nonzero(frames)
    home = np.floor(position * np.array(sides, position.dtype)).astype(np.int64)[t].T
    offset = np.stack([x, y]) - home
    moved = _pieces(offset, sides.shorter, rng) if rng.random() < 0.5 else _warped(offset, rng)
    x, y = moved + home
    inside = (x >= 0) & (x < sides.width) & (y >= 0) & (y < sides.height)
    changed = np.zeros_like(frames)
    changed[t[inside], p[inside], y[inside], x[inside]] = True
    return changed, position


def _pieces(offset: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """(2, E): square pieces about the middle of what (2, E) shows, each somewhere else, each
    mirrored and turned by itself."""
    side = max(2, round(rng.uniform(*PIECES) * size))
    many = -(-size // side) * 2 + 1
    grid = offset // side + many // 2
    within = offset % side
    piece = (grid[0] * many + grid[1]) % (many * many)
    turned, mirrored = rng.integers(0, 2, (2, many * many))[:, piece].astype(bool)
    within = np.where(turned, within[::-1], within)
    within = np.where(mirrored, side - 1 - within, within)
    moves = np.rint(rng.uniform(-REACH, REACH, (2, many * many)) * size).astype(np.int64)
    moved: np.ndarray = (grid - many // 2) * side + within + moves[:, piece]
    return moved


def _warped(offset: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(2, E): drawn out along one axis, narrowed along the other, then turned by any angle."""
    factor = np.sqrt(rng.uniform(*WARPED)) ** rng.choice([-1, 1])
    first, second = rng.uniform(0, np.pi, 2)
    within = _turn(first) @ (offset + rng.random(offset.shape))
    drawn = _turn(second) @ (within * np.array([[factor], [1 / factor]]))
    moved: np.ndarray = np.floor(drawn).astype(np.int64)
    return moved


def _turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _going(stretch: Stretch, seen: int, rng: np.random.Generator) -> Stretch:
    """From the frame `seen` on it is carried straight off the sensor, wholly out after as long as a
    shutter takes to close."""
    frames, position = stretch
    sides = Sides.of_pixels(frames)
    angle = rng.uniform(0, 2 * np.pi)
    towards = np.array([np.cos(angle), np.sin(angle)])
    towards *= max(sides) / np.abs(towards).max()  # a whole side: then it is out, wherever it was
    share = np.clip((np.arange(len(frames)) - seen + 1) / (SHUTTER_CLOSING + 1), 0, 1)
    t, p, y, x = np.nonzero(frames)
    across, down = np.rint(share[t, None] * towards).astype(np.int64).T
    x, y = x + across, y + down
    inside = (x >= 0) & (x < sides.width) & (y >= 0) & (y < sides.height) & (share[t] < 1)
    changed = np.zeros_like(frames)
    changed[t[inside], p[inside], y[inside], x[inside]] = True
    moved = np.clip(position + share[:, None] * towards / np.array(sides), 0, 1).astype(np.float32)
    return changed, moved


def _starts(
    tier: str,
    tracks: Sequence[Track],
    others: Sequence[Track],
    total: int,
    batch: int,
    rng: np.random.Generator,
) -> list[tuple[int, int]]:
    """Starts of objects, and for every other stranger of what is none."""
    starts = draw_starts(tracks, total, batch, rng)
    longest = max((len(track.frames) for track in others), default=0)
    if tier == "stranger" and longest >= total:
        apart = draw_starts(others, total, batch, rng)
        starts[1::2] = [(index + len(tracks), first) for index, first in apart[1::2]]
    return starts
