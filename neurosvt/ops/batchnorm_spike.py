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

from neurosvt.ops.across import is_shared, sum_across, total
from neurosvt.ops.buffers import empty_like
from neurosvt.ops.native import call, suits
from neurosvt.ops.operators import Operator, ready
from neurosvt.ops.precision import at_least_float32, check_floats
from neurosvt.ops.surrogate import spike

BLOCK = 64
"""Rows whose sums the kernels take in single precision; `ROWS` in native/batchnorm_spike.cpp, `RUN`
in native/cuda/device.cuh."""


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
        moments: running ones, constant, for eval mode; None takes those of the batch, of all
            processes that share it (`ops.across`).
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
    mean, variance = (None, None) if moments is None else moments
    check_floats(x=x, weight=weight, bias=bias, slope=slope, mean=mean, variance=variance)
    if moments is None and not len(x):
        raise ValueError("x has no rows to take moments of")
    shared = moments is None and is_shared()
    if not suits(x, backend, on_gpus=True) or not len(x):
        return batchnorm_spike_reference(x, weight, bias, slope, moments, threshold, eps, shared)
    spikes, mean, variance = _batchnorm_spike(
        x, weight, bias, slope, mean, variance, threshold, eps, shared
    )
    return spikes, moments or BatchStats(mean, variance)


def batchnorm_spike_reference(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    slope: Tensor,
    moments: BatchStats | None,
    threshold: float,
    eps: float,
    shared: bool,
) -> tuple[Tensor, BatchStats]:
    """The definition, differentiated by autograd. Moments are summed in double precision and
    rounded once, so that no order of summation can move a spike."""
    wide = at_least_float32(x)
    if moments is None:
        exact = wide.double()
        mean, variance = exact.mean(0), exact.var(0, correction=0)
        if shared:
            mean, variance = _of_all(total(_sums(exact, mean, variance)))
        mean, variance = mean.to(wide.dtype), variance.to(wide.dtype)
    else:
        mean, variance = map(at_least_float32, moments)
    weight, bias = at_least_float32(weight), at_least_float32(bias)
    factor = weight * torch.rsqrt(variance + eps)
    u = wide * factor + (bias - mean * factor)
    spikes = spike(u - threshold, slope, "sigmoid").to(x.dtype)
    return spikes, moments or BatchStats(mean.detach(), variance.detach())


def _sums(x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Sums over rows of 1, of the values and of their squares, in double precision."""
    mean, variance = mean.double(), variance.double()
    return len(x) * torch.stack([torch.ones_like(mean), mean, variance + mean.square()])


def _of_all(sums: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance, of such sums."""
    rows, values, squares = sums.unbind()
    mean = values / rows
    return mean, squares / rows - mean.square()


def _forward(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    slope: Tensor,
    mean: Tensor | None,
    variance: Tensor | None,
    threshold: float,
    eps: float,
    shared: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    x = ready(x, x.dtype)
    if mean is None or variance is None:
        mean, variance = _channels(x), _channels(x)
        call("moments", x, mean, variance)
        if shared:
            (sums,) = sum_across(_sums(x, mean, variance))
            mean, variance = (moment.float() for moment in _of_all(sums))
    else:  # an operator's outputs are none of its inputs
        mean, variance = ready(mean).clone(), ready(variance).clone()
    factor, shift = as_comparison(weight, bias, mean, variance, eps)
    spikes = empty_like(x)
    call("batch_fire", x, factor, shift, threshold, spikes)
    return spikes, mean, variance


def as_comparison(
    weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    """The norm as one product and one sum: factor and offset of every channel."""
    factor = ready(weight) * torch.rsqrt(variance + eps)
    return factor, ready(bias) - mean * factor


def _backward(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    slope: Tensor,
    mean: Tensor,
    variance: Tensor,
    given: bool,
    threshold: float,
    eps: float,
    shared: bool,
    grad_spikes: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x, mean, variance = ready(x, x.dtype), ready(mean), ready(variance)
    rows, width = x.shape
    factor, shift = as_comparison(weight, bias, mean, variance, eps)
    inverse = torch.rsqrt(variance + eps)
    grad = empty_like(x)
    grad_slope = x.new_empty(rows, 1, dtype=torch.float32)
    partial = x.new_empty(-(-rows // BLOCK), 2, width, dtype=torch.float32)
    call(
        "through_spike", ready(grad_spikes, x.dtype), x, factor, shift, ready(slope), mean,
        threshold, grad, grad_slope, partial,
    )  # fmt: skip
    grad_bias, along = partial.sum(0, dtype=torch.double).float().unbind()
    grad_weight, pull, count = along * inverse, grad_bias, x.new_full((), rows, dtype=torch.float32)
    if shared:
        along, pull, count = sum_across(along, pull, count)
    # The batch's own moments move with x; running ones do not.
    on_x = torch.zeros_like(factor) if given else factor * inverse * (along * inverse) / count
    constant = torch.zeros_like(factor) if given else factor * pull / count - mean * on_x
    call("through_norm", grad, x, factor, on_x, constant)
    return grad, grad_weight, grad_bias.clone(), grad_slope


def _gradients(inputs: Any, kept: Any, grads: Any) -> tuple[Any, ...]:
    x, weight, bias, slope, given, _, *rest = inputs
    found = _batchnorm_spike_backward(
        x, weight, bias, slope, *kept, given is not None, *rest, grads[0]
    )
    return *found, None, None, None, None, None


def _definition(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    slope: Tensor,
    mean: Tensor | None,
    variance: Tensor | None,
    *rest: Any,
) -> Tensor:
    given = None if mean is None or variance is None else BatchStats(mean, variance)
    return batchnorm_spike_reference(x, weight, bias, slope, given, *rest)[0]


def _channels(x: Tensor) -> Tensor:
    return x.new_empty(x.shape[-1:], dtype=torch.float32)


_batchnorm_spike = Operator(
    "batchnorm_spike(Tensor x, Tensor weight, Tensor bias, Tensor slope, Tensor? mean, "
    "Tensor? variance, float threshold, float eps, bool shared) -> (Tensor, Tensor, Tensor)",
    _forward,
    lambda x, *rest: (torch.empty_like(x), _channels(x), _channels(x)),
    backward=_gradients,
    definition=_definition,
    constants=[1, 2],
    keeps=[1, 2],
)
_batchnorm_spike_backward = Operator(
    "batchnorm_spike_backward(Tensor x, Tensor weight, Tensor bias, Tensor slope, Tensor mean, "
    "Tensor variance, bool given, float threshold, float eps, bool shared, Tensor grad_spikes) -> "
    "(Tensor, Tensor, Tensor, Tensor)",
    _backward,
    lambda x, weight, bias, slope, *rest: (
        torch.empty_like(x), _channels(x), _channels(x), slope.new_empty(slope.shape),
    ),
)  # fmt: skip
