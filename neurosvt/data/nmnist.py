"""N-MNIST: real event-camera recordings of handwritten digits, and scenes made from them.

Orchard et al. 2015, "Converting Static Image Datasets to Spiking Neuromorphic Datasets Using
Saccades": a 34 x 34 pixel ATIS camera looks at a digit and makes three saccades of about 100 ms.
The data set is published as CC BY-SA 4.0. Here: 900 recordings of its training part and 100 of its
test part (nmnist_small), in two npz files.

Axes: T frames, B batch, 2 polarities (OFF, ON), H W sensor pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from neurosvt.config import UserError
from neurosvt.data.augment import Variety, vary
from neurosvt.data.events import Recording, pack_events
from neurosvt.data.folder import find
from neurosvt.data.formats.npz import read_arrays
from neurosvt.data.scenes import Scenes
from neurosvt.data.sensor import add_noise
from neurosvt.data.stage import DEFAULT, SceneConfig

CLASSES: tuple[str, ...] = tuple("0123456789")

SIDE = 34
"""Sensor side of the recordings, pixels."""

SEEN_US = 340_000
"""Time given to every recording; the longest of nmnist_small lasts 336 ms."""

LAST_SEEN_US = 290_000
"""When the last saccade of every recording of nmnist_small is still under way: what is known of a
digit while it is seen is judged here, not in the stillness after."""

TRANSITION = 1
"""Frames in which the light goes off."""

VALIDATION_PER_CLASS = 10
"""The last ten of every class in the training file are kept for validation."""

FILES = {
    "train": "nmnist_small/nmnist_train900.npz",
    "validation": "nmnist_small/nmnist_train900.npz",
    "test": "nmnist_small/nmnist_test100.npz",
}


@dataclass(frozen=True)
class Recordings:
    """Many recordings, their events one after the other."""

    x: np.ndarray
    """(events,) uint8 pixels; y alike."""
    y: np.ndarray
    p: np.ndarray
    """(events,) uint8: 0 OFF, 1 ON."""
    t: np.ndarray
    """(events,) uint32 microseconds from each recording's start."""
    offsets: np.ndarray
    """(recordings + 1,) int64: recording i is events offsets[i] .. offsets[i + 1] - 1."""
    labels: np.ndarray
    """(recordings,) int64 digit."""
    ids: np.ndarray
    """(recordings,) int64 number in the original data set."""

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Recording:
        part = slice(self.offsets[index], self.offsets[index + 1])
        events = pack_events(self.t[part], self.x[part], self.y[part], self.p[part])
        name = f"nmnist {self.ids[index]}"
        return Recording(events, SIDE, SIDE, int(self.labels[index]), name)


def load(split: str, root: str | Path | None = None) -> Recordings:
    """Load a split: "train" (800 recordings), "validation" (100) or "test" (100).

    Args:
        root: folder of data sets; None for the one that NEUROSVT_DATA names.

    Raises:
        FileNotFoundError: its file is missing.
        UserError: an unknown split, or a file that does not hold what it should.
    """
    if split not in FILES:
        raise UserError(f"split {split!r} is unknown; choose from {list(FILES)}")
    recordings = read_recordings(find(FILES[split], root))
    if split == "test":
        return recordings
    kept = np.zeros(len(recordings), bool)
    for digit in range(len(CLASSES)):
        kept[np.flatnonzero(recordings.labels == digit)[-VALIDATION_PER_CLASS:]] = True
    return select(recordings, np.flatnonzero(kept == (split == "validation")))


def read_recordings(path: Path) -> Recordings:
    """Read and check one of the two files.

    Raises:
        UserError: a damaged file, or arrays that do not fit together; one line that names it.
    """
    with open(path, "rb") as stream:
        try:
            arrays = read_arrays(stream)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
    names = ("x", "y", "p", "t", "offsets", "labels", "ids")
    missing = [name for name in names if name not in arrays]
    if missing:
        raise UserError(f"{path}: holds no {', '.join(missing)}; is it a file of nmnist_small?")
    x, y, p, t, offsets, labels, ids = (arrays[name] for name in names)

    def check(holds: bool, problem: str) -> None:
        if not holds:
            raise UserError(f"{path}: {problem}; fetch nmnist_small again")

    for name in names:
        whole = arrays[name].ndim == 1 and arrays[name].dtype.kind in "iu"
        check(whole, f"{name} is no list of integers")
    check(len(x) == len(y) == len(p) == len(t), "x, y, p and t differ in length")
    check(len(offsets) == len(labels) + 1 == len(ids) + 1, "offsets, labels and ids do not match")
    check(len(labels) > 0, "holds no recordings")
    starts_and_ends = offsets[0] == 0 and offsets[-1] == len(x)
    check(bool(starts_and_ends), "offsets do not cover the events")
    check(bool((np.diff(offsets) > 0).all()), "offsets do not rise")
    for name, limit in (("x", SIDE), ("y", SIDE), ("p", 2), ("t", SEEN_US), ("labels", 10)):
        inside = arrays[name].min() >= 0 and arrays[name].max() < limit
        check(bool(inside), f"{name} leaves 0..{limit - 1}")
    return Recordings(x, y, p, t, offsets.astype(np.int64), labels.astype(np.int64), ids)


def select(recordings: Recordings, indices: Sequence[int] | np.ndarray) -> Recordings:
    """Some of the recordings, in the order given."""
    indices = np.asarray(indices, np.int64)
    events, lengths = _gather(recordings, indices)
    return Recordings(
        x=recordings.x[events],
        y=recordings.y[events],
        p=recordings.p[events],
        t=recordings.t[events],
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        labels=recordings.labels[indices],
        ids=recordings.ids[indices],
    )


def make_scenes_nmnist(
    recordings: Recordings,
    seed: int | Sequence[int],
    batch: int,
    *,
    hidden: int,
    after: int,
    indices: Sequence[int] | np.ndarray | None = None,
    variety: Variety | None = None,
    config: SceneConfig = DEFAULT,
) -> Scenes:
    """Make a batch of the tier "real": a recorded digit, then darkness, then its beginning again.

    Each recording is put at a random place of the sensor and seen whole (`SEEN_US`). Then the light
    goes off: one frame with an OFF event at every pixel, `hidden` frames of darkness. Then it comes
    on: `after` frames, an ON event at every pixel in the first, the recording's beginning in the
    others. Sensor noise falls on all of them, at the rate that `config` says. The bursts are made
    up, the digits' events are as recorded.

    The true place is the median of the recording's own events, the same for all frames: the digit
    moves by a few pixels with every saccade, and returns.

    Args:
        recordings: to draw from.
        seed: non-negative; for training and judging take `scenes.split_seed`.
        batch: how many sequences.
        hidden: frames of darkness, >= 1.
        after: frames from the light's return to the end, >= 0.
        indices: which recordings, `batch` of them, repeats allowed; None draws them.
        variety: how far each may be varied, for training; None shows them as recorded.
        config: `size` (at least 34), `frame_us` and `noise_hz` are used.

    Raises:
        UserError: a number out of range.
    """
    _check(len(recordings), batch, hidden, after, indices, config)
    drawing, noise, varying = np.random.default_rng(seed).spawn(3)
    drawn = drawing.integers(0, len(recordings), batch)
    corner = drawing.integers(0, config.size - SIDE + 1, (batch, 2))  # left, top
    chosen = drawn if indices is None else np.asarray(indices, np.int64)
    seen = -(-SEEN_US // config.frame_us)
    first = seen + TRANSITION
    back = first + hidden
    frames = np.zeros((back + after, batch, 2, config.size, config.size), bool)
    frames[seen, :, 0] = True
    frames[back : back + 1, :, 1] = True

    events, lengths = _gather(recordings, chosen)
    row = np.repeat(np.arange(batch), lengths)
    x, y = recordings.x[events], recordings.y[events]
    if variety is not None:
        x, y, kept = vary(x, y, row, SIDE, varying, variety)
        events, row = events[kept], row[kept]
    x = x + corner[row, 0]
    y = y + corner[row, 1]
    p = recordings.p[events].astype(np.int64)
    time = recordings.t[events].astype(np.int64) // config.frame_us
    cell = ((row * 2 + p) * config.size + y) * config.size + x
    cells = frames.reshape(-1)
    cells[cell + time * frames[0].size] = True
    again = time < after - 1
    cells[cell[again] + (time[again] + back + 1) * frames[0].size] = True
    add_noise(frames, config.noise_hz, config.frame_us, noise)

    bounds = np.searchsorted(row, np.arange(batch + 1))
    middle = [[np.median(x[a:b]) + 0.5, np.median(y[a:b]) + 0.5] for a, b in pairwise(bounds)]
    place = np.asarray(middle, np.float32) / np.float32(config.size)
    is_hidden = np.zeros(frames.shape[:2], bool)
    is_hidden[first:back] = True
    occluder = np.zeros((*frames.shape[:2], 4), np.float32)
    occluder[..., 3] = 1
    occluder[seen:back, :, 3] = 0
    return Scenes(
        frames=frames,
        label=recordings.labels[chosen],
        place=np.broadcast_to(place, (*frames.shape[:2], 2)).copy(),
        hidden=is_hidden,
        occluder=occluder,
        first_hidden=first,
        last_hidden=back - 1,
    )


def _gather(recordings: Recordings, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the events of some recordings, one after the other, and how many each has."""
    start = recordings.offsets[indices]
    lengths = recordings.offsets[indices + 1] - start
    ends = np.cumsum(lengths)
    return np.arange(ends[-1]) + np.repeat(start - (ends - lengths), lengths), lengths


def _check(available, batch, hidden, after, indices, config):
    if batch < 1 or hidden < 1 or after < 0:
        raise UserError(
            f"batch and hidden must be at least 1, after at least 0, got {batch}, {hidden}, {after}"
        )
    if config.size < SIDE:
        raise UserError(f"size must be at least {SIDE} pixels for N-MNIST, got {config.size}")
    if indices is None:
        return
    if len(indices) != batch:
        raise UserError(f"indices must name batch = {batch} recordings, got {len(indices)}")
    if np.min(indices) < 0 or np.max(indices) >= available:
        raise UserError(
            f"indices must lie in 0..{available - 1}, got {np.min(indices)}..{np.max(indices)}"
        )
