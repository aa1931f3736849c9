"""Layers of spiking neurons.

Axes: T time steps; *n any neuron axes; B batch, N tokens, D width; R rows, one for each token and
step at which the token is touched (see `ops.rows`).
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.nn.norm import ScaleNorm
from neurosvt.ops.lif import lif, lif_rows
from neurosvt.ops.rows import Rows
from neurosvt.ops.scaled_lif import rms_lif_rows, scaled_lif_rows


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
        return torch.sigmoid(-self.w)


@dataclass(frozen=True)
class RowContext:
    """What every spiking layer of a forward pass needs to know about its rows."""

    rows: Rows
    keep: Float[Tensor, "R 1"]
    """Share of its membrane that each token has left when its row arrives."""
    noise: Float[Tensor, "R 1"] | None = None
    """Standard deviation of what noise at every step has added since the last touch."""
    backend: str = "auto"


def row_context(
    rows: Rows, decay: float | Float[Tensor, " N"], noise: float, backend: str
) -> RowContext:
    """Rows with their membranes' decay, and the noise added, since each token's last touch.

    The power is taken in double precision, so that it is the same however a sequence is cut.
    """
    per_row = torch.as_tensor(decay, dtype=torch.float64, device=rows.elapsed.device)
    per_row = per_row[rows.position] if per_row.ndim else per_row
    keep = per_row.pow(rows.elapsed.double())[:, None]
    spread = None
    if noise:
        each = per_row[:, None] if per_row.ndim else per_row
        # Independent noise of g steps, each decayed since: a geometric sum of variances.
        spread = noise * ((1 - keep.square()) / (1 - each.square())).sqrt().float()
    return RowContext(rows, keep.float(), spread, backend)


class TokenLIF(nn.Module):
    """LIF at every token, computed at the tokens that are touched; undivided drive, hard reset.

    Its membranes are (B, N, D), each as its token's last touch left it.
    """

    def forward(
        self,
        current: Float[Tensor, "R D"],
        v: Float[Tensor, "B N D"],
        ctx: RowContext,
        norm: nn.Module | None = None,
    ) -> tuple[Float[Tensor, "R D"], Float[Tensor, "B N D"]]:
        """Spikes of every row and the membranes left; `norm` is applied to the current first."""
        flat = v.reshape(-1, v.shape[-1])
        spikes, left = self.fire(current, flat[ctx.rows.sorted_indices], ctx, norm)
        return spikes, flat.index_copy(0, ctx.rows.sorted_indices, left).reshape(v.shape)

    def fire(
        self, current: Tensor, v: Tensor, ctx: RowContext, norm: nn.Module | None
    ) -> tuple[Tensor, Tensor]:
        options: dict[str, Any] = {
            "batch_sizes": ctx.rows.batch_sizes, "keep": ctx.keep, "backend": ctx.backend,
        }  # fmt: skip
        # A scale and the neurons behind it are one pass over memory, unless noise comes between.
        if isinstance(norm, ScaleNorm) and ctx.noise is None and len(current):
            if not norm.training:
                return scaled_lif_rows(current, norm.scale(), v, **options)
            spikes, left, mean_square = rms_lif_rows(current, norm.gain, norm.eps, v, **options)
            norm.learn(mean_square)
            return spikes, left
        current = current if norm is None else norm(current)
        if ctx.noise is not None:
            # Of a token that is not touched no noise is drawn: it cannot fire before it is.
            current = current + ctx.noise * torch.randn_like(current)
        return lif_rows(current, v, **options)
