"""The leaky memory with one thing changed, each a kind of its own: what baselines.py ablates.

Importing this file registers them: `--set model.memory.kind=ungated`.

Axes: T time steps, B batch, D width, R rows, F frames with at least one row, M memory channels, E
channels read.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.energy.layers import ACCOUNTS, Account, leaky_memory_account
from neurosvt.nn.leaky_memory import LeakyMemory, LeakyMemoryConfig
from neurosvt.nn.memory import MEMORIES, MemoryStep
from neurosvt.nn.norm import ScaleNorm
from neurosvt.ops.rows import Rows
from neurosvt.ops.surrogate import spike
from neurosvt.sides import Sides


class Ungated(LeakyMemory):
    """No gate empties a channel."""

    empties = False


class DividedDrive(LeakyMemory):
    """The drive is divided by the time constant, as in a LIF neuron with decayed input."""

    def driven(self, written: Float[Tensor, "F M"]) -> Float[Tensor, "F M"]:
        return written / self.tau()


class Resetting(LeakyMemory):
    """A channel whose charge reaches 1 is emptied."""

    resets = True
    shows_spikes = False

    def integrate(
        self,
        drive: Tensor,
        gate: Tensor,
        write: Tensor | None,
        v: Tensor,
        decay: Tensor,
        step: MemoryStep,
        filled: Tensor,
    ) -> tuple[Float[Tensor, "T B M"], Float[Tensor, "T B G"], Float[Tensor, "B M"]]:
        noise, bits = step.noise_like(drive), step.take_bits()
        charge, spikes, wants = self.stepwise(
            drive, gate, write, v, decay, noise=noise, bits=bits, resets=self.resets,
            forget=self.forget(step), said=filled,
        )  # fmt: skip
        return spikes if self.shows_spikes else charge, wants, charge[-1]


class SpikesOut(Resetting):
    """The heads read the spikes that channels emit at a charge of 1, not the charge."""

    resets = False
    shows_spikes = True


class AttentionRead(nn.Module):
    """A learnt query looks at the tokens of a frame: spike-driven attention in place of weights for
    every position. Where a token stands, its keys and values have to tell.

    The query is spikes that do not change; every token's keys and values are spikes; the sum over
    tokens of their products is a count, which a projection turns into what is read.
    """

    def __init__(self, width: int, outputs: int, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.keys = nn.Linear(width, 4 * width, bias=False)
        self.norm = ScaleNorm(4 * width)
        self.query = nn.Parameter(torch.randn(2 * width))
        self.out = nn.Linear(2 * width, outputs, bias=False)
        self.scale = ScaleNorm(outputs)

    def forward(self, spikes: Float[Tensor, "R D"], rows: Rows) -> Float[Tensor, "F E"]:
        """What each frame with rows says."""
        k, v = spike(self.norm(self.keys(spikes)) - 1).chunk(2, dim=-1)
        asked = (k * spike(self.query)).unflatten(-1, (self.heads, -1)).sum(-1, keepdim=True)
        found = (asked * v.unflatten(-1, (self.heads, -1))).flatten(-2)
        frames, home = rows.filled
        counts = found.new_zeros(len(frames), found.shape[-1]).index_add(0, home, found)
        return self.scale(self.out(counts))


class ReadByAttention(LeakyMemory):
    """Read by spike-driven attention, not by position."""

    def reader(self, grid: Sides, width: int) -> nn.Module:
        return AttentionRead(width, sum(self.sizes))


ACCOUNTS[DividedDrive] = Account(
    lambda module, call: leaky_memory_account(module, call, drive_multiplied=True), within=True
)


def register(kind: str, memory: type[LeakyMemory]) -> None:
    """Make a kind of memory of a subclass of the leaky one, which has the same settings."""

    @dataclass(frozen=True)
    class Config(LeakyMemoryConfig):
        def build(self, grid: Sides, width: int) -> LeakyMemory:
            return memory(self, grid, width)

    MEMORIES[kind] = Config


for _kind, _memory in {
    "ungated": Ungated,
    "divided_drive": DividedDrive,
    "resetting": Resetting,
    "spikes_out": SpikesOut,
    "read_by_attention": ReadByAttention,
}.items():
    if _kind not in MEMORIES:  # a script may be run again in one process
        register(_kind, _memory)
