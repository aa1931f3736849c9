"""The windows of event frames: in which something happened, and their pixels.

Events that are alone are sensor noise and are left out on the way (`ops.neighbours`); filtered
frames are never written.

Axes: T time steps, B batch, Y X pixels, N windows in reading order, R rows, P pixels of one window
in both polarities.
"""

import torch
from jaxtyping import Bool, Int, UInt8
from torch import Tensor

from neurosvt.ops.buffers import empty
from neurosvt.ops.native import call
from neurosvt.ops.operators import Operator, ready


def active_windows(
    frames: Bool[Tensor, "T B 2 Y X"], kernel: int, stride: int, least: int, least_neighbours: int
) -> Bool[Tensor, "T B N"]:
    """Which windows have at least `least` events, by a kernel.

    Args:
        frames: event frames; any byte but 0 is an event.
        kernel, stride: a window is a square of `kernel` pixels, one every `stride`.
        least: events of a window below which it is taken for one without.
        least_neighbours: as of `ops.neighbours.with_neighbours`.
    """
    out: Tensor = _active_windows(frames, kernel, stride, least, least_neighbours)
    return out


def window_pixels(
    frames: Bool[Tensor, "T B 2 Y X"],
    frame: Int[Tensor, " R"],
    position: Int[Tensor, " R"],
    order: Int[Tensor, " R"],
    kernel: int,
    stride: int,
    least_neighbours: int,
) -> UInt8[Tensor, "R P"]:
    """The pixels of windows, 0 and 1, by a kernel; beyond the frame there are no events.

    Args:
        frames, kernel, stride, least_neighbours: as of `active_windows`.
        frame: of each row, t * B + b.
        position: of each row, in reading order.
        order: rows by their frame.

    Raises:
        ValueError: a frame, a position or a row that there is none of.
    """
    out: Tensor = _window_pixels(frames, frame, position, order, kernel, stride, least_neighbours)
    return out


def _checked(kernel: int, stride: int) -> int:
    """Pixels by which windows reach beyond the frame."""
    if not 0 < stride <= kernel:
        raise ValueError(f"a window of {kernel} pixels every {stride} is none")
    return (kernel - stride) // 2


def _active(frames: Tensor, kernel: int, stride: int, least: int, least_neighbours: int) -> Tensor:
    border, images = _checked(kernel, stride), ready(frames, torch.bool).flatten(0, 1)
    windows = (images.shape[-2] // stride) * (images.shape[-1] // stride)
    active = empty((len(images), windows), torch.bool)
    call("active_windows", images, kernel, stride, border, least_neighbours, least, active)
    return active.view(*frames.shape[:2], windows)


def _pixels(
    frames: Tensor,
    frame: Tensor,
    position: Tensor,
    order: Tensor,
    kernel: int,
    stride: int,
    least_neighbours: int,
) -> Tensor:
    border, images = _checked(kernel, stride), ready(frames, torch.bool).flatten(0, 1)
    out = empty((len(frame), 2, kernel**2), torch.uint8)
    indices = (ready(x, torch.int64) for x in (frame, position, order))
    call("window_pixels", images, *indices, kernel, stride, border, least_neighbours, out)
    return out.flatten(1)


_active_windows = Operator(
    "active_windows(Tensor frames, int kernel, int stride, int least, int least_neighbours) -> "
    "Tensor",
    _active,
    lambda frames, kernel, stride, *rest: frames.new_empty(
        *frames.shape[:2], (frames.shape[-2] // stride) * (frames.shape[-1] // stride)
    ),
)
_window_pixels = Operator(
    "window_pixels(Tensor frames, Tensor frame, Tensor position, Tensor order, int kernel, "
    "int stride, int least_neighbours) -> Tensor",
    _pixels,
    lambda frames, frame, position, order, kernel, *rest: frames.new_empty(
        (len(frame), 2 * kernel**2), dtype=torch.uint8
    ),
)
