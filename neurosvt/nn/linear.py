"""A projection of spikes: no bias, then a scale.

Axes: R rows, D channels in, E channels out.
"""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from neurosvt.nn.norm import ScaleNorm, to_grid
from neurosvt.ops.products import GridWeight, grid_product
from neurosvt.ops.spike_product import spike_product


class SpikeLinear(nn.Linear):
    """`norm(W s)`: with spikes in, sums of weights; with silence in, silence."""

    def __init__(self, inputs: int, outputs: int, gain: float = 1.0):
        super().__init__(inputs, outputs, bias=False)
        self.norm: nn.Module = ScaleNorm(outputs, gain)
        self.grid: GridWeight | None = None
        """The folded weight, laid out for exact products."""

    def forward(
        self, spikes: Shaped[Tensor, "R D"], *, scaled: bool = True
    ) -> Float[Tensor, "R E"]:
        """Sums of weights, `scaled` by the norm, or left for neurons that take the norm into their
        own pass over memory. Spikes are numbers, or a byte each."""
        if self.grid is not None and not torch.is_grad_enabled():
            sums = grid_product(spikes, self.grid)
        else:
            sums = spike_product(spikes, self.weight)
        return self.norm(sums) if scaled else sums

    @torch.no_grad()
    def fold(self) -> None:
        """Put the norm into the weights and the weights on the grid, once and for all."""
        if isinstance(self.norm, ScaleNorm):
            self.weight.copy_(to_grid(self.weight * self.norm.scale()[:, None]))
            self.norm = nn.Identity()
            self.grid = GridWeight.of(self.weight)
