"""Spikes times weights that learn.

Where few inputs fire, a product adds up a row of weights for each spike, and the gradient of the
weights a row of the product's gradient; else both are matrix products, as the gradient of the
spikes always is.

Axes: R rows, D inputs, E outputs.
"""

from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from neurosvt.ops.buffers import empty
from neurosvt.ops.native import call, numbers_or_bytes, suits
from neurosvt.ops.operators import Operator, ready
from neurosvt.ops.precision import product_type
from neurosvt.ops.products import gathered

FEW_SPIKES = 0.2
"""Share of inputs that fire below which rows are added up: measured on AVX2, where a matrix product
takes as long as rows of a quarter."""

SAMPLE = 64
"""One row in so many is looked at for that share."""


def spike_product(
    spikes: Shaped[Tensor, "R D"], weight: Float[Tensor, "E D"]
) -> Float[Tensor, "R E"]:
    """`spikes @ weight.T`; spikes in a byte each, any but 0 being one, have no gradient."""
    if spikes.dtype == torch.bool:
        spikes = spikes.view(torch.uint8)
    if not suits(weight) or weight.dtype != torch.float32 or not _taken(spikes, weight):
        return _definition(spikes, weight)
    out: Tensor = _product(spikes, weight)
    return out


def _taken(spikes: Tensor, weight: Tensor) -> bool:
    """Whether the kernels take these spikes; half precision is left to matrix products."""
    kinds = (torch.uint8, torch.float32)
    autocast = torch.is_autocast_enabled(spikes.device.type)
    return spikes.dtype in kinds and spikes.device == weight.device and not autocast


def _definition(spikes: Tensor, weight: Tensor) -> Tensor:
    if spikes.dtype == torch.uint8:
        spikes = (spikes != 0).to(product_type(weight))
    return F.linear(spikes, weight)


def _few(spikes: Tensor) -> bool:
    some = spikes[::SAMPLE]
    return int(some.count_nonzero()) < FEW_SPIKES * some.numel()


def _forward(spikes: Tensor, weight: Tensor) -> Tensor:
    if _few(spikes):
        return gathered(spikes, weight.T)
    out = empty((len(spikes), len(weight)))
    numbers = spikes if spikes.is_floating_point() else (spikes != 0).to(torch.float32)
    return torch.mm(numbers, weight.T, out=out)


def _backward(spikes: Tensor, grad: Tensor) -> Tensor:
    if not _few(spikes):
        return grad.T @ (spikes if spikes.is_floating_point() else (spikes != 0).to(grad.dtype))
    on_weight = grad.new_zeros(spikes.shape[1], grad.shape[1])
    spikes = ready(spikes, spikes.dtype)
    call("gather_gradient", *numbers_or_bytes(spikes), ready(grad), on_weight)
    return on_weight.T


def _gradients(inputs: Any, _: Any, grads: Any) -> Any:
    spikes, weight = inputs
    on_spikes = None
    if spikes.is_floating_point():
        on_spikes = torch.mm(grads[0], weight, out=empty(spikes.shape))
    return on_spikes, _weight_gradient(spikes, grads[0])


_product = Operator(
    "spike_product(Tensor spikes, Tensor weight) -> Tensor",
    _forward,
    lambda spikes, weight: weight.new_empty(len(spikes), len(weight)),
    backward=_gradients,
    definition=_definition,
)
_weight_gradient = Operator(
    "spike_product_gradient(Tensor spikes, Tensor grad) -> Tensor",
    _backward,
    lambda spikes, grad: grad.new_empty(grad.shape[1], spikes.shape[1]),
)
