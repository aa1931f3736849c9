"""Training batches of clips: all classes equally often, mirrored, turned, moved and thinned.

Batch i depends on nothing but (seed, i), so training can stop after any step and go on from there
with the data that it would have had.

Axes: T time steps, B batch, 2 polarities, Y X pixels.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.utils.data import Dataset

from neurosvt.config import UserError
from neurosvt.datasets.clips import Clips, downsample
from neurosvt.datasets.dvs128_gesture import (
    GESTURE_CLASSES,
    GESTURE_SIDE,
    OTHER_SIDE,
    load_gestures,
)
from neurosvt.datasets.handheld_objects import (
    HANDHELD_CLASSES,
    HANDHELD_SIDE,
    load_handheld_objects,
)
from neurosvt.events.augment import Augmentation, augment
from neurosvt.loaders.registry import DATASETS, TrainingData, find_dataset
from neurosvt.loaders.shares import every


class ClipBatch(NamedTuple):
    """Clips and what they show."""

    frames: Bool[Tensor, "T B 2 Y X"]
    label: Int[Tensor, " B"]

    def part(self, at: int, of: int) -> "ClipBatch":
        """Every `of`-th clip, from number `at` on."""
        return ClipBatch(every(self.frames, at, of, 1), every(self.label, at, of))


@dataclass(frozen=True)
class ClipConfig:
    """What clips a model is trained on, and how they are augmented each time they are shown."""

    dataset: str = "dvs128"
    """A key of `DATASETS`: "dvs128", gestures, or "dvs128_objects", hand-held objects."""
    frames: int = 16
    """Of a clip."""
    mirror: bool = True
    """Half of them mirrored, left to right; a right hand becomes a left one, in name too."""
    side: int = 128
    """Pixels per side of a frame: the camera's 128, or fewer, each a block of the camera's."""
    shift: int = 8
    """Pixels that a clip is moved by at most, either way."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    blur: float = 0.0
    """Largest standard deviation, in pixels, by which the events of a clip are scattered: what is
    told by an object's texture has to be told by its shape."""
    in_memory: bool = True
    """All clips read there at the start; else read from disk when they are drawn."""

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ValueError(f"frames must be at least 1, got {self.frames}")
        camera = find_dataset(self.dataset, ClipData).side
        if self.side < 1 or camera % self.side:
            raise ValueError(f"side must divide the camera's {camera}, got {self.side}")
        if not 0 <= self.shift < self.side:
            raise ValueError(f"shift must lie in [0, {self.side}), got {self.shift}")
        if not 0 <= self.blur < np.inf:
            raise ValueError(f"blur must not be below 0, got {self.blur}")


@dataclass(frozen=True)
class ClipData(TrainingData):
    """A data set of clips."""

    holds: ClassVar[str] = "clips"
    load: Callable[[ClipConfig, str, int, str | Path | None], Clips]
    """The clips of a split, as `load_clips` is asked for them, in the camera's pixels."""
    side: int = 128
    """Pixels per side of the camera."""
    other_side: Mapping[int, int] = field(default_factory=dict)
    """What its classes become in a mirror, where they become another."""


def load_clips(
    config: ClipConfig, split: str, frame_us: int, root: str | Path | None = None
) -> Clips:
    """The clips of a data set.

    Args:
        config: which, and how large.
        split: "train", "validation" or "test".
        frame_us: length of a frame; gestures are cut by counts of events, and have none.
        root: folder of data sets; None for the one that NEUROSVT_DATA names.

    Raises:
        FileNotFoundError, UserError: as the data set's own loader.
    """
    data = find_dataset(config.dataset, ClipData)
    return downsample(data.load(config, split, frame_us, root), data.side // config.side)


class ClipStream(Dataset[ClipBatch]):
    """Batch i of a training.

    Args:
        clips: to draw from. An epoch takes as many of every class as the rarest has; what does not
            fill its last batch waits for the next.
        config: how to augment them.
        batch: clips per batch, at most as many as there are in an epoch.
        steps: how many batches there are.
        seed: of the whole stream.

    Raises:
        UserError: there are no clips, or a batch holds none.
    """

    def __init__(self, clips: Clips, config: ClipConfig, batch: int, steps: int, seed: int):
        if not len(clips):
            raise UserError("there are no clips to draw from")
        if batch < 1:
            raise UserError(f"batch must be at least 1, got {batch}")
        self.clips, self.config = clips, config
        members = [np.flatnonzero(clips.labels == label) for label in np.unique(clips.labels)]
        self.members, self.each = members, min(map(len, members))
        self.batch, self.steps, self.seed = min(batch, self.each * len(members)), steps, seed

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> ClipBatch:
        if not 0 <= index < self.steps:
            raise IndexError(f"batch {index} of {self.steps}")
        epoch, within = divmod(index, self.each * len(self.members) // self.batch)
        drawing = np.random.default_rng([self.seed, 0, epoch])
        drawn = [drawing.permutation(some)[: self.each] for some in self.members]
        order = drawing.permutation(np.concatenate(drawn))
        chosen = order[within * self.batch : (within + 1) * self.batch]
        rng = np.random.default_rng([self.seed, 1, index])
        other_side = find_dataset(self.config.dataset, ClipData).other_side
        frames, labels = augment_clips(
            self.clips.frames(chosen), self.clips.labels[chosen], self.config, other_side, rng
        )
        return ClipBatch(torch.from_numpy(frames), torch.from_numpy(labels))


def augment_clips(
    frames: np.ndarray,
    labels: np.ndarray,
    config: ClipConfig,
    other_side: Mapping[int, int],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Clips (B, T, 2, H, W) bool, each augmented by itself, as (T, B, 2, H, W); their labels.

    What leaves the sensor is left out.
    """
    batch, steps, _, high, wide = frames.shape
    rest, x = np.divmod(np.flatnonzero(frames), wide)
    rest, y = np.divmod(rest, high)
    rest, p = np.divmod(rest, 2)
    row, t = np.divmod(rest, steps)
    # On a sensor with so wide a border nothing that is turned reaches the end of it.
    x, y, kept = augment(x + wide, y + wide, row, 3 * wide, rng, config.augmentation)
    row, t, p = row[kept], t[kept], p[kept]
    if config.blur:
        deviation = np.asarray(rng.uniform(0, config.blur, batch))[row]
        x, y = (np.rint(v + rng.normal(0, deviation)).astype(np.int64) for v in (x, y))
    across, down = rng.integers(-config.shift, config.shift + 1, (2, batch))
    x, y = x - wide + across[row], y - wide + down[row]
    if config.mirror:
        mirrored = np.asarray(rng.random(batch) < 0.5)
        x = np.where(mirrored[row], wide - 1 - x, x)
        swapped = [other_side.get(int(label), int(label)) for label in labels]
        labels = np.where(mirrored, swapped, labels)
    inside = (x >= 0) & (x < wide) & (y >= 0) & (y < high)
    out = np.zeros((steps, batch, 2, high, wide), bool)
    out[t[inside], row[inside], p[inside], y[inside], x[inside]] = True
    return out, labels


DATASETS["dvs128"] = ClipData(
    GESTURE_CLASSES,
    lambda config, split, frame_us, root: load_gestures(
        split, config.frames, root, in_memory=config.in_memory
    ),
    GESTURE_SIDE,
    OTHER_SIDE,
)
DATASETS["dvs128_objects"] = ClipData(
    HANDHELD_CLASSES,
    lambda config, split, frame_us, root: load_handheld_objects(
        split, config.frames, frame_us, root
    ),
    HANDHELD_SIDE,
)
