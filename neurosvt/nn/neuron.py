"""Layers of spiking neurons of any shape, over time.

Axes: T time steps; *n any neuron axes; D width.
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.nn.bounds import kept_within
from neurosvt.ops.lif import lif


def checked_tau(tau: float, name: str = "tau") -> float:
    """`tau` itself, if a membrane can have it; `name` is what a message calls it."""
    if not 1 < tau < math.inf:
        raise ValueError(f"{name} must be > 1 time step and finite, got {tau}")
    return tau


class LIF(nn.Module):
    """A layer of leaky integrate-and-fire neurons, any shape, one time constant.

    Args:
        tau: membrane time constant, in time steps, > 1. Larger remembers longer: without input
            the membrane keeps `1 - 1/tau` of itself per step.
        threshold: membrane level that fires.
        decay_input, reset, backend: as in `ops.lif.lif`.
    """

    def __init__(
        self,
        tau: float = 2.0,
        threshold: float = 1.0,
        *,
        decay_input: bool = False,
        reset: str = "hard",
        backend: str = "auto",
    ):
        super().__init__()
        self.tau = checked_tau(tau)
        self.threshold = threshold
        self.decay_input = decay_input
        self.reset = reset
        self.backend = backend

    def decay(self) -> float | Tensor:
        return 1 - 1 / self.tau

    def forward(
        self, current: Float[Tensor, " T *n"], v: Float[Tensor, " *n"] | None = None
    ) -> tuple[Float[Tensor, " T *n"], Float[Tensor, " *n"]]:
        return lif(
            current,
            v,
            decay=self.decay(),
            threshold=self.threshold,
            decay_input=self.decay_input,
            reset=self.reset,
            backend=self.backend,
        )


class ParametricLIF(LIF):
    """LIF with one learnt time constant per channel, the last axis.

    Args:
        width: channels.
        tau: time constant at the start, in time steps, > 1.

    Source: Fang et al., "Incorporating Learnable Membrane Time Constant" (ICCV 2021), sec. 3.3:
    `1/tau = sigmoid(w)`, so that every w is a time constant.
    """

    def __init__(self, width: int, tau: float = 2.0, **options: Any):
        super().__init__(tau, **options)
        self.w = nn.Parameter(torch.full((width,), -math.log(tau - 1)))

    def decay(self) -> Float[Tensor, " D"]:
        # At the ends float32 would round to all or nothing, and no gradient would lead back.
        return torch.sigmoid(-kept_within(self.w, -16.0, 16.0))
