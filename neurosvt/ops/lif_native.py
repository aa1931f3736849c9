"""Leaky integrate-and-fire through the C++ kernels: each pass reads and writes memory once."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurosvt.ops.lif_written import lif_written
from neurosvt.ops.native import call, suits

_SURROGATES = {"arctan": 0, "sigmoid": 1}


def lif_native(
    current: Tensor,
    v: Tensor,
    sizes: Sequence[int],
    keep: float | Tensor,
    threshold: float,
    reset: str,
    surrogate: str,
    slope: float,
) -> tuple[Tensor, Tensor]:
    """As `lif_reference`; what the kernels do not know (a decay for every neuron, double
    precision, another device) runs in PyTorch."""
    per_row = isinstance(keep, Tensor) and (keep.shape[1] != 1 or keep.requires_grad)
    if per_row or not suits(current) or v.dtype != torch.float32:
        return lif_written(current, v, sizes, keep, threshold, reset, surrogate, slope)
    constants = threshold, int(reset == "soft"), _SURROGATES[surrogate], slope
    return _LIF.apply(current.contiguous(), v, tuple(sizes), keep, constants)


def _split(keep: float | Tensor) -> tuple[Tensor | None, float]:
    """As the kernels take it: a decay for every row, or one for all."""
    return (keep.float().contiguous(), 0.0) if isinstance(keep, Tensor) else (None, keep)


class _LIF(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        current: Tensor,
        v: Tensor,
        sizes: tuple[int, ...],
        keep: float | Tensor,
        constants: tuple[float, int, int, float],
    ) -> tuple[Tensor, Tensor]:
        threshold, soft, _, _ = constants
        width = current.shape[1]
        v = v.clone(memory_format=torch.contiguous_format)
        h = torch.empty(current.shape, dtype=torch.float32)
        spikes = torch.empty_like(current)
        ranks = torch.tensor(sizes, dtype=torch.int64)
        each, all_rows = _split(keep)
        call(
            "lif_forward", current.dtype, current, v, ranks, len(sizes), each, all_rows,
            width, threshold, soft, h, spikes,
        )  # fmt: skip
        ctx.save_for_backward(h, ranks, each)
        ctx.constants = constants, all_rows, current.dtype
        return spikes, v

    @staticmethod
    def backward(ctx: Any, grad_spikes: Tensor, grad_v: Tensor) -> tuple[Any, ...]:
        h, ranks, each = ctx.saved_tensors
        (threshold, soft, surrogate, slope), all_rows, dtype = ctx.constants
        rows, width = h.shape
        grad_v = grad_v.clone(memory_format=torch.contiguous_format)
        grad_spikes = grad_spikes.contiguous()
        grad = torch.empty(h.shape, dtype=dtype)
        call(
            "lif_backward", dtype, grad_spikes, h, grad_v, ranks, len(ranks), rows, each, all_rows,
            width, threshold, soft, surrogate, slope, grad,
        )  # fmt: skip
        return grad, grad_v, None, None, None
