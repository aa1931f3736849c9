"""How a memory looks at the tokens of a frame.

Axes: T time steps, B batch, D width, R rows, F frames with at least one row, E channels read.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from neurosvt.nn.folding import folded
from neurosvt.nn.norm import ScaleNorm
from neurosvt.ops.groups import sum_of_products
from neurosvt.ops.precision import product_type
from neurosvt.ops.recording import is_recorded
from neurosvt.ops.rows import Rows, scatter_rows
from neurosvt.sides import Sides


class PositionRead(nn.Module):
    """Sum over the tokens of a frame, each through weights of its own position.

    A sum with the same weights everywhere knows what but not where. Every position's weights are a
    shared part plus its own: the same family of functions, but what is learnt about an object in
    one place is known in all.
    """

    def __init__(self, positions: int, width: int, outputs: int):
        super().__init__()
        bound = width**-0.5
        self.shared = nn.Parameter(torch.empty(width, outputs).uniform_(-bound, bound))
        self.own = nn.Parameter(
            0.2 * torch.empty(positions, width, outputs).uniform_(-bound, bound)
        )
        self.norm: nn.Module = ScaleNorm(outputs)

    def forward(self, spikes: Float[Tensor, "R D"], rows: Rows) -> Float[Tensor, "F E"]:
        """What each frame with rows says."""
        frames, home = rows.filled
        dtype = product_type(spikes)
        weight, group = self.weights_at(rows.position)
        sums = sum_of_products(spikes.to(dtype), weight.to(dtype), group, home, len(frames))
        said: Tensor = self.norm(sums)
        return said

    def weights_at(
        self, position: Int[Tensor, " R"]
    ) -> tuple[Float[Tensor, "G D E"], Int[Tensor, " R"]]:
        """Weights, and which of them each row goes through.

        Nothing is kept from call to call, so nothing can be out of date: a frame alone adds up the
        weights of its few positions, and after `fold` there is nothing to add.
        """
        if not torch.is_grad_enabled() and not is_recorded():
            if isinstance(self.norm, nn.Identity) and not self.shared.any():
                return self.own, position
            if 2 * len(position) <= len(self.own):
                used, group = position.unique(return_inverse=True)
                return self.own.index_select(0, used).add_(self.shared), group
        return self.own + self.shared, position

    @torch.no_grad()
    def fold(self) -> None:
        """Put the norm into the weights and the weights on the grid."""
        self.own.copy_(folded(self.own + self.shared, self.norm))
        self.shared.zero_()
        self.norm = nn.Identity()


class Waves(nn.Module):
    """Weights of every place as sums of a few cosines across and down: they do not grow in number
    with the sensor.

    Cosine i, j is cos(pi i x) cos(pi j y), of x and y in [0, 1] of the sensor, with i + j below
    `order`: `order (order + 1) / 2` of them. It parametrizes `PositionRead.own`.

    Args:
        grid: tokens across and down.
        order: how many cosines there are along one side.
    """

    basis: Tensor

    def __init__(self, grid: Sides, order: int):
        super().__init__()
        across, down = (
            torch.cos(torch.pi * torch.outer(torch.arange(side) + 0.5, torch.arange(order)) / side)
            for side in grid
        )
        waves = [(i, j) for i in range(order) for j in range(order - i)]
        basis = torch.stack([torch.outer(down[:, j], across[:, i]).flatten() for i, j in waves], -1)
        self.register_buffer("basis", basis, persistent=False)

    def forward(self, strength: Float[Tensor, "K D E"]) -> Float[Tensor, "N D E"]:
        """Weights of every place, of the strength of every cosine."""
        return torch.einsum("nk,kde->nde", self.basis, strength)

    def right_inverse(self, own: Float[Tensor, "N D E"]) -> Float[Tensor, "K D E"]:
        """Those strengths that come nearest to weights of every place, in the mean square."""
        inverse: Tensor = torch.linalg.pinv(self.basis.double())
        return torch.einsum("kn,nde->kde", inverse.to(own.dtype), own)


def in_time(said: Float[Tensor, "F E"], rows: Rows) -> Float[Tensor, "T B E"]:
    """What the frames with rows say, among the others, which say exactly nothing."""
    steps, batch, _ = rows.shape
    every: Tensor = scatter_rows(said, rows.filled[0], steps * batch).unflatten(0, (steps, batch))
    return every
