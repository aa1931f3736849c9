"""What the leaky memory is compared with: the original's token, and no memory at all.

Axes: T time steps, B batch, N tokens, D width, R rows, M channels.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.nn.memory import MEMORIES, Memory, MemoryConfig, MemoryStep
from neurosvt.nn.neuron import checked_tau
from neurosvt.nn.norm import to_grid
from neurosvt.nn.reads import PositionRead, in_time
from neurosvt.ops.precision import at_least_float32
from neurosvt.ops.rows import Rows, scatter_rows
from neurosvt.sides import Sides


class _Stateless(Memory):
    """What keeps nothing between steps of its own: there is nothing for noise to disturb."""

    def start(self, batch: int, like: Tensor) -> Float[Tensor, "B 0"]:
        return like.new_zeros(batch, 0)

    @property
    def has_grid_form(self) -> bool:
        return True


@dataclass(frozen=True)
class NoMemoryConfig(MemoryConfig):
    """No memory: the heads see what this frame's tokens say."""

    kind: str = "none"
    channels: int = 128

    def __post_init__(self) -> None:
        if self.channels < 1:
            raise ValueError(f"channels must be at least 1, got {self.channels}")

    def build(self, grid: Sides, width: int) -> "NoMemory":
        return NoMemory(grid, width, self.channels)


class NoMemory(_Stateless):
    """No memory: the heads see what this frame's tokens say, and nothing else."""

    def __init__(self, grid: Sides, width: int, channels: int):
        super().__init__()
        self.channels = channels
        self.read = PositionRead(grid.area, width, channels)

    def forward(
        self, spikes: Float[Tensor, "R D"], rows: Rows, state: Tensor, step: MemoryStep
    ) -> tuple[Float[Tensor, "T B M"], Tensor]:
        step.nothing_to_disturb()
        if not rows.anywhere:
            return spikes.new_zeros((*rows.shape[:2], self.channels)), state
        return at_least_float32(in_time(self.read(spikes, rows), rows)), state


@dataclass(frozen=True)
class TokenMemoryConfig(MemoryConfig):
    """The original's memory: one learnt token among the others."""

    kind: str = "lif"
    tau: float = 2.0
    """Time constant of the token's neurons, in time steps."""

    def __post_init__(self) -> None:
        checked_tau(self.tau)

    def build(self, grid: Sides, width: int) -> "TokenMemory":
        return TokenMemory(width, self.tau)


class TokenMemory(_Stateless):
    """The original's memory: one learnt token among the others, its own spikes the answer.

    It is touched in every frame in which a token fired; in the dark nothing drives it. What it
    keeps are its membranes in the blocks, which noise disturbs there.
    """

    extra_tokens = 1

    def __init__(self, width: int, tau: float):
        super().__init__()
        self.channels, self.token_tau = width, tau
        self.token = nn.Parameter(torch.empty(width).uniform_(0, 2))

    def currents(self) -> Float[Tensor, "1 D"]:
        return self.token[None]

    def forward(
        self, spikes: Float[Tensor, "R D"], rows: Rows, state: Tensor, step: MemoryStep
    ) -> tuple[Float[Tensor, "T B D"], Tensor]:
        step.nothing_to_disturb()
        steps, batch, positions = rows.shape
        own = rows.position == positions - 1
        read = scatter_rows(spikes[own], rows.frame[own], steps * batch)
        return at_least_float32(read.reshape(steps, batch, -1)), state

    @torch.no_grad()
    def fold(self) -> None:
        """Put the current on the grid."""
        self.token.copy_(to_grid(self.token))


MEMORIES["none"] = NoMemoryConfig
MEMORIES["lif"] = TokenMemoryConfig
