"""Scenes of recordings into which something that hides is cut.

What a shutter or jaws cover is dropped, and their edges are added; darkness drops all. The truth
while hidden is where the uncut recording shows the object.

Axes: T frames, B batch, 2 polarities (OFF, ON), H W sensor pixels.
"""

from collections.abc import Sequence

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.tracks import Track
from neurosvt.events.augment import Augmentation, augment
from neurosvt.presence import Presence
from neurosvt.scenes.sampling import DEFAULT_CONFIG, SceneConfig
from neurosvt.scenes.scenes import RECOVERY, Occlusion, Scenes
from neurosvt.scenes.sensor import add_noise
from neurosvt.sides import Sides

CUT_IN = ("curtain", "gripper", "blackout")
"""What can be cut in: a shutter from a random side, two jaws that meet at the object, darkness."""

SHUTTER_CLOSING = 16
"""Frames in which shutter or jaws come over the sensor."""

SHUTTER_OPENING = 4
"""Frames in which they leave."""

EDGE_DENSITY = 0.9
"""Share of the pixels that the edge passes which report an event."""

Stretch = tuple[np.ndarray, np.ndarray]
"""Frames (T, 2, H, W) and positions (T, 2) of a part of a track."""


def track_scene_frames(seen: int, hidden: int, after: int) -> int:
    """Frames of a sequence."""
    return seen + SHUTTER_CLOSING + hidden + after


def make_scenes_tracks(
    tracks: Sequence[Track],
    seed: int | Sequence[int],
    batch: int,
    *,
    seen: int,
    hidden: int,
    after: int,
    starts: Sequence[tuple[int, int]] | None = None,
    augmentation: Augmentation | None = None,
    moves: float = 0.0,
    hides: str | None = "curtain",
    config: SceneConfig = DEFAULT_CONFIG,
) -> Scenes:
    """Make a batch of stretches of recordings, each hidden for a while.

    Args:
        tracks: to draw from, of sensors as `config` says.
        seed: non-negative; for training and judging take `scenes.split_seed`.
        batch: how many sequences.
        seen: frames before the shutter comes, >= 1.
        hidden: frames behind it, >= 1.
        after: frames from its beginning to leave to the end, >= 0.
        starts: which track and from which of its frames, for every sequence; None draws them.
        augmentation: for training, how far each may be augmented about the object's own position,
            half of them upside down, and half of all mirrored left for right; None shows them as
            recorded.
        moves: how far to move each of these at random, at most, in sensor sides.
        hides: one of `CUT_IN`; None for nothing.
        config: `size`, `frame_us` and `noise_hz` are used.

    Raises:
        UserError: a number out of range, or no track that is long enough.
    """
    if batch < 1 or seen < 1 or hidden < 1 or after < 0:
        raise UserError(
            f"batch, seen and hidden must be at least 1, after at least 0, got {batch}, {seen}, "
            f"{hidden}, {after}"
        )
    drawing, hiding, noise, augmenting = np.random.default_rng(seed).spawn(4)
    total = track_scene_frames(seen, hidden, after)
    if starts is None:
        starts = draw_starts(tracks, total, batch, drawing)
    shown = [stretch_of(tracks[i], first, total) for i, first in starts]
    first, back = seen + SHUTTER_CLOSING, seen + SHUTTER_CLOSING + hidden
    if augmentation is not None:
        seen_at = np.r_[:first, back:total]
        shown = [_augment_track(*one, seen_at, augmentation, moves, augmenting) for one in shown]
    frames = np.stack([frames for frames, _ in shown], 1)
    position = np.stack([position for _, position in shown], 1)

    knots = [seen, first, back, back + SHUTTER_OPENING]
    share = np.interp(np.arange(total + 1), knots, [0, 1, 1, 0])[:, None]
    occluder = _hide(hides, frames, position[first], share, slice(first, back), hiding)
    add_noise(frames, config.noise_hz, config.frame_us, noise)

    presence = np.full((total, batch), Presence.IN_VIEW, np.int8)
    presence[first:back] = Presence.HIDDEN
    label = np.array([tracks[i].label or 0 for i, _ in starts])
    return Scenes(
        frames=frames,
        label=np.broadcast_to(label, presence.shape).copy(),
        position=position,
        presence=presence,
        occluder=occluder,
        occlusions=(
            Occlusion(
                seen=np.full(batch, seen - 1),
                first=first,
                last=back - 1,
                recovered=np.full(batch, back + SHUTTER_OPENING + RECOVERY - 1),
            ),
        ),
        extent=config.extent,
    )


def possible_starts(tracks: Sequence[Track], total: int) -> list[tuple[int, int]]:
    """Every track and frame of it from which on there are `total` frames."""
    return [
        (index, first)
        for index, track in enumerate(tracks)
        for first in range(len(track.frames) - total + 1)
    ]


def draw_starts(
    tracks: Sequence[Track], total: int, batch: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Starts, all as likely."""
    possible = possible_starts(tracks, total)
    if not possible:
        longest = max(len(track.frames) for track in tracks)
        raise UserError(f"a sequence of {total} frames is longer than any recording ({longest})")
    return [possible[int(rng.integers(len(possible)))] for _ in range(batch)]


def stretch_of(track: Track, first: int, total: int) -> Stretch:
    """A part of a track.

    Raises:
        UserError: it is not so long.
    """
    if not 0 <= first <= len(track.frames) - total:
        raise UserError(f"{track.name}: no {total} frames from frame {first} on")
    return track.frames[first : first + total], track.position[first : first + total]


def _augment_track(
    frames: np.ndarray,
    position: np.ndarray,
    seen_at: np.ndarray,
    augmentation: Augmentation,
    moves: float,
    rng: np.random.Generator,
) -> Stretch:
    """Another object on the same path, or on its mirror image, moved; what leaves the sensor is
    lost, and so is what happens at other times than `seen_at`."""
    sides = Sides.of_pixels(frames)
    size, extent = max(sides), np.array(sides, position.dtype)
    t, p, y, x = np.nonzero(frames[seen_at])
    t = seen_at[t]
    # As seen from the object, which stays in the middle while it is flipped, turned and stretched.
    home = np.floor(position * extent).astype(np.int64)[t].T - size // 2
    x, y = x - home[0], y - home[1]
    if rng.random() < 0.5:
        y = size - 1 - y
    x, y, kept = augment(x, y, np.zeros(len(t), np.int64), size, rng, augmentation)
    across, down = np.rint(rng.uniform(-moves, moves, 2) * sides.shorter).astype(np.int64)
    x, y = x + home[0, kept] + across, y + home[1, kept] + down
    inside = (x >= 0) & (x < sides.width) & (y >= 0) & (y < sides.height)
    changed = np.zeros_like(frames)
    changed[t[kept][inside], p[kept][inside], y[inside], x[inside]] = True
    position = np.clip(position + np.array([across, down]) / np.array(sides), 0, 1).astype(
        np.float32
    )
    if rng.random() < 0.5:
        return np.flip(changed, 3), np.stack([1 - position[:, 0], position[:, 1]], -1)
    return changed, position


def _hide(
    hides: str | None,
    frames: np.ndarray,
    centre: np.ndarray,
    share: np.ndarray,
    dark: slice,
    rng: np.random.Generator,
) -> np.ndarray:
    """Cut in what hides, in place; returns `Scenes.occluder`.

    Args:
        hides: one of `CUT_IN`, or None.
        frames: (T, B, 2, H, W).
        centre: (B, 2) where jaws meet, in [0, 1] of the sensor.
        share: (T + 1, 1) how far it is closed, at the frames' ends; 0 is the beginning.
        dark: frames in which nothing is seen.
        rng: of its side and its edges.
    """
    if hides not in (*CUT_IN, None):
        raise UserError(
            f"{hides!r} cannot be cut into a recording; choose from {', '.join(CUT_IN)}"
        )
    total, batch = frames.shape[:2]
    sides = np.array(Sides.of_pixels(frames))
    occluder = np.zeros((total, batch, 7), np.float32)
    occluder[..., 2] = 1
    if hides is None:
        return occluder
    if hides == "blackout":
        frames[dark], occluder[dark, :, 2] = False, 0
        return occluder
    turn = rng.uniform(0, 2 * np.pi, batch)
    normal = np.stack([np.cos(turn), np.sin(turn)], -1)
    near = (np.minimum(normal, 0) * sides).sum(-1) - 1  # beyond the sensor's first corner
    far = (np.maximum(normal, 0) * sides).sum(-1) + 1
    bright = np.less(rng.random(batch), 0.5)
    meet = (centre * sides * normal).sum(-1)
    # Jaws overlap by a pixel, or what lies between them would be seen.
    edge = near + ((far if hides == "curtain" else meet + 0.5) - near) * share  # (T + 1, B)
    _shut(frames, edge, normal, bright, rng)
    side = sides.min()
    occluder[..., :2] = normal * sides / side
    occluder[..., 3], occluder[..., 4] = -4, edge[1:] / side
    if hides == "gripper":
        other = far + (meet - 0.5 - far) * share
        _shut(frames, -other, -normal, bright, rng)
        occluder[..., 5], occluder[..., 6] = other[1:] / side, 5
    return occluder


def _shut(
    frames: np.ndarray,
    edge: np.ndarray,
    normal: np.ndarray,
    bright: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Drop what the shutter covers and add its edge; `bright` (B,): ON events where it comes."""
    x, y = (np.arange(side) + 0.5 for side in Sides.of_pixels(frames))
    along = normal[:, 0, None, None] * x + normal[:, 1, None, None] * y[:, None]  # (B, H, W)
    for step in range(len(frames)):
        before, now = edge[step, :, None, None], edge[step + 1, :, None, None]
        frames[step] &= (along >= np.maximum(before, now))[:, None]
        passed = (along >= np.minimum(before, now)) & (along < np.maximum(before, now))
        if passed.any():
            passed &= rng.random(passed.shape) < EDGE_DENSITY
            on = bright == (edge[step + 1] > edge[step])
            frames[step, :, 1] |= passed & on[:, None, None]
            frames[step, :, 0] |= passed & ~on[:, None, None]
