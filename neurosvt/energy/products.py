"""Operations of products, counted on the values that flow in.

Spikes (0 and 1 and nothing else) only choose what is added: additions, one for every target that a
spike reaches. Any other input makes multiply-adds, whatever its layer is called.

Axes: R rows, D inputs, E outputs; F frames, H heads, N tokens, K width per head.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from neurosvt.energy.operations import Operations


def binary(x: Tensor) -> Tensor:
    """Which vectors of the last axis are spikes: 0 and 1 and nothing else. Decided for each, so
    that it does not matter what else is in a batch."""
    return ((x == 0) | (x == 1)).all(-1)


def nonzero(x: Tensor) -> int:
    """How many values are not zero."""
    return int(torch.count_nonzero(x))


def product(x: Tensor, fan_out: int, weights: int, frames: int = 1) -> Operations:
    """Vectors (..., D), each of whose numbers reaches `fan_out` outputs through weights of its own.

    Args:
        x: what comes in.
        fan_out: outputs per number.
        weights: of the layer, all of which are read in a frame that needs any.
        frames: in which the vectors lie, in equal parts along the first axis.
    """
    width = x.shape[-1]
    tally = _tally((x != 0).sum(-1).reshape(-1), binary(x).reshape(-1))
    real, spikes = tally.real, tally.spikes
    return Operations(
        macs=real * width * fan_out,
        macs_nonzero=tally.numbers * fan_out,
        acs=spikes * fan_out,
        rows=x.numel() // width if width else 0,
        weights_once=weights * active(x, frames),
        weights_each=(spikes + real * width) * fan_out,
        values=(tally.alive + real) * fan_out + real * width,
    )


class _Tally(NamedTuple):
    """Of vectors, or images, or matrices."""

    real: int
    """Those that are not binary."""
    numbers: int
    """What counts of these."""
    alive: int
    """Those that are binary, with at least one spike."""
    spikes: int
    """What counts of these."""


def _tally(effective: Tensor, spiking: Tensor) -> _Tally:
    spikes = effective[spiking]
    return _Tally(
        len(effective) - len(spikes), int(effective[~spiking].sum()), nonzero(spikes),
        int(spikes.sum()),
    )  # fmt: skip


class Axis(NamedTuple):
    """How a convolution goes along one axis of an image."""

    kernel: int
    stride: int
    padding: int
    dilation: int


def convolution(
    x: Tensor,
    weight: Tensor,
    outputs: Sequence[int],
    axes: Sequence[Axis],
    *,
    groups: int,
    transposed: bool,
    frames: int,
) -> Operations:
    """Images (B, C, ...), each pixel of which reaches the outputs whose window it lies in.

    What the padding adds is no input: a spike never comes from there. Of real numbers a dense
    machine multiplies all that lies in a window.

    Args:
        weight: (E, C / groups, ...), or (C, E / groups, ...) if transposed.
        outputs: shape of what comes out.
        axes: of the image, one after the other.
        frames: as in `product`.
    """
    channels = weight.shape[1] if transposed else weight.shape[0] // groups
    reach = torch.tensor(float(channels), dtype=torch.float64)
    for axis, size, out in zip(axes, x.shape[2:], outputs[2:], strict=True):
        windows = reaches(axis, size, out, transposed)
        reach = reach[..., None] * torch.tensor(windows, dtype=torch.float64)
    effective = ((x != 0).double() * reach).flatten(1).sum(1)  # whole numbers, exact to 2^53
    tally = _tally(effective, binary(x.flatten(1)))
    # Each number of one side meets, through the kernel, the channels of its group on the other.
    image, said = x[0].numel(), math.prod(outputs[1:])
    whole = (image if transposed else said) * weight[0].numel()
    return Operations(
        macs=tally.real * whole,
        macs_nonzero=tally.numbers,
        acs=tally.spikes,
        rows=len(x),
        weights_once=weight.numel() * active(x, frames),
        weights_each=tally.spikes + tally.real * whole,
        values=(tally.alive + tally.real) * said + tally.real * image,
    )


@cache
def reaches(axis: Axis, size: int, outputs: int, transposed: bool) -> list[int]:
    """How many outputs each of `size` inputs reaches along one axis."""
    from_output = not transposed
    reach = [0] * size
    for here in range(outputs if from_output else size):
        for tap in range(axis.kernel):
            there = here * axis.stride - axis.padding + tap * axis.dilation
            if from_output and 0 <= there < size:
                reach[there] += 1
            elif not from_output and 0 <= there < outputs:
                reach[here] += 1
    return reach


def active(x: Tensor, frames: int) -> int:
    """In how many of the frames, equal parts of the first axis, there is anything but zeros."""
    if not x.numel():
        return 0
    if frames > len(x) or len(x) % frames:
        frames = len(x) if frames % len(x) == 0 else 1
    return nonzero((x.reshape(frames, -1) != 0).any(1))


def meeting(a: Tensor, b: Tensor) -> Operations:
    """The products (..., N, K) (..., K, M) of two things that both flowed.

    Where one is binary, every pair of non-zeros that meet is an addition: a spike of a query that
    meets one of a key, or a spike that lets a count through. Else all are multiply-adds.
    """
    pairs = ((a != 0).double().sum(-2) * (b != 0).double().sum(-1)).sum(-1)
    spiking = binary(a.flatten(-2)) | binary(b.flatten(-2))
    tally = _tally(pairs.reshape(-1), spiking.reshape(-1))
    (rows, inner), columns = a.shape[-2:], b.shape[-1]
    return Operations(
        macs=tally.real * rows * inner * columns,
        macs_nonzero=tally.numbers,
        acs=tally.spikes,
        values=(tally.alive + tally.real) * rows * columns + tally.real * inner * (rows + columns),
    )


def attention(q: Tensor, k: Tensor, v: Tensor) -> Operations:
    """`(q k^T) v`, or `q (k^T v)` where fewer, for each head; (F, H, N, K) spikes.

    `q k^T`: one for every pair of spikes of a query and a key in the same channel, then every
    non-zero count reaches the spikes of its value. `k^T v`: one for every pair of spikes of a key
    and a value of the same token, then every spike of a query reaches K sums.
    """
    q, k, v = q.double(), k.double(), v.double()  # whole numbers, exact to 2^53
    pairs = (q.sum(-2) * k.sum(-2)).sum(-1)
    through = ((q @ k.transpose(-1, -2) != 0).to(q.dtype).sum(-2) * v.sum(-1)).sum(-1)
    tokens = (k.sum(-1) * v.sum(-1)).sum(-1) + q.sum((-1, -2)) * q.shape[-1]
    total = int(torch.minimum(pairs + through, tokens).sum())
    return Operations(acs=total, values=nonzero(q.sum(-1)) * q.shape[-1])
