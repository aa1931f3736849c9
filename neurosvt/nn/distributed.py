"""A model of which a silent batch uses only a part, in training of several processes."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, distributed
from torch.nn import Parameter


def tied(x: Tensor, parameters: Iterable[Parameter]) -> Tensor:
    """`x` to the bit, in whose backward pass every parameter takes part where processes share it.

    `DistributedDataParallel` waits until each parameter was heard of, and a batch without events
    skips most layers. Such a parameter is heard of without a gradient, which counts as zero in the
    mean of all processes. In one process nothing is tied.
    """
    shared = distributed.is_available() and distributed.is_initialized()
    if not (shared and torch.is_grad_enabled()):
        return x
    learning = [p for p in parameters if p.requires_grad]
    out: Tensor = _Tie.apply(x, *learning)  # type: ignore[no-untyped-call]
    return out


class _Tie(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, *parameters: Tensor) -> Tensor:
        ctx.parameters = len(parameters)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return grad, *[None] * ctx.parameters
