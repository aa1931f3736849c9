"""A projection of spikes: no bias, then a scale.

Axes: R rows, D channels in, E channels out.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from neurosvt.nn.folding import folded
from neurosvt.nn.norm import ScaleNorm
from neurosvt.ops.precision import product_type
from neurosvt.ops.products import GridWeight, grid_product
from neurosvt.ops.recording import is_recorded
from neurosvt.ops.spike_product import spike_product


@dataclass(frozen=True)
class _Layout:
    """What was made of a weight, and a copy of that weight to know it by."""

    of: Float[Tensor, "E D"]
    grid: GridWeight | None


class SpikeLinear(nn.Linear):
    """`norm(W s)`: with spikes in, sums of weights; with silence in, silence."""

    _layout: _Layout | None = None

    def __init__(self, inputs: int, outputs: int, gain: float = 1.0):
        super().__init__(inputs, outputs, bias=False)
        self.norm: nn.Module = ScaleNorm(outputs, gain)

    def forward(
        self, spikes: Shaped[Tensor, "R D"], *, scaled: bool = True
    ) -> Float[Tensor, "R E"]:
        """Sums of weights, `scaled` by the norm, or left for neurons that take the norm into their
        own pass over memory. Spikes are numbers, or a byte each."""
        grid = self.grid() if self._may_choose(spikes) else None
        sums = spike_product(spikes, self.weight) if grid is None else grid_product(spikes, grid)
        return self.norm(sums) if scaled else sums

    def _may_choose(self, spikes: Tensor) -> bool:
        """Whether the product may be taken in another way than PyTorch's: folded, in float32, and
        neither differentiated nor recorded."""
        return (
            isinstance(self.norm, nn.Identity)
            and not torch.is_grad_enabled()
            and self.weight.dtype == product_type(self.weight) == torch.float32
            and not is_recorded()
        )

    def grid(self) -> GridWeight | None:
        """The weight as it is now, laid out for exact products; None off the grid.

        A layout is made once for each weight. It is known by the values: they can change without a
        trace (`weight.data.copy_`, as moving averages do), and to compare them takes microseconds.
        """
        weight, layout = self.weight.detach(), self._layout
        if layout is None or layout.of.device != weight.device or not layout.of.equal(weight):
            of = weight.clone()
            # Set whole: another thread finds the old layout or the new one.
            self._layout = layout = _Layout(of, GridWeight.of(of))
        return layout.grid

    def __getstate__(self) -> dict[str, Any]:
        """Without the layout, which is made again where it is needed."""
        return {name: value for name, value in vars(self).items() if name != "_layout"}

    @torch.no_grad()
    def fold(self) -> None:
        """Put the norm into the weights and the weights on the grid."""
        self.weight.copy_(folded(self.weight.T, self.norm).T)
        self.norm = nn.Identity()
