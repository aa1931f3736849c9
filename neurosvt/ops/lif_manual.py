"""Leaky integrate-and-fire with its backward pass written out.

Autograd would keep half a dozen tensors for every time step; here the membrane alone is kept, and
both passes walk through slices of buffers that are allocated once.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from neurosvt.ops.surrogate import SURROGATES


def lif_manual(
    current: Tensor,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: float | Tensor,
    threshold: float,
    reset: str,
    surrogate: str,
    slope: float,
) -> tuple[Tensor, Tensor]:
    """As `lif_reference`; the membrane is kept in the precision of `v`, whatever `current` has."""
    out: tuple[Tensor, Tensor] = _LIF.apply(  # type: ignore[no-untyped-call]
        current, v, tuple(batch_sizes), keep, threshold, reset == "hard", surrogate, slope
    )
    return out


def _ranks(batch_sizes: Sequence[int]) -> Iterator[tuple[int, slice]]:
    start = 0
    for size in batch_sizes:
        yield size, slice(start, start + size)
        start += size


def _part(keep: float | Tensor, rows: slice) -> float | Tensor:
    return keep[rows] if isinstance(keep, Tensor) and len(keep) > 1 else keep


class _LIF(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        current: Tensor,
        v: Tensor,
        batch_sizes: tuple[int, ...],
        keep: float | Tensor,
        threshold: float,
        hard: bool,
        surrogate: str,
        slope: float,
    ) -> tuple[Tensor, Tensor]:
        # The sign is turned, because torch has a fast kernel for "the value, or zero where it is
        # too low" (F.threshold, which passes NaN on) and none for too high.
        minus_h = -current.to(v.dtype)
        begin, minus_v = v, -v
        for size, rows in _ranks(batch_sizes):
            live, now = minus_v[:size], minus_h[rows]
            # As in the definition, multiply, then add, so that spikes are equal to the bit.
            now += live.mul_(_part(keep, rows))
            if hard:
                live.copy_(F.threshold(now, -threshold, 0.0))
            else:
                torch.where(now <= -threshold, now + threshold, now, out=live)
        ctx.save_for_backward(minus_h, begin, keep if isinstance(keep, Tensor) else None)
        ctx.constants = batch_sizes, keep, threshold, hard, surrogate, slope, current.dtype
        spikes = (minus_h <= -threshold).to(current.dtype)
        if not minus_h.sum().isfinite():
            spikes.masked_fill_(minus_h.isnan(), torch.nan)
        return spikes, -minus_v

    @staticmethod
    def backward(ctx: Any, grad_spikes: Tensor, grad_v: Tensor) -> tuple[Any, ...]:
        minus_h, begin, saved_keep = ctx.saved_tensors
        batch_sizes, keep, threshold, hard, surrogate, slope, dtype = ctx.constants
        keep = keep if saved_keep is None else saved_keep
        passed = minus_h > -threshold
        grad_h = grad_spikes.to(minus_h.dtype, copy=True)
        grad_v = grad_v.clone()
        derivative = SURROGATES[surrogate].derivative
        for size, rows in reversed(list(_ranks(batch_sizes))):
            live, now = grad_v[:size], grad_h[rows]
            # Both surrogates are symmetric, so the turned sign does not matter to them.
            now *= derivative(minus_h[rows] + threshold, slope)
            now += live.mul_(passed[rows]) if hard else live
            torch.mul(now, _part(keep, rows), out=live)
        grad_keep = None
        if saved_keep is not None and ctx.needs_input_grad[3]:
            h = -minus_h
            left = h * passed if hard else h - threshold * ~passed
            grad_keep = grad_h * _before(left, begin, batch_sizes)
            if saved_keep.shape[1] == 1:
                grad_keep = grad_keep.sum(1, keepdim=True)
            if len(saved_keep) == 1:
                grad_keep = grad_keep.sum(0, keepdim=True)
        return grad_h.to(dtype), grad_v, None, grad_keep, None, None, None, None


def _before(left: Tensor, begin: Tensor, batch_sizes: Sequence[int]) -> Tensor:
    """The membrane that each row found: what the row of the same stream one rank earlier left."""
    found = torch.empty_like(left)
    earlier = begin
    for size, rows in _ranks(batch_sizes):
        found[rows] = earlier[:size]
        earlier = left[rows]
    return found
