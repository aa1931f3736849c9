"""Events that are not alone: sensor noise falls anywhere, a moving edge does not.

Axes: T time steps, B batch, Y X pixels.
"""

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn import functional as F

from neurosvt.ops.buffers import empty_like
from neurosvt.ops.native import call, suits
from neurosvt.ops.operators import Operator, ready


def with_neighbours(frames: Bool[Tensor, "T B 2 Y X"], least: int = 1) -> Bool[Tensor, "T B 2 Y X"]:
    """The events with at least `least` of the eight pixels around them firing in the same frame.

    The background activity filter of Delbruck (2008), with a frame for its time window. A hot pixel
    is alone as well.

    Args:
        frames: event frames, OFF then ON; a neighbour counts whichever polarity it has.
        least: 0 keeps everything.
    """
    if not suits(frames.new_empty(0, dtype=torch.float32)):
        return with_neighbours_reference(frames, least)
    out: Tensor = _with_neighbours(frames, least)
    return out


def with_neighbours_reference(
    frames: Bool[Tensor, "T B 2 Y X"], least: int
) -> Bool[Tensor, "T B 2 Y X"]:
    """The definition."""
    frames = frames.view(torch.uint8) != 0  # a view of other bytes may hold more than 0 and 1
    if not least:
        return frames
    fired = frames.any(2)
    lines = F.pad(fired.to(torch.uint8), (1, 1, 1, 1))
    lines = lines[..., :-2, :] + lines[..., 1:-1, :] + lines[..., 2:, :]
    near = lines[..., :-2] + lines[..., 1:-1] + lines[..., 2:]
    return frames & (near > least)[:, :, None]  # the pixel itself is counted too


def _neighbours(frames: Tensor, least: int) -> Tensor:
    frames = ready(frames, torch.bool)
    flat, out = frames.flatten(0, 1), empty_like(frames)
    call("neighbours", flat, least, out.flatten(0, 1))
    return out


_with_neighbours = Operator(
    "with_neighbours(Tensor frames, int least) -> Tensor",
    _neighbours,
    lambda frames, least: torch.empty_like(frames),
)
