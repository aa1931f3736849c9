"""The step function of a spiking neuron, with a smooth stand-in for its derivative.

Forwards a spike is exactly 0 or 1; backwards the step is replaced by a sigmoid-shaped curve
(Neftci, Mostafa and Zenke 2019, "Surrogate Gradient Learning in Spiking Neural Networks").
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from neurosvt.ops.operators import wants_gradient


class Surrogate(NamedTuple):
    """A smooth step and its derivative, both in `u`, the membrane's distance above threshold."""

    soft: Callable[[Tensor, float | Tensor], Tensor]
    """soft(u, slope), rising from 0 to 1, one half at u = 0."""
    derivative: Callable[[Tensor, float | Tensor], Tensor]
    """d soft / d u; written out for the backward passes that do without autograd."""
    slope: float
    """The slope that is used where none is given; no unit."""


def _arctan(u: Tensor, slope: float | Tensor) -> Tensor:
    return torch.atan(math.pi / 2 * slope * u) / math.pi + 0.5


def _arctan_derivative(u: Tensor, slope: float | Tensor) -> Tensor:
    return (math.pi / 2 * slope * u).square_().add_(1).reciprocal_().mul_(slope / 2)


def _sigmoid(u: Tensor, slope: float | Tensor) -> Tensor:
    return torch.sigmoid(slope * u)


def _sigmoid_derivative(u: Tensor, slope: float | Tensor) -> Tensor:
    soft = torch.sigmoid(slope * u)
    return slope * soft * (1 - soft)


# arctan with slope 2 is 1 / (1 + (pi u)^2), Fang et al. 2021 (PLIF), as used in Spikformer's code;
# sigmoid with slope 4 has the same height, 1, at the threshold.
SURROGATES = {
    "arctan": Surrogate(_arctan, _arctan_derivative, slope=2.0),
    "sigmoid": Surrogate(_sigmoid, _sigmoid_derivative, slope=4.0),
}


def surrogate_named(name: str) -> Surrogate:
    """The entry of `SURROGATES`, or a ValueError that lists the names there are."""
    if name not in SURROGATES:
        raise ValueError(f"surrogate {name!r} is unknown; choose from {sorted(SURROGATES)}")
    return SURROGATES[name]


def spike(
    u: Float[Tensor, " *n"],
    slope: float | Float[Tensor, " *#n"] | None = None,
    surrogate: str = "arctan",
) -> Float[Tensor, " *n"]:
    """1 where `u >= 0`, else 0; differentiable in `u` and in `slope` through the smooth stand-in.

        s = step(u) + soft(slope * u) - stop_gradient(soft(slope * u))

    Args:
        u: distance of the membrane above its threshold, in units of the threshold.
        slope: sharpness of the stand-in, no unit; a number, or a tensor that may itself be
            learnt (its gradient is that of `soft`). None takes the surrogate's own.
        surrogate: a key of `SURROGATES`.

    Returns:
        Spikes, each exactly 0.0 or 1.0; NaN where `u` is NaN.

    Raises:
        ValueError: `surrogate` unknown.
    """
    chosen = surrogate_named(surrogate)
    hard = (u >= 0).to(u.dtype)
    if not wants_gradient(u, slope):
        return torch.where(u == u, hard, u)
    soft = chosen.soft(u, chosen.slope if slope is None else slope)
    return hard + (soft - soft.detach())
