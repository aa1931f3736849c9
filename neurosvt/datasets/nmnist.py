"""N-MNIST: real event-camera recordings of handwritten digits.

Orchard et al. 2015, "Converting Static Image Datasets to Spiking Neuromorphic Datasets Using
Saccades": a 34 x 34 pixel ATIS camera looks at a digit and makes three saccades of about 100 ms.
The data set is published as CC BY-SA 4.0. The folder of data sets holds

    nmnist/          all 70,000 recordings, as `prepare_nmnist` packs them; or
    nmnist_small/    900 of its training part and 100 of its test part, in two npz files
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.folder import checked_split, data_root, find
from neurosvt.datasets.mapped import map_array
from neurosvt.events.recording import Recording, pack_events
from neurosvt.reading import read_arrays

NMNIST_CLASSES: tuple[str, ...] = tuple("0123456789")

NMNIST_SIDE = 34
"""Sensor side of the recordings, pixels."""

NMNIST_SEEN_US = 340_000
"""Time given to every recording; the longest of nmnist_small lasts 336 ms."""

NMNIST_LAST_SEEN_US = 290_000
"""When the last saccade of every recording of nmnist_small is still under way: what is known of a
digit while it is seen is judged here, not in the stillness after."""

NMNIST_VALIDATION_PER_CLASS = 10
"""The last ten of every class in the training file are kept for validation."""

NMNIST_FILES = {
    "train": "nmnist_small/nmnist_train900.npz",
    "validation": "nmnist_small/nmnist_train900.npz",
    "test": "nmnist_small/nmnist_test100.npz",
}
NMNIST_FOLDER = "nmnist"
"""Folder of all recordings, among the data sets."""

NMNIST_COLUMNS = ("x", "y", "p", "t", "offsets", "labels", "ids")
"""What a file of `NMNIST_FILES` holds, and a folder of `NMNIST_FOLDER`: there recording i is the
events offsets[i] .. offsets[i + 1] - 1."""


@dataclass(frozen=True)
class Recordings:
    """Many recordings, in memory or mapped; their events may belong to more than are chosen."""

    x: np.ndarray
    """(events,) uint8 pixels; y alike."""
    y: np.ndarray
    p: np.ndarray
    """(events,) uint8: 0 OFF, 1 ON."""
    t: np.ndarray
    """(events,) uint32 microseconds from each recording's start."""
    first: np.ndarray
    """(recordings,) int64: recording i is events first[i] .. last[i] - 1."""
    last: np.ndarray
    labels: np.ndarray
    """(recordings,) int64 digit."""
    ids: np.ndarray
    """(recordings,) int64 number in the original data set."""

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Recording:
        part = slice(self.first[index], self.last[index])
        events = pack_events(self.t[part], self.x[part], self.y[part], self.p[part])
        name = f"nmnist {self.ids[index]}"
        return Recording(events, NMNIST_SIDE, NMNIST_SIDE, int(self.labels[index]), name)


def load_nmnist(split: str, root: str | Path | None = None) -> Recordings:
    """Load a split: "train" (800 recordings of nmnist_small, 59,900 of all), "validation" (100 of
    the training part) or "test" (100, 10,000).

    Args:
        root: folder of data sets; None for the one that NEUROSVT_DATA names.

    Raises:
        FileNotFoundError: its file is missing.
        UserError: an unknown split, or a file that does not hold what it should.
    """
    part = "test" if checked_split(split) == "test" else "train"
    folder = data_root(root) / NMNIST_FOLDER / part
    mapped = folder.is_dir()
    recordings = (
        map_recordings(folder) if mapped else read_recordings(find(NMNIST_FILES[split], root))
    )
    if split == "test":
        return recordings
    kept = np.zeros(len(recordings), bool)
    for digit in range(len(NMNIST_CLASSES)):
        kept[np.flatnonzero(recordings.labels == digit)[-NMNIST_VALIDATION_PER_CLASS:]] = True
    return select(recordings, np.flatnonzero(kept == (split == "validation")))


def map_recordings(folder: Path) -> Recordings:
    """A part of all recordings, read when they are asked for.

    Raises:
        UserError: a file is missing or cut.
    """
    try:
        arrays = {name: map_array(folder / f"{name}.npy") for name in NMNIST_COLUMNS}
    except (OSError, ValueError) as error:
        raise UserError(f"{folder} is damaged ({error}); remove it and prepare again") from error
    return _recordings(arrays)


def read_recordings(path: Path) -> Recordings:
    """Read and check one of the two files.

    Raises:
        UserError: a damaged file, or arrays that do not fit together; one line that names it.
    """
    arrays = read_arrays(path)
    missing = [name for name in NMNIST_COLUMNS if name not in arrays]
    if missing:
        raise UserError(f"{path}: holds no {', '.join(missing)}; is it a file of nmnist_small?")
    x, y, p, t, offsets, labels, ids = (arrays[name] for name in NMNIST_COLUMNS)

    def check(holds: bool, problem: str) -> None:
        if not holds:
            raise UserError(f"{path}: {problem}; fetch nmnist_small again")

    for name in NMNIST_COLUMNS:
        whole = arrays[name].ndim == 1 and arrays[name].dtype.kind in "iu"
        check(whole, f"{name} is no list of integers")
    check(len(x) == len(y) == len(p) == len(t), "x, y, p and t differ in length")
    check(len(offsets) == len(labels) + 1 == len(ids) + 1, "offsets, labels and ids do not match")
    check(len(labels) > 0, "holds no recordings")
    starts_and_ends = offsets[0] == 0 and offsets[-1] == len(x)
    check(bool(starts_and_ends), "offsets do not cover the events")
    check(bool((np.diff(offsets) > 0).all()), "offsets do not rise")
    for name, limit in (
        ("x", NMNIST_SIDE),
        ("y", NMNIST_SIDE),
        ("p", 2),
        ("t", NMNIST_SEEN_US),
        ("labels", 10),
    ):
        inside = arrays[name].min() >= 0 and arrays[name].max() < limit
        check(bool(inside), f"{name} leaves 0..{limit - 1}")
    return _recordings(arrays)


def _recordings(arrays: Mapping[str, np.ndarray]) -> Recordings:
    x, y, p, t, offsets, labels, ids = (arrays[name] for name in NMNIST_COLUMNS)
    bounds = offsets.astype(np.int64)
    return Recordings(x, y, p, t, bounds[:-1], bounds[1:], labels.astype(np.int64), ids)


def select(recordings: Recordings, indices: Sequence[int] | np.ndarray) -> Recordings:
    """Some of the recordings, in the order given; their events stay where they are."""
    chosen = np.asarray(indices, np.int64)
    per_recording = ("first", "last", "labels", "ids")
    return replace(
        recordings, **{name: getattr(recordings, name)[chosen] for name in per_recording}
    )
