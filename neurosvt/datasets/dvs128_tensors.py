"""DVS128 Gesture as the published Neuro-SVT prepared it: a tensor file for every gesture.

    train/sample_0000.pt, ..., test/sample_0000.pt, ...
                            each a pair: frames (T, 2, 128, 128) of 0 and 1, float32; label

Its labels are not those of the data set: they number SpikingJelly's folders "0" to "10" in the
order of text, as torchvision's DatasetFolder does, so that 2 stands for the folder "10". They are
put right here, or a mirror would swap the wrong gestures.

Who makes a gesture is not said. But those of a class stand in the order of people's names, so that
validation, which takes the last of every class of the training part, sees other people but for one.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from neurosvt.config import UserError
from neurosvt.datasets.dvs128_gesture import GESTURE_CLASSES, GESTURE_SIDE
from neurosvt.datasets.packed_cache import Builder
from neurosvt.reading import read_pickled
from neurosvt.spread import Spread, one_by_one

CLASS_OF = tuple(int(folder) for folder in sorted(map(str, range(len(GESTURE_CLASSES)))))
"""Our label of each of theirs."""
TENSORS_HELD_OUT = 3 / 23
"""Of the training part: as three of its 23 people."""
PER_PART = 64
"""Gestures that are packed before work can stop and go on again."""


def prepare_tensors(
    source: Path,
    destination: Path,
    on_part: Callable[[int, int], None] = lambda done, of: None,
    spread: Spread = one_by_one,
) -> bool:
    """Pack the frames of all files, once; interrupted, it goes on where it stopped.

    Args:
        source: folder with `train` and `test`.
        destination: folder of the cache, which may be the same.
        on_part: told how many gestures are done, and of how many.
        spread: who reads; see `spread_over`.

    Returns:
        Whether there was anything to do.

    Raises:
        UserError: a part without files, a file that is damaged or holds something else, or as
            `packed_cache.Builder`.
    """
    files = {part: _files(source, part) for part in ("train", "test")}
    for part, some in files.items():
        if not some:
            raise UserError(f"{source / part} holds no sample_0000.pt, ...")
    frames = len(read_sample(files["train"][0])[0])
    settings = {
        "data": "dvs128", "frames": frames, "cut": "times",
        "height": GESTURE_SIDE, "width": GESTURE_SIDE,
        "files": {part: len(some) for part, some in files.items()},
    }  # fmt: skip
    builder = Builder(destination, settings)
    if builder.finished():
        return False
    splits = _splits(files)
    parts = {
        split: {
            f"{split}_{start:04}": paths[start : start + PER_PART]
            for start in range(0, len(paths), PER_PART)
        }
        for split, paths in splits.items()
    }
    missing = [
        (name, paths)
        for some in parts.values()
        for name, paths in some.items()
        if not builder.has(name)
    ]
    total = sum(map(len, splits.values()))
    done = total - sum(len(paths) for _, paths in missing)
    for index, read in spread(partial(_read_part, frames), [paths for _, paths in missing]):
        name, paths = missing[index]
        builder.add(name, *read)
        done += len(paths)
        on_part(done, total)
    builder.finish({split: list(some) for split, some in parts.items()})
    return True


def _read_part(frames: int, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Frames (N, T, 2, 128, 128) bool of files, and our labels (N,)."""
    read = [read_sample(path, frames) for path in paths]
    return np.stack([frames for frames, _ in read]), np.array([label for _, label in read])


def read_sample(path: Path, frames: int | None = None) -> tuple[np.ndarray, int]:
    """Frames (T, 2, 128, 128) bool of one file, and our label; `frames` is what T must be.

    Raises:
        UserError: a file that is damaged, or holds something else.
    """
    read, label = _pair(path)
    shape = (len(read) if frames is None else frames, 2, GESTURE_SIDE, GESTURE_SIDE)
    if tuple(read.shape) != shape:
        raise UserError(f"{path} holds frames {tuple(read.shape)}, not {shape}")
    if not ((read == 0) | (read == 1)).all():
        raise UserError(f"{path} holds frames of other numbers than 0 and 1")
    return read.bool().numpy(), label


def _pair(path: Path) -> tuple[torch.Tensor, int]:
    # Mapped: who asks for the label alone does not read the frames.
    pair = read_pickled(path, mapped=True)
    read, label = pair if isinstance(pair, tuple | list) and len(pair) == 2 else (None, None)
    label = label.item() if isinstance(label, torch.Tensor) and label.numel() == 1 else label
    if not isinstance(read, torch.Tensor) or not read.ndim or not isinstance(label, int):
        raise UserError(f"{path} holds no pair of frames and label")
    if not 0 <= label < len(GESTURE_CLASSES):
        raise UserError(f"{path} holds label {label}, not one of 0..{len(GESTURE_CLASSES) - 1}")
    return read, CLASS_OF[label]


def _splits(files: dict[str, list[Path]]) -> dict[str, list[Path]]:
    """Files of each split: validation is taken from train."""
    by_class: dict[int, list[Path]] = {}
    for path in files["train"]:
        by_class.setdefault(_pair(path)[1], []).append(path)
    held = {
        path
        for some in by_class.values()
        for path in some[len(some) - round(len(some) * TENSORS_HELD_OUT) :]
    }
    return {
        "train": [path for path in files["train"] if path not in held],
        "validation": [path for path in files["train"] if path in held],
        "test": files["test"],
    }


def _files(source: Path, part: str) -> list[Path]:
    return sorted((source / part).glob("sample_[0-9]*.pt"))
