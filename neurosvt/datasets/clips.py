"""Clips: short stretches of event frames, each of which shows one thing from beginning to end.

Axes: F frames of all clips, T frames of one, 2 polarities (OFF, ON), H W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Clips:
    """Many clips of one length, their frames eight pixels a byte; frames may belong to several."""

    packed: np.ndarray
    """(F, 2, H, W / 8) uint8, mapped or in memory."""
    first: np.ndarray
    """(clips,) int64: clip i is the frames first[i] .. first[i] + steps - 1."""
    steps: int
    """T."""
    labels: np.ndarray
    """(clips,) int64."""
    width: int
    """W."""

    def __len__(self) -> int:
        return len(self.labels)

    def frames(self, index: int | Sequence[int] | np.ndarray) -> np.ndarray:
        """(..., T, 2, H, W) bool: the frames of one clip or of several."""
        chosen = self.packed[self.first[index][..., None] + np.arange(self.steps)]
        return np.unpackbits(chosen, axis=-1, count=self.width).view(bool)


def downsample(clips: Clips, block: int) -> Clips:
    """The same with blocks of `block` x `block` pixels, which both sides must be multiples of, as
    one: in it is an event where one is in the block."""
    if block == 1:
        return clips
    kept = []
    for start in range(0, len(clips.packed), 256):  # a few at a time: unpacked they are large
        whole = np.unpackbits(clips.packed[start : start + 256], axis=-1, count=clips.width)
        frames, two, high, wide = whole.shape
        blocks = whole.reshape(frames, two, high // block, block, wide // block, block)
        kept.append(np.packbits(blocks.any((3, 5)), axis=-1))
    return replace(clips, packed=np.concatenate(kept), width=clips.width // block)
