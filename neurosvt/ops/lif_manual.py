"""Leaky integrate-and-fire with its backward pass written out.

Autograd would keep half a dozen tensors for every time step; here the membrane alone is kept, and
both passes walk through slices of buffers that are allocated once.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from neurosvt.ops.lif_definition import lif_reference
from neurosvt.ops.operators import WrittenOut
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
    learnt, for_all = (keep, 0.0) if isinstance(keep, Tensor) else (None, keep)
    spikes, left, _ = _lif(
        current, v, tuple(batch_sizes), learnt, for_all, threshold, reset, surrogate, slope
    )
    return spikes, left


def _ranks(batch_sizes: Sequence[int]) -> Iterator[tuple[int, slice]]:
    start = 0
    for size in batch_sizes:
        yield size, slice(start, start + size)
        start += size


def _part(keep: float | Tensor, rows: slice) -> float | Tensor:
    return keep[rows] if isinstance(keep, Tensor) and len(keep) > 1 else keep


def _forward(
    current: Tensor,
    v: Tensor,
    batch_sizes: tuple[int, ...],
    learnt: Tensor | None,
    for_all: float,
    threshold: float,
    reset: str,
    surrogate: str,
    slope: float,
) -> tuple[Tensor, Tensor, Tensor]:
    keep = for_all if learnt is None else learnt
    # The sign is turned, because torch has a fast kernel for "the value, or zero where it is
    # too low" (F.threshold, which passes NaN on) and none for too high.
    minus_h, minus_v = -current.to(v.dtype), -v
    for size, rows in _ranks(batch_sizes):
        live, now = minus_v[:size], minus_h[rows]
        # As in the definition, multiply, then add, so that spikes are equal to the bit.
        now += live.mul_(_part(keep, rows))
        if reset == "hard":
            live.copy_(F.threshold(now, -threshold, 0.0))
        else:
            torch.where(now <= -threshold, now + threshold, now, out=live)
    spikes = (minus_h <= -threshold).to(current.dtype)
    if not minus_h.sum().isfinite():
        spikes.masked_fill_(minus_h.isnan(), torch.nan)
    return spikes, -minus_v, minus_h


def _backward(inputs: Any, kept: Any, grads: Any) -> tuple[Any, ...]:
    current, begin, batch_sizes, learnt, for_all, threshold, reset, surrogate, slope = inputs
    keep, hard = for_all if learnt is None else learnt, reset == "hard"
    (minus_h,) = kept
    passed = minus_h > -threshold
    grad_h = grads[0].to(minus_h.dtype, copy=True)
    grad_v = grads[1].clone()
    derivative = SURROGATES[surrogate].derivative
    for size, rows in reversed(list(_ranks(batch_sizes))):
        live, now = grad_v[:size], grad_h[rows]
        # Both surrogates are symmetric, so the turned sign does not matter to them.
        now *= derivative(minus_h[rows] + threshold, slope)
        now += live.mul_(passed[rows]) if hard else live
        torch.mul(now, _part(keep, rows), out=live)
    grad_keep = None
    if learnt is not None and learnt.requires_grad:
        h = -minus_h
        left = h * passed if hard else h - threshold * ~passed
        grad_keep = grad_h * _before(left, begin, batch_sizes)
        if learnt.shape[1] == 1:
            grad_keep = grad_keep.sum(1, keepdim=True)
        if len(learnt) == 1:
            grad_keep = grad_keep.sum(0, keepdim=True)
    return grad_h.to(current.dtype), grad_v, None, grad_keep, *[None] * 5


def _before(left: Tensor, begin: Tensor, batch_sizes: Sequence[int]) -> Tensor:
    """The membrane that each row found: what the row of the same stream one rank earlier left."""
    found = torch.empty_like(left)
    earlier = begin
    for size, rows in _ranks(batch_sizes):
        found[rows] = earlier[:size]
        earlier = left[rows]
    return found


def _definition(
    current: Tensor, v: Tensor, sizes: Any, learnt: Tensor | None, for_all: float, *rest: Any
) -> tuple[Tensor, Tensor]:
    return lif_reference(current, v, sizes, for_all if learnt is None else learnt, *rest)


_lif = WrittenOut(
    "lif_manual",
    _forward,
    backward=_backward,
    definition=_definition,
    constants=[2],
    keeps=[2],
)
