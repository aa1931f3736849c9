"""Batch normalisation and a spike: a spiking layer that runs for one step from rest.

At T = 1 a neuron is a step function of its current, so the norm before it and the step are one
function of a batch of rows; its backward pass is where a surrogate's slope, which may differ from
row to row and be learnt, comes in. `batchnorm_spike_reference` is the definition.

Axes: R rows (tokens of all samples), D channels.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from neurosvt.ops.buffers import empty_like
from neurosvt.ops.native import call, suits
from neurosvt.ops.precision import at_least_float32
from neurosvt.ops.surrogate import spike

BLOCK = 64
"""Rows whose sums the kernel takes in single precision; `ROWS` in native/batchnorm_spike.cpp."""


class BatchStats(NamedTuple):
    """Mean and biased variance of each channel."""

    mean: Float[Tensor, " D"]
    variance: Float[Tensor, " D"]


def batchnorm_spike(
    x: Float[Tensor, "R D"],
    weight: Float[Tensor, " D"],
    bias: Float[Tensor, " D"],
    slope: Float[Tensor, "R 1"],
    *,
    moments: BatchStats | None = None,
    threshold: float = 1.0,
    eps: float = 1e-5,
    backend: str = "auto",
) -> tuple[Float[Tensor, "R D"], BatchStats]:
    """Spikes of normalised rows, each exactly 0.0 or 1.0, in the precision of `x`.

        u = weight * (x - mean) / sqrt(variance + eps) + bias
        s = 1 if u >= threshold else 0        backwards: sigmoid(slope * (u - threshold))

    Args:
        x: current, before the norm.
        weight, bias: of the norm, float32.
        slope: sharpness of each row's surrogate, no unit, float32; may be learnt.
        moments: running ones, constant, for eval mode; None takes those of the batch.
        threshold: level of u that fires.
        eps: added to the variance.
        backend: see `ops.native`; "compile" is as "manual" here.

    Returns:
        The spikes, and the moments used, which carry no gradient of their own.

    Raises:
        ValueError: no rows to take moments of.

    Source: batch normalisation, Ioffe and Szegedy 2015, sec. 3; the slope learnt through
    `hard + (soft - soft.detach())`, as in the card of Dy-SViT.
    """
    if not len(x) and moments is None:
        raise ValueError("x has no rows to take moments of")
    if not suits(x, backend) or not len(x):
        return batchnorm_spike_reference(x, weight, bias, slope, moments, threshold, eps)
    given = moments is not None
    mean, variance = _moments(x) if moments is None else moments
    spikes: Tensor = _BatchSpike.apply(  # type: ignore[no-untyped-call]
        x, weight, bias, slope, mean, variance, given, threshold, eps
    )
    return spikes, BatchStats(mean, variance)


def batchnorm_spike_reference(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    slope: Tensor,
    moments: BatchStats | None,
    threshold: float,
    eps: float,
) -> tuple[Tensor, BatchStats]:
    """The definition, differentiated by autograd. Moments are summed in double precision and
    rounded once, so that no order of summation can move a spike."""
    wide = at_least_float32(x)
    if moments is None:
        exact = wide.double()
        mean = exact.mean(0).to(wide.dtype)
        variance = exact.var(0, correction=0).to(wide.dtype)
    else:
        mean, variance = moments
    factor = weight * torch.rsqrt(variance + eps)
    u = wide * factor + (bias - mean * factor)
    spikes = spike(u - threshold, slope, "sigmoid").to(x.dtype)
    return spikes, BatchStats(mean.detach(), variance.detach())


def _moments(x: Tensor) -> BatchStats:
    x = x.detach().contiguous()
    mean, variance = torch.empty(2, x.shape[1]).unbind()
    call("moments", x.dtype, x, *x.shape, mean, variance)
    return BatchStats(mean, variance)


class _BatchSpike(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        slope: Tensor,
        mean: Tensor,
        variance: Tensor,
        given: bool,
        threshold: float,
        eps: float,
    ) -> Tensor:
        x = x.contiguous()
        inverse = torch.rsqrt(variance + eps)
        factor = weight * inverse
        shift = bias - mean * factor
        spikes = empty_like(x)
        call("batch_fire", x.dtype, x, factor, shift, *x.shape, threshold, spikes)
        ctx.save_for_backward(x, factor, shift, slope.contiguous(), mean, inverse)
        ctx.rest = given, threshold
        return spikes

    @staticmethod
    def backward(ctx: Any, grad_spikes: Tensor) -> tuple[Any, ...]:
        x, factor, shift, slope, mean, inverse = ctx.saved_tensors
        given, threshold = ctx.rest
        rows, width = x.shape
        grad, grad_slope = empty_like(x), torch.empty(rows, 1)
        partial = torch.empty(-(-rows // BLOCK), 2, width)
        call(
            "through_spike", x.dtype, grad_spikes.contiguous(), x, factor, shift, slope, mean,
            rows, width, threshold, grad, grad_slope, partial,
        )  # fmt: skip
        grad_bias, along = partial.sum(0, dtype=torch.double).float()
        grad_weight = along * inverse
        # The batch's own moments move with x; running ones do not.
        on_x = torch.zeros(width) if given else factor * inverse * grad_weight / rows
        constant = torch.zeros(width) if given else factor * grad_bias / rows - mean * on_x
        call("through_norm", x.dtype, grad, x, factor, on_x, constant, rows, width)
        return grad, grad_weight, grad_bias, grad_slope, None, None, None, None, None
