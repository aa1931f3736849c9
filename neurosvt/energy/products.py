"""Operations of products, counted on the values that flow in.

Spikes (0 and 1 and nothing else) only choose what is added: additions, one for every target that a
spike reaches. Any other input makes multiply-adds, whatever its layer is called.

Axes: R rows, D inputs, E outputs; F frames, H heads, N tokens, K width per head.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from neurosvt.energy.operations import Operations
from neurosvt.energy.tally import tally_rows
from neurosvt.ops.native import suits


def nonzero(x: Tensor) -> int:
    """How many values are not zero."""
    return int(torch.count_nonzero(x))


class Tally(NamedTuple):
    """What some vectors hold. Whether they are spikes, 0 and 1 and nothing else, is decided for
    each, so that it does not matter what else is in a batch."""

    real: int
    """Those that are not spikes."""
    numbers: int
    """Non-zeros of these."""
    alive: int
    """Those that are, with at least one."""
    spikes: int
    """Spikes of these."""
    needed: int
    """Columns with any non-zero in a frame, summed over frames: whose weights have to be read."""


@dataclass(frozen=True)
class Frames:
    """In which frames vectors lie, a frame being one sample at one step."""

    count: int = 1
    index: Int[Tensor, " R"] | None = None
    """Of each vector, from 0; None for equal parts, in their order."""


ONE_FRAME = Frames()


def tally(x: Tensor, frames: Frames = ONE_FRAME) -> Tally:
    """Of the vectors (..., D) of the last axis."""
    if not x.numel():
        return Tally(0, 0, 0, 0, 0)
    rows = x.reshape(-1, x.shape[-1])
    rows = rows.float() if rows.dtype == torch.uint8 else rows  # a byte has no room for counts
    count, index = frames.count, frames.index
    if index is not None and len(index) != len(rows):  # of a state, which every sample has
        count, index = len(x), None
    if index is None and len(rows) % count:  # one of its steps, or something that has no frames
        count = len(x) if count % len(x) == 0 else 1
    if not suits(rows):
        return tally_reference(rows, Frames(count, index))
    return Tally(*tally_rows(rows, index, count).tolist())


def tally_reference(rows: Tensor, frames: Frames) -> Tally:
    """The definition."""
    count, index = frames.count, frames.index
    if index is None:
        index = torch.arange(len(rows), device=rows.device) * count // len(rows)
    filled = rows != 0
    columns = filled.new_zeros(count, rows.shape[1], dtype=torch.int32)
    columns.index_add_(0, index, filled.int())
    nonzeros, ones = filled.sum(-1), (rows == 1).sum(-1)
    return _split(nonzeros, nonzeros == ones, nonzero(columns))


def _split(found: Tensor, spiking: Tensor, needed: int = 0) -> Tally:
    """`found`, of things of which some are spiking."""
    spikes = found[spiking]
    return Tally(
        len(found) - len(spikes), int(found[~spiking].sum()), nonzero(spikes), int(spikes.sum()),
        needed,
    )  # fmt: skip


def product(x: Tensor, fan_out: int, frames: Frames = ONE_FRAME) -> Operations:
    """Vectors (..., D) whose numbers reach `fan_out` outputs each, through weights of their own."""
    width = x.shape[-1]
    real, numbers, alive, spikes, needed = tally(x, frames)
    return Operations(
        macs=real * width * fan_out,
        macs_nonzero=numbers * fan_out,
        acs=spikes * fan_out,
        rows=x.numel() // width if width else 0,
        weights_once=needed * fan_out,
        weights_each=(spikes + real * width) * fan_out,
        values=(alive + real) * fan_out + real * width,
    )


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
    frames: Frames,
) -> Operations:
    """Images (B, C, ...), each pixel of which reaches the outputs whose window it lies in.

    What the padding adds is no input: a spike never comes from there. Of real numbers a dense
    machine multiplies all that lies in a window.

    Args:
        weight: (E, C / groups, ...), or (C, E / groups, ...) if transposed.
        outputs: shape of what comes out.
        axes: of the image, one after the other.
        frames: in which the images are.
    """
    channels = weight.shape[1] if transposed else weight.shape[0] // groups
    reach = torch.tensor(float(channels), dtype=torch.float64)
    for axis, size, out in zip(axes, x.shape[2:], outputs[2:], strict=True):
        windows = reaches(axis, size, out, transposed)
        reach = reach[..., None] * torch.tensor(windows, dtype=torch.float64)
    effective = ((x != 0).double() * reach).flatten(1).sum(1)  # whole numbers, exact to 2^53
    flat = x.flatten(1)
    spiking = ((flat == 0) | (flat == 1)).all(1)
    done = _split(effective, spiking)
    needed = tally(x.flatten(2).any(-1).float(), frames).needed
    # Each number of one side meets, through the kernel, the channels of its group on the other.
    image, said = math.prod(x.shape[1:]), math.prod(outputs[1:])
    whole = (image if transposed else said) * math.prod(weight.shape[1:])
    return Operations(
        macs=done.real * whole,
        macs_nonzero=done.numbers,
        acs=done.spikes,
        rows=len(x),
        weights_once=weight.numel() // x.shape[1] * needed,
        weights_each=done.spikes + done.real * whole,
        values=(done.alive + done.real) * said + done.real * image,
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


def meeting(a: Tensor, b: Tensor) -> Operations:
    """The products (..., N, K) (..., K, M) of two things that both flowed.

    Where one is binary, every pair of non-zeros that meet is an addition: a spike of a query that
    meets one of a key, or a spike that lets a count through. Else all are multiply-adds.
    """
    pairs = ((a != 0).sum(-2) * (b != 0).sum(-1)).sum(-1)
    spiking = [((x == 0) | (x == 1)).flatten(-2).all(-1) for x in (a, b)]
    done = _split(pairs.reshape(-1), (spiking[0] | spiking[1]).reshape(-1))
    (rows, inner), columns = a.shape[-2:], b.shape[-1]
    return Operations(
        macs=done.real * rows * inner * columns,
        macs_nonzero=done.numbers,
        acs=done.spikes,
        values=(done.alive + done.real) * rows * columns + done.real * inner * (rows + columns),
    )


def attention(q: Tensor, k: Tensor, v: Tensor) -> Operations:
    """`(q k^T) v`, or `q (k^T v)` where fewer, for each head; (F, H, N, K) spikes.

    `q k^T`: one for every pair of spikes of a query and a key in the same channel, then every
    non-zero count reaches the spikes of its value. `k^T v`: one for every pair of spikes of a key
    and a value of the same token, then every spike of a query reaches K sums.
    """
    at_q, at_k, at_v = (x.sum(-1) for x in (q, k, v))
    pairs = (q.sum(-2).double() * k.sum(-2)).sum(-1)  # exact to 2^53
    scores = q @ k.transpose(-1, -2) != 0
    keys_first = pairs + (scores.sum(-2) * at_v.double()).sum(-1)
    values_first = (at_k.double() * at_v).sum(-1) + at_q.sum(-1).double() * q.shape[-1]
    total = int(torch.minimum(keys_first, values_first).sum())
    # Counts that come between are written and read again.
    other = values_first < keys_first
    between = nonzero(scores[~other]) + nonzero(k[other].transpose(-1, -2) @ v[other])
    return Operations(acs=total, values=2 * between + nonzero(at_q) * q.shape[-1])
