"""The pixels of the windows that something happened in, as numbers.

Axes: T time steps, B batch, Y X pixels, R rows, P pixels of one window in both polarities.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from neurosvt.ops.buffers import empty
from neurosvt.ops.native import call
from neurosvt.ops.operators import Operator, ready


def window_pixels(
    frames: Bool[Tensor, "T B 2 Y X"],
    frame: Int[Tensor, " R"],
    position: Int[Tensor, " R"],
    kernel: int,
    stride: int,
    dtype: torch.dtype,
) -> Float[Tensor, "R P"]:
    """The pixels of windows as 0.0 and 1.0, by a kernel; beyond the frame there are no events.

    Args:
        frames: event frames; any byte but 0 is an event.
        frame: of each row, t * B + b.
        position: of each row, in reading order.
        kernel, stride: a window is a square of `kernel` pixels, one every `stride`.
        dtype: float32 or bfloat16.

    Raises:
        ValueError: a frame or a position that there is none of.
    """
    out: Tensor = _window_pixels(frames, frame, position, kernel, stride, dtype)
    return out


def _pixels(
    frames: Tensor, frame: Tensor, position: Tensor, kernel: int, stride: int, dtype: torch.dtype
) -> Tensor:
    if not 0 < stride <= kernel:
        raise ValueError(f"a window of {kernel} pixels every {stride} is none")
    out = empty((len(frame), 2, kernel**2), dtype)
    images = ready(frames, torch.bool).flatten(0, 1)
    indices = ready(frame, torch.int64), ready(position, torch.int64)
    call("windows", images, *indices, kernel, stride, (kernel - stride) // 2, out)
    return out.flatten(1)


_window_pixels = Operator(
    "window_pixels(Tensor frames, Tensor frame, Tensor position, int kernel, int stride, "
    "ScalarType dtype) -> Tensor",
    _pixels,
    lambda frames, frame, position, kernel, stride, dtype: frames.new_empty(
        (len(frame), 2 * kernel**2), dtype=dtype
    ),
)
