"""Hand-held objects before a DVS128 camera (dvs128_objects), recorded in two sessions.

Three of the objects were recorded in both: whoever learns from the first session is judged on the
second, another day. The recordings state no licence: nothing made from them is shipped.

Source: DVS128_BioLab, Federal University of Uberlandia, https://github.com/eberlawrence.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.clips import Clips
from neurosvt.datasets.folder import checked_split, find
from neurosvt.events.frames import by_time, make_frames
from neurosvt.formats import read_events

HANDHELD_CLASSES = ("box", "utility_knife", "mechanical_pencil")
SESSIONS = {
    "train": ("box_rec1", "utility_knife_rec1", "utility_knife_rec1b", "mechanical_pencil_rec1"),
    "test": ("box_rec2", "utility_knife_rec2", "mechanical_pencil_rec2"),
}
HANDHELD_SIDE = 128
"""Pixels per side of the camera."""
HANDHELD_HELD_OUT = 0.2
"""Share of every recording of the first session, its end, that validation takes."""


def load_handheld_objects(
    split: str, steps: int, frame_us: int, root: str | Path | None = None
) -> Clips:
    """Windows of the recordings, cut into frames of equal time.

    Those for training begin at every frame, so that each shows up in many ways; those for judging
    follow one another.

    Args:
        split: "train", "validation" (the end of the first session) or "test" (the second).
        steps: frames in a window.
        frame_us: length of a frame.
        root: folder of data sets; None for the one that NEUROSVT_DATA names.

    Raises:
        FileNotFoundError: a recording is missing.
        UserError: an unknown split, a damaged recording, or one shorter than a window.
    """
    checked_split(split)
    packed, first, labels, before = [], [], [], 0
    for name, label in _recordings(split):
        frames = _part(_packed(name, frame_us, root), split)
        starts = np.arange(0, len(frames) - steps + 1, 1 if split == "train" else steps)
        if not len(starts):
            raise UserError(f"{name}: no window of {steps} frames fits into its {len(frames)}")
        packed.append(frames)
        first.append(before + starts)
        labels.append(np.full(len(starts), label))
        before += len(frames)
    return Clips(
        np.concatenate(packed), np.concatenate(first), steps, np.concatenate(labels), HANDHELD_SIDE
    )


def _recordings(split: str) -> Iterator[tuple[str, int]]:
    for name in SESSIONS["test" if split == "test" else "train"]:
        yield name, HANDHELD_CLASSES.index(name.rsplit("_", 1)[0])


def _packed(name: str, frame_us: int, root: str | Path | None) -> np.ndarray:
    """(F, 2, H, W / 8): all frames of a recording."""
    recording = read_events(find(f"dvs128_objects/aedat/{name}.aedat", root))
    return np.packbits(make_frames(recording, by_time(recording.events, frame_us)), axis=-1)


def _part(frames: np.ndarray, split: str) -> np.ndarray:
    if split == "test":
        return frames
    kept = round(len(frames) * (1 - HANDHELD_HELD_OUT))
    return frames[kept:] if split == "validation" else frames[:kept]
