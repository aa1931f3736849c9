"""Scenes made from the recordings of N-MNIST: a digit, then darkness, then the digit again.

Axes: T frames, B batch, 2 polarities (OFF, ON), H W sensor pixels.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.nmnist import NMNIST_LAST_SEEN_US, NMNIST_SEEN_US, NMNIST_SIDE, Recordings
from neurosvt.events.augment import Augmentation, augment
from neurosvt.presence import Presence
from neurosvt.scenes.sampling import DEFAULT_CONFIG, SceneConfig
from neurosvt.scenes.scenes import RECOVERY, Occlusion, Scenes, one_after_another
from neurosvt.scenes.sensor import add_noise

TRANSITION = 1
"""Frames in which the light goes off."""


def make_scenes_nmnist(
    recordings: Recordings,
    seed: int | Sequence[int],
    batch: int,
    *,
    hidden: int,
    after: int,
    from_dark: bool = False,
    indices: Sequence[int] | np.ndarray | None = None,
    augmentation: Augmentation | None = None,
    config: SceneConfig = DEFAULT_CONFIG,
) -> Scenes:
    """Make a batch of the tier "real": a recorded digit, then darkness, then its beginning again.

    Each recording is put at a random position and seen whole (`NMNIST_SEEN_US`). Then the light
    goes off: one frame with an OFF event at every pixel, `hidden` frames of darkness. Then it comes
    on: `after` frames, an ON event at every pixel in the first, the recording's beginning in the
    others. Sensor noise falls on all of them, at the rate that `config` says. The bursts are made
    up, the digits' events are as recorded.

    The true position is the median of the recording's own events, the same for all frames: the
    digit moves by a few pixels with every saccade, and returns.

    Args:
        recordings: to draw from.
        seed: non-negative; for training and judging take `scenes.split_seed`.
        batch: how many sequences.
        hidden: frames of darkness, >= 1.
        after: frames from the light's return to the end, >= 0.
        from_dark: whether the light comes on first, in a frame more.
        indices: which recordings, `batch` of them, repeats allowed; None draws them.
        augmentation: how far each may be augmented, for training; None shows them as recorded.
        config: `size` (at least 34), `frame_us` and `noise_hz` are used.

    Raises:
        UserError: a number out of range.
    """
    _check(len(recordings), batch, hidden, after, indices, config)
    drawing, noise, augmenting = np.random.default_rng(seed).spawn(3)
    drawn = drawing.integers(0, len(recordings), batch)
    corner = drawing.integers(0, config.sides - NMNIST_SIDE + 1, (batch, 2))  # left, top
    chosen = drawn if indices is None else np.asarray(indices, np.int64)
    begin = int(from_dark)
    seen = begin + -(-NMNIST_SEEN_US // config.frame_us)
    first = seen + TRANSITION
    back = first + hidden
    width, height = config.sensor
    frames = np.zeros((back + after, batch, 2, height, width), bool)
    frames[:begin, :, 1] = True
    frames[seen, :, 0] = True
    frames[back : back + 1, :, 1] = True

    events, lengths = _gather(recordings, chosen)
    row = np.repeat(np.arange(batch), lengths)
    x, y = recordings.x[events], recordings.y[events]
    if augmentation is not None:
        x, y, kept = augment(x, y, row, NMNIST_SIDE, augmenting, augmentation)
        events, row = events[kept], row[kept]
    x = x + corner[row, 0]
    y = y + corner[row, 1]
    p = recordings.p[events].astype(np.int64)
    time = recordings.t[events].astype(np.int64) // config.frame_us
    cell = ((row * 2 + p) * height + y) * width + x
    cells = frames.reshape(-1)
    cells[cell + (time + begin) * frames[0].size] = True
    again = time < after - 1
    cells[cell[again] + (time[again] + back + 1) * frames[0].size] = True
    add_noise(frames, config.noise_hz, config.frame_us, noise)

    bounds = np.searchsorted(row, np.arange(batch + 1))
    middle = [[np.median(x[a:b]) + 0.5, np.median(y[a:b]) + 0.5] for a, b in pairwise(bounds)]
    position = np.asarray(middle, np.float32) / np.array(config.sensor, np.float32)
    presence = np.full(frames.shape[:2], Presence.IN_VIEW, np.int8)
    presence[first:back] = Presence.HIDDEN
    occluder = np.zeros((*frames.shape[:2], 7), np.float32)
    occluder[..., 2] = 1
    occluder[seen:back, :, 2] = 0
    return Scenes(
        frames=frames,
        label=np.broadcast_to(recordings.labels[chosen], presence.shape).copy(),
        position=np.broadcast_to(position, (*frames.shape[:2], 2)).copy(),
        presence=presence,
        occluder=occluder,
        occlusions=(
            Occlusion(
                seen=np.full(batch, begin + NMNIST_LAST_SEEN_US // config.frame_us - 1),
                first=first,
                last=back - 1,
                recovered=np.full(batch, back + RECOVERY - 1),
            ),
        ),
        extent=config.extent,
    )


def make_succession_nmnist(
    recordings: Recordings,
    seed: Sequence[int],
    batch: int,
    *,
    hidden: Sequence[int],
    after: int,
    indices: np.ndarray | None = None,
    augmentation: Augmentation | None = None,
    config: SceneConfig = DEFAULT_CONFIG,
) -> Scenes:
    """Digits one after the other, each followed by darkness; arguments as of `make_scenes_nmnist`,
    with frames of darkness for every digit and `indices` (digits, batch)."""
    last = len(hidden) - 1
    parts = [
        make_scenes_nmnist(
            recordings, [*seed, index], batch, hidden=length, after=after if index == last else 0,
            from_dark=index > 0, indices=None if indices is None else indices[index],
            augmentation=augmentation, config=config,
        )
        for index, length in enumerate(hidden)
    ]  # fmt: skip
    # Recovery from a digit is asked of the next when its recording has run as long as it is seen.
    openings = [NMNIST_LAST_SEEN_US // config.frame_us] * last
    return one_after_another(parts, [*openings, 0])


def _gather(recordings: Recordings, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the events of some recordings, one after the other, and how many each has."""
    start = recordings.first[indices]
    lengths = recordings.last[indices] - start
    ends = np.cumsum(lengths)
    return np.arange(ends[-1]) + np.repeat(start - (ends - lengths), lengths), lengths


def _check(
    available: int,
    batch: int,
    hidden: int,
    after: int,
    indices: Sequence[int] | np.ndarray | None,
    config: SceneConfig,
) -> None:
    if batch < 1 or hidden < 1 or after < 0:
        raise UserError(
            f"batch and hidden must be at least 1, after at least 0, got {batch}, {hidden}, {after}"
        )
    if config.side < NMNIST_SIDE:
        raise UserError(
            f"size must be at least {NMNIST_SIDE} pixels for N-MNIST, got {config.size}"
        )
    if indices is None:
        return
    if len(indices) != batch:
        raise UserError(f"indices must name batch = {batch} recordings, got {len(indices)}")
    if np.min(indices) < 0 or np.max(indices) >= available:
        raise UserError(
            f"indices must lie in 0..{available - 1}, got {np.min(indices)}..{np.max(indices)}"
        )
