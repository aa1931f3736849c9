"""Spiking neurons at the tokens that are touched.

Axes: B batch, N tokens, D width; R rows, one for each token and step at which the token is touched;
S streams, one for each token that is touched at all (see `ops.rows`).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.config import Registry
from neurosvt.nn.neuron import checked_tau
from neurosvt.nn.norm import ScaleNorm
from neurosvt.ops.across import is_shared
from neurosvt.ops.lif import lif_rows
from neurosvt.ops.rows import Rows
from neurosvt.ops.scaled_lif import rms_lif_rows, scaled_lif_rows
from neurosvt.ops.surrogate import spike


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
    if isinstance(decay, Tensor):
        per_row = decay.to(rows.elapsed.device, torch.float64)[rows.position]
    else:
        per_row = rows.elapsed.new_full((), decay, dtype=torch.float64)
    keep = per_row.pow(rows.elapsed.double())[:, None]
    spread = None
    if noise:
        each = per_row[:, None] if per_row.ndim else per_row
        # Independent noise of g steps, each decayed since: a geometric sum of variances.
        spread = noise * ((1 - keep.square()) / (1 - each.square())).sqrt().float()
    return RowContext(rows, keep.float(), spread, backend)


class TokenNeuron(nn.Module, ABC):
    """A layer of neurons at every token, computed at the tokens that are touched.

    Its membranes are (B, N, D), each as its token's last touch left it. What a subclass says is
    `react`: which neurons fire at their present charge, and what that leaves of it. Leak, drive,
    normalisation and the noise that models are judged with are applied here, so that no neuron can
    forget them.
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
        touched = ctx.rows.sorted_indices
        spikes, left = self.fire(current, flat.index_select(0, touched), ctx, norm)
        return spikes, flat.index_copy(0, touched, left).reshape(v.shape)

    def fire(
        self,
        current: Float[Tensor, "R D"],
        v: Float[Tensor, "S D"],
        ctx: RowContext,
        norm: nn.Module | None,
    ) -> tuple[Float[Tensor, "R D"], Float[Tensor, "S D"]]:
        """The same with the membranes of the tokens that are touched alone."""
        return self.over_touches(self.driven(current, ctx, norm), v, ctx)

    def driven(
        self, current: Float[Tensor, "R D"], ctx: RowContext, norm: nn.Module | None
    ) -> Float[Tensor, "R D"]:
        """The current, normalised, with the noise that has gathered since each last touch."""
        current = current if norm is None else norm(current)
        if ctx.noise is not None:
            # Of a token that is not touched no noise is drawn: it cannot fire before it is.
            current = current + ctx.noise * torch.randn_like(current)
        return current

    def over_touches(
        self, current: Float[Tensor, "R D"], v: Float[Tensor, "S D"], ctx: RowContext
    ) -> tuple[Float[Tensor, "R D"], Float[Tensor, "S D"]]:
        """Leak, add and react, touch after touch: rows come ordered by rank, as `lif_rows` says."""
        spikes, start = [current[:0].to(v.dtype)], 0
        for size in ctx.rows.batch_sizes:
            rows = slice(start, start + size)
            fired, left = self.react(ctx.keep[rows] * v[:size] + current[rows])
            v = torch.cat([left, v[size:]])
            spikes.append(fired)
            start += size
        return torch.cat(spikes).to(current.dtype), v

    @abstractmethod
    def react(
        self, charge: Float[Tensor, "r D"]
    ) -> tuple[Float[Tensor, "r D"], Float[Tensor, "r D"]]:
        """Spikes (exactly 0.0 or 1.0; silent at a charge of 0) and what is left of the charge."""


class TokenLIF(TokenNeuron):
    """LIF with a threshold of 1, undivided drive and hard reset; by kernels where there are any."""

    def fire(
        self, current: Tensor, v: Tensor, ctx: RowContext, norm: nn.Module | None
    ) -> tuple[Tensor, Tensor]:
        options: dict[str, Any] = {
            "batch_sizes": ctx.rows.batch_sizes, "keep": ctx.keep, "backend": ctx.backend,
        }  # fmt: skip
        # A scale and the neurons behind it are one pass over memory, unless noise comes between.
        some = len(current) or is_shared()
        if isinstance(norm, ScaleNorm) and ctx.noise is None and some:
            if not norm.training:
                return scaled_lif_rows(current, norm.scale(), v, **options)
            spikes, left, mean_square = rms_lif_rows(current, norm.gain, norm.eps, v, **options)
            norm.learn(mean_square)
            return spikes, left
        return lif_rows(self.driven(current, ctx, norm), v, **options)

    def react(self, charge: Tensor) -> tuple[Tensor, Tensor]:
        spikes = spike(charge - 1)
        return spikes, charge * (1 - spikes.detach())


@dataclass(frozen=True)
class NeuronConfig:
    """The neurons of every spatial layer, by kind. A kind of one's own is a frozen dataclass that
    derives from this one, makes its layer in `build`, and stands in `NEURONS`."""

    kinds: ClassVar[Registry[type["NeuronConfig"]]] = Registry("neuron")

    kind: str = "lif"
    tau: float = 1.1
    """Time constant of every membrane, in time steps."""

    def __post_init__(self) -> None:
        checked_tau(self.tau)

    def build(self, width: int) -> TokenNeuron:
        """A layer of `width` neurons at every token."""
        return TokenLIF()


NEURONS = NeuronConfig.kinds
"""Kinds of neurons; those of one's own are added at run time."""
NEURONS["lif"] = NeuronConfig
