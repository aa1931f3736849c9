"""Batches of sequences in which objects hide, and the truth about them.

Axes: T time steps, B batch, H W pixels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from neurosvt.loaders.shares import every
from neurosvt.presence import Presence
from neurosvt.scenes.scenes import Scenes


class OcclusionBatch(NamedTuple):
    """Sequences, the truth about them, and when it is asked for."""

    frames: Tensor
    """(T, B, 2, H, W) bool."""
    label: Tensor
    """(T, B) int64 class."""
    position: Tensor
    """(T, B, 2) float32, in sensor sides."""
    presence: Tensor
    """(T, B) int8 of `Presence`; hidden is what is `HIDDEN`."""
    asked: Tensor
    """(T, B) bool: class and place are asked, because an object of the classes is in view or
    hidden, and has moved. Before it has, there was nothing to see."""
    within: Tensor
    """(T, B) bool: presence is asked. False after a sequence's end, and before what is there has
    moved, unless emptiness before it is shown too: then that is what there is to say."""
    frame_ms: float | None = None
    """Length of a frame of all of them; None for that of the model."""

    def part(self, at: int, of: int) -> "OcclusionBatch":
        """Every `of`-th sequence, from number `at` on."""
        return OcclusionBatch._make([*(every(x, at, of, 1) for x in self[:-1]), self.frame_ms])


def as_tensors(scenes: Scenes, frame_ms: float | None = None) -> OcclusionBatch:
    """The parts of scenes that learning wants, without a copy of the frames."""
    presence, moved = scenes.presence, scenes.moved
    asked = moved & np.isin(presence, (Presence.IN_VIEW, Presence.HIDDEN))
    within = moved | (presence == Presence.NOTHING)
    parts = (scenes.frames, scenes.label, scenes.position, presence, asked, within)
    return OcclusionBatch._make([*map(torch.from_numpy, parts), frame_ms])


def pad_and_stack(parts: Sequence[OcclusionBatch]) -> OcclusionBatch:
    """Batches beside each other, the shorter ones with empty frames behind them, of which nothing
    is asked; their frames are of one length."""
    steps = max(len(part.frames) for part in parts)
    whole = []
    for columns in zip(*(part[:-1] for part in parts), strict=True):
        first = columns[0]
        shape = (steps, sum(c.shape[1] for c in columns), *first.shape[2:])
        # Numpy's zeros are those of fresh memory; PyTorch's would be written once more.
        joined = torch.from_numpy(np.zeros(shape, first.numpy().dtype))
        begin = 0
        for column in columns:
            joined[: len(column), begin : begin + column.shape[1]] = column
            begin += column.shape[1]
        whole.append(joined)
    return OcclusionBatch._make([*whole, parts[0].frame_ms])
