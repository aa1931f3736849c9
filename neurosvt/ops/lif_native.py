"""Leaky integrate-and-fire through the C++ kernels: each pass reads and writes memory once.

Nothing but the current is kept for the backward pass, which computes the membranes again.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurosvt.ops.buffers import empty, empty_like
from neurosvt.ops.lif_manual import lif_manual
from neurosvt.ops.native import call, suits

_SURROGATES = {"arctan": 0, "sigmoid": 1}


def lif_native(
    current: Tensor,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: float | Tensor,
    threshold: float,
    reset: str,
    surrogate: str,
    slope: float,
) -> tuple[Tensor, Tensor]:
    """As `lif_reference`; what the kernels do not know (a decay for every neuron at every step,
    double precision, another device) runs in PyTorch."""
    if not kernels_know(current, v, keep):
        return lif_manual(current, v, batch_sizes, keep, threshold, reset, surrogate, slope)
    constants = threshold, int(reset == "soft"), _SURROGATES[surrogate], slope
    out: tuple[Tensor, Tensor] = _LIF.apply(  # type: ignore[no-untyped-call]
        current.contiguous(), v, tuple(batch_sizes), keep, constants
    )
    return out


def lif_bytes(
    current: Tensor,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: float | Tensor,
    threshold: float,
    reset: str,
) -> tuple[Tensor, Tensor]:
    """Spikes in a byte each, for inputs that `kernels_know`; no gradients."""
    spikes = empty(current.shape, torch.uint8)
    keep = _for_channels(keep, current.shape)
    left = fire(
        current.contiguous(), None, v, batch_sizes, keep, threshold, int(reset == "soft"), spikes
    )
    return spikes, left


def kernels_know(current: Tensor, v: Tensor, keep: float | Tensor) -> bool:
    """Whether there is a kernel for these: one decay for all; one for every row, constant; or one
    for every channel, learnt or not; currents and membranes of the kinds that kernels take."""
    known = not isinstance(keep, Tensor) or (
        keep.dtype == torch.float32
        and (len(keep) == 1 or (keep.shape[1] == 1 and not keep.requires_grad))
    )
    return known and suits(current) and v.dtype == torch.float32


def _for_channels(keep: float | Tensor, shape: torch.Size) -> float | Tensor:
    """One decay in a tensor as one for every channel; everything else as it is."""
    one_for_all = isinstance(keep, Tensor) and keep.shape == (1, 1)
    return keep.expand(1, shape[1]) if one_for_all else keep  # type: ignore[union-attr]


def _split(keep: float | Tensor, width: int) -> tuple[Tensor | None, int, float]:
    """As the kernels take it: decays, whether they are those of channels, or one for all."""
    if not isinstance(keep, Tensor):
        return None, 0, keep
    return keep.detach().contiguous(), int(keep.shape == (1, width)), 0.0


def fire(
    current: Tensor,
    scale: Tensor | None,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: float | Tensor,
    threshold: float,
    soft: int,
    spikes: Tensor,
) -> Tensor:
    """The forward kernel: fills `spikes`, returns the membranes left."""
    v = v.clone(memory_format=torch.contiguous_format)
    rows, width = current.shape
    each, per_channel, for_all = _split(keep, width)
    call(
        "lif_forward", current.dtype, current, scale, v,
        torch.tensor(batch_sizes, dtype=torch.int64), len(batch_sizes), rows, len(v), width,
        each, per_channel, for_all, threshold, soft, spikes, int(spikes.dtype == torch.uint8),
    )  # fmt: skip
    return v


def back_through(
    grad_spikes: Tensor,
    current: Tensor,
    scale: Tensor | None,
    v: Tensor,
    grad_v: Tensor,
    batch_sizes: Sequence[int],
    keep: float | Tensor,
    constants: tuple[float, int, int, float],
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The backward kernel, from what the forward kernel was given.

    Returns:
        Gradients of what drove the neurons (the current, after its scale), of the membranes at the
        beginning, and, for a decay per channel, of it.
    """
    threshold, soft, surrogate, slope = constants
    grad_v = grad_v.clone(memory_format=torch.contiguous_format)
    rows, width = current.shape
    each, per_channel, for_all = _split(keep, width)
    grad = empty_like(current)
    grad_keep = torch.zeros(width) if per_channel else None
    call(
        "lif_backward", current.dtype, grad_spikes.contiguous(), current, scale, v.contiguous(),
        grad_v, torch.tensor(batch_sizes, dtype=torch.int64), len(batch_sizes), rows, len(v), width,
        each, per_channel, for_all, threshold, soft, surrogate, slope, grad, grad_keep,
    )  # fmt: skip
    return grad, grad_v, grad_keep


class _LIF(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        current: Tensor,
        v: Tensor,
        batch_sizes: tuple[int, ...],
        keep: float | Tensor,
        constants: tuple[float, int, int, float],
    ) -> tuple[Tensor, Tensor]:
        threshold, soft, _, _ = constants
        ctx.each_channel = isinstance(keep, Tensor) and keep.shape[1] == current.shape[1]
        keep = _for_channels(keep, current.shape)
        spikes = empty_like(current)
        left = fire(current, None, v, batch_sizes, keep, threshold, soft, spikes)
        ctx.save_for_backward(current, v, keep if isinstance(keep, Tensor) else None)
        ctx.constants = batch_sizes, keep if not isinstance(keep, Tensor) else None, constants
        return spikes, left

    @staticmethod
    def backward(ctx: Any, grad_spikes: Tensor, grad_v: Tensor) -> tuple[Any, ...]:
        current, v, each = ctx.saved_tensors
        batch_sizes, for_all, constants = ctx.constants
        keep = for_all if each is None else each
        grad, on_v, grad_keep = back_through(
            grad_spikes, current, None, v, grad_v, batch_sizes, keep, constants
        )
        if grad_keep is None or not ctx.needs_input_grad[3]:
            return grad, on_v, None, None, None
        on_keep = grad_keep[None] if ctx.each_channel else grad_keep.sum().reshape(1, 1)
        return grad, on_v, None, on_keep, None
