"""Data sets as PyTorch's loaders want them, for loops of one's own: sample i, and its label.

    loader = DataLoader(DVS128Gesture("train"), batch_size=16, shuffle=True, num_workers=2)
    for frames, label in loader:  # (B, T, 2, 128, 128) of bool, (B,)
        belief, state = model(frames.transpose(0, 1))

Axes: T frames, 2 polarities (OFF, ON), H W pixels, C colours.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils.data import Dataset

from neurosvt.config import UserError
from neurosvt.datasets.cifar10 import load_cifar10
from neurosvt.datasets.dvs128_gesture import load_gestures
from neurosvt.datasets.nmnist import NMNIST_SEEN_US, load_nmnist
from neurosvt.events.frames import by_time, into_counts, make_frames
from neurosvt.events.recording import Recording
from neurosvt.formats import read_events
from neurosvt.loaders.images import normalise_images


class DVS128Gesture(Dataset[tuple[Tensor, int]]):
    """Gestures of 16 frames (T, 2, 128, 128), bool, and their label, an index into
    `GESTURE_CLASSES`.

    Args:
        split: "train", "validation" or "test".
        frames: T, as they were prepared.
        root: folder of data sets; None for the one that NEUROSVT_DATA names.
        in_memory: all read there at the start; else mapped, and shared by all workers.

    Raises:
        FileNotFoundError, UserError: as `load_gestures`.
    """

    def __init__(
        self,
        split: str = "train",
        frames: int = 16,
        root: str | Path | None = None,
        *,
        in_memory: bool = False,
    ):
        self.clips = load_gestures(split, frames, root, in_memory=in_memory)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[Bool[Tensor, "T 2 H W"], int]:
        return torch.from_numpy(self.clips.frames(index)), int(self.clips.labels[index])


class NMNIST(Dataset[tuple[Tensor, int]]):
    """Recordings of digits as frames (T, 2, 34, 34), bool, and their digit.

    Args:
        split: "train", "validation" or "test".
        frame_us: length of a frame; the whole lasts `NMNIST_SEEN_US`.
        root: folder of data sets; None for the one that NEUROSVT_DATA names.

    Raises:
        FileNotFoundError, UserError: as `load_nmnist`.
    """

    def __init__(
        self, split: str = "train", frame_us: int = 10_000, root: str | Path | None = None
    ):
        self.recordings, self.frame_us = load_nmnist(split, root), frame_us

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, index: int) -> tuple[Bool[Tensor, "T 2 H W"], int]:
        if not 0 <= index < len(self):
            raise IndexError(f"recording {index} of {len(self)}")
        recording, count = self.recordings[index], -(-NMNIST_SEEN_US // self.frame_us)
        cut = by_time(recording.events, self.frame_us, start_us=0, frames=count)
        return torch.from_numpy(make_frames(recording, cut)), int(self.recordings.labels[index])


class CIFAR10(Dataset[tuple[Tensor, int]]):
    """Normalised images (3, 32, 32) and their label, an index into `CIFAR10_CLASSES`.

    Args:
        split, root: as in `load_cifar10`, whose errors it raises.
    """

    def __init__(self, split: str = "train", root: str | Path | None = None):
        self.images = load_cifar10(split, root)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Float[Tensor, "C H W"], int]:
        image = normalise_images(self.images.pixels[index][None])[0]
        return image, int(self.images.labels[index])


def sixteen_frames(recording: Recording) -> np.ndarray:
    """Sixteen binary frames of equally many events."""
    return make_frames(recording, into_counts(recording.events, 16))


class EventFolder(Dataset[tuple[Tensor, int]]):
    """Event files of any format, in a folder for each class: frames, and the index of the folder's
    name among all of them, sorted.

    Args:
        folder: of the folders.
        frames_of: what to make of a recording.

    Raises:
        FileNotFoundError: no such folder.
        UserError: no folder in it holds a file; when a sample is read, also as `read_events`.
    """

    def __init__(
        self, folder: str | Path, frames_of: Callable[[Recording], np.ndarray] = sixteen_frames
    ):
        folder = Path(folder)
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder")
        self.classes = tuple(sorted(p.name for p in folder.iterdir() if p.is_dir()))
        self.files = [
            (path, label)
            for label, name in enumerate(self.classes)
            for path in sorted((folder / name).iterdir())
            if path.is_file() and not path.name.startswith(".")
        ]
        if not self.files:
            raise UserError(f"{folder} holds no folders of event files, one for each class")
        self.frames_of = frames_of

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.files[index]
        return torch.from_numpy(self.frames_of(read_events(path))), label
