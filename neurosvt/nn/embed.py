"""Event frames to spiking patch tokens.

Axes: T time steps, B batch, Y X pixels, N windows in reading order, P pixels of one window in both
polarities, D width, R rows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.nn.linear import SpikeLinear
from neurosvt.nn.norm import to_grid
from neurosvt.nn.token_neuron import RowContext, TokenNeuron
from neurosvt.ops.native import suits
from neurosvt.ops.neighbours import with_neighbours
from neurosvt.ops.rows import Rows
from neurosvt.ops.windows import active_windows, window_pixels
from neurosvt.sides import Sides


@dataclass(frozen=True)
class Windows:
    """How a frame is cut: squares of `kernel` pixels, one every `stride`, overlapping or not.

    A window with fewer than `least` events is taken for one without: sensor noise comes alone, a
    moving edge does not (the background activity filter of Delbruck 2008, by windows).
    """

    kernel: int
    stride: int
    least: int = 1

    def __post_init__(self) -> None:
        if self.kernel < self.stride or (self.kernel - self.stride) % 2:
            raise ValueError(
                f"kernel_size {self.kernel} must be patch_size {self.stride} plus an even number"
            )
        if self.least < 1:
            raise ValueError(f"least_events must be at least 1, got {self.least}")

    @property
    def border(self) -> int:
        """Pixels by which the outermost windows reach beyond the frame."""
        return (self.kernel - self.stride) // 2

    @property
    def cell(self) -> int:
        """Side of the largest square that both the stride and the border divide into."""
        return math.gcd(self.stride, self.border) if self.border else self.stride

    def active(
        self, frames: Bool[Tensor, "T B 2 Y X"], least_neighbours: int = 0
    ) -> Bool[Tensor, "T B N"]:
        """Which windows have enough events that have so many neighbours."""
        if not _kernels_fit(frames):
            return self.active_reference(with_neighbours(frames, least_neighbours))
        return active_windows(frames, self.kernel, self.stride, self.least, least_neighbours)

    def active_reference(self, frames: Bool[Tensor, "T B 2 Y X"]) -> Bool[Tensor, "T B N"]:
        """The definition, of all events."""
        cell = self.cell
        words = _words(frames.flatten(0, 1), cell)
        images, _, height, across = words.shape
        # Few words hold an event: only these are counted.
        filled = words.reshape(-1).nonzero()[:, 0]
        ones = _ones(words.reshape(-1)[filled]).float()
        y = filled // across % height // cell
        x = filled % across // (1 if cell in _WORDS else cell)
        down, right = height // cell, frames.shape[-1] // cell
        counts = torch.zeros(images * down * right, device=frames.device)
        counts.index_add_(0, (filled // (2 * height * across) * down + y) * right + x, ones)
        kernel, stride, border = (side // cell for side in (self.kernel, self.stride, self.border))
        events = F.avg_pool2d(
            counts.reshape(images, 1, down, right), kernel, stride, border, divisor_override=1
        )
        return (events >= self.least).reshape(*frames.shape[:2], -1)

    def rows(
        self,
        frames: Bool[Tensor, "T B 2 Y X"],
        rows: Rows,
        dtype: torch.dtype = torch.float32,
        least_neighbours: int = 0,
    ) -> Shaped[Tensor, "R P"]:
        """The pixels of each row's window, as 0 and 1; beyond the frame there are no events."""
        if not _kernels_fit(frames):
            return self.rows_reference(with_neighbours(frames, least_neighbours), rows, dtype)
        return window_pixels(
            frames, rows.frame, rows.position, rows.order, self.kernel, self.stride,
            least_neighbours,
        ).to(dtype)  # fmt: skip

    def patch_events(self, pixels: Shaped[Tensor, "R P"]) -> Float[Tensor, "R 3"]:
        """Of each window's own patch, how many events there are, and the sums of their x and of
        their y from its centre, in sides of a patch."""
        kernel, patch = self.kernel, slice(self.border, self.border + self.stride)
        dtype = torch.promote_types(pixels.dtype, torch.float32)
        both = pixels.unflatten(-1, (2, kernel, kernel))[..., patch, patch]
        own = both.sum(1, dtype=dtype)
        # In half pixels these are whole numbers, whose sums are the same in any order.
        at = 2 * torch.arange(self.stride, dtype=dtype, device=own.device) + 1 - self.stride
        x, y = (own.sum(1) * at).sum(1), (own.sum(2) * at).sum(1)
        return torch.stack([own.sum((1, 2)), x / (2 * self.stride), y / (2 * self.stride)], 1)

    def rows_reference(
        self, frames: Bool[Tensor, "T B 2 Y X"], rows: Rows, dtype: torch.dtype
    ) -> Shaped[Tensor, "R P"]:
        """The definition, by views of the frames."""
        if not len(rows):
            return frames.new_zeros((0, 2 * self.kernel**2), dtype=dtype)
        at_once = self.cell if self.cell in _WORDS else 1
        used, image = rows.frame.unique(return_inverse=True)
        padded = _words(F.pad(frames.flatten(0, 1)[used], [self.border] * 4), at_once)
        pixels = self._cut(padded, image, rows.position, at_once).contiguous().view(torch.uint8)
        return pixels.reshape(len(rows), 2 * self.kernel**2).to(dtype)

    def rows_of_numbers(
        self, frames: Float[Tensor, "T B 2 Y X"], rows: Rows, dtype: torch.dtype
    ) -> Float[Tensor, "R P"]:
        """`rows` of frames that hold numbers, which learn."""
        used, image = rows.frame.unique(return_inverse=True)
        padded = F.pad(frames.flatten(0, 1)[used], [self.border] * 4)
        return self._cut(padded, image, rows.position).flatten(1).to(dtype)

    def _cut(self, images: Tensor, image: Tensor, position: Tensor, at_once: int = 1) -> Tensor:
        """The windows at these positions of these images, whose last axis has so many pixels in
        one number."""
        views = images.unfold(2, self.kernel, self.stride)
        views = views.unfold(3, self.kernel // at_once, self.stride // at_once)
        across = views.shape[3]
        pixels: Tensor = views[image, :, position // across, position % across]
        return pixels


def _kernels_fit(frames: Tensor) -> bool:
    return suits(frames.new_empty(0, dtype=torch.float32))


_WORDS = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.uint8}
"""Integers that hold so many pixels: most are empty, and are looked at and moved many at a time."""


def _ones(words: Tensor) -> Tensor:
    """How many of the pixels in each word are set: a product adds the bytes up in the highest."""
    if words.dtype == torch.uint8:
        return words.int()
    bits = 8 * words.itemsize
    sums = words * int.from_bytes(b"\x01" * words.itemsize) >> (bits - 8)
    return (sums & 0xFF).int()


def _words(pixels: Bool[Tensor, "F 2 Y X"], at_once: int) -> Tensor:
    """Pixels with the last axis in words of `at_once`, or as bytes where there is no such word."""
    pixels = pixels.contiguous()
    if pixels.storage_offset() % at_once:  # a slice may begin in the middle of a word
        pixels = pixels.clone()
    return pixels.view(torch.uint8).view(_WORDS.get(at_once, torch.uint8))


class EventFilter(nn.Module):
    """What of a frame is looked at: events that are not alone, windows with enough of them.

    Args:
        windows: how a frame is cut.
        least_neighbours: events around an event below which it is dropped.
    """

    def __init__(self, windows: Windows, least_neighbours: int = 0):
        super().__init__()
        self.windows, self.least_neighbours = windows, least_neighbours

    def forward(self, frames: Bool[Tensor, "T B 2 Y X"]) -> Bool[Tensor, "T B N"]:
        """Which windows have enough of the events that are left."""
        return self.windows.active(frames, self.least_neighbours)

    def pixels(
        self, frames: Shaped[Tensor, "T B 2 Y X"], rows: Rows, dtype: torch.dtype = torch.float32
    ) -> Shaped[Tensor, "R P"]:
        """The events that are left in each row's window, a byte each; or as numbers of a type, of
        frames that hold numbers, which learn."""
        if frames.dtype == torch.bool:
            return self.windows.rows(frames, rows, torch.uint8, self.least_neighbours)
        return self.windows.rows_of_numbers(self.numbers(frames), rows, dtype)

    def numbers(self, frames: Float[Tensor, "T B 2 Y X"]) -> Float[Tensor, "T B 2 Y X"]:
        """`frames` that hold numbers, 0 where an event is alone; they learn where one would not
        be, whether there is an event or not."""
        if not self.least_neighbours:
            return frames
        fired = (frames.detach() != 0).any(2).flatten(0, 1)[:, None].float()
        around = F.avg_pool2d(fired, 3, 1, 1, divisor_override=1) - fired
        company = around.unflatten(0, frames.shape[:2]) >= self.least_neighbours
        return torch.where(company, frames, 0.0)


class SpikingPatchEmbed(nn.Module):
    """Convolution without bias, then a scale, then LIF.

    The convolution is written as a projection of the windows that have events.
    """

    def __init__(self, windows: Windows, width: int, neuron: Callable[[int], TokenNeuron]):
        super().__init__()
        self.windows = windows
        self.project = SpikeLinear(2 * windows.kernel**2, width)
        self.fire = neuron(width)

    def forward(
        self, pixels: Shaped[Tensor, "R P"], v: Float[Tensor, "B N D"], ctx: RowContext
    ) -> tuple[Float[Tensor, "R D"], Float[Tensor, "B N D"]]:
        current = self.project(pixels, scaled=False)
        out: tuple[Tensor, Tensor] = self.fire(current, v, ctx, self.project.norm)
        return out


def any_fired(spikes: Float[Tensor, "R D"]) -> Bool[Tensor, " R"]:
    """Which rows have a spike; a sum is sooner done than a search, and is NaN where one is."""
    return spikes.detach().sum(1) != 0


class Positions(nn.Module):
    """Where a token stands, added to its current where the token fired and nowhere else."""

    def __init__(self, positions: int, width: int):
        super().__init__()
        self.table = nn.Parameter(0.1 * torch.randn(positions, width))

    def forward(self, spikes: Float[Tensor, "R D"], rows: Rows) -> Float[Tensor, "R D"]:
        return spikes + any_fired(spikes)[:, None] * F.embedding(rows.position, self.table)

    @torch.no_grad()
    def fold(self) -> None:
        """Put the positions on the grid."""
        self.table.copy_(to_grid(self.table))


def checked_frames(
    frames: Any, sensor: Sides, like: Tensor
) -> Bool[Tensor, "T B 2 Y X"] | Float[Tensor, "T B 2 Y X"]:
    """Event frames as bool; those that something learns from, as they are.

    Args:
        frames: what a user gave.
        sensor, like: pixels that the model wants; a weight of it.

    Raises:
        ValueError: no tensor, another size, not binary, or elsewhere; a model in half precision.
    """
    if like.dtype.itemsize < 4:
        kind = str(like.dtype).removeprefix("torch.")
        raise ValueError(
            f"the model is {kind}, and membranes need more: use model.float(), and "
            "torch.autocast for products in half precision"
        )
    if not isinstance(frames, Tensor) or frames.layout != torch.strided:
        kind = str(frames.layout) if isinstance(frames, Tensor) else type(frames).__name__
        raise ValueError(f"frames must be a dense tensor, got {kind}")
    across, down = sensor
    if frames.ndim != 5 or frames.shape[2:] != (2, down, across) or not len(frames):
        raise ValueError(
            f"frames must be (T, B, 2, {down}, {across}) with T >= 1, got {tuple(frames.shape)}"
        )
    if frames.device != like.device or frames.is_meta:
        raise ValueError(
            f"frames are on {frames.device}, the model on {like.device}; both need values"
        )
    if frames.dtype == torch.bool:
        return frames
    numbers = frames.detach()
    odd = numbers[(numbers != 0) & (numbers != 1)]
    if len(odd):
        raise ValueError(
            f"frames must be binary (1 where a pixel had an event), got {odd[0].item()}"
        )
    learns = torch.is_grad_enabled() and frames.requires_grad
    return frames if learns else frames.bool()
