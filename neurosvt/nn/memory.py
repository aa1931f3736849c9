"""What is kept of the tokens' spikes: the leaky memory, and what stands in for it.

Axes: T time steps, B batch, N tokens, D width, R rows, F frames with at least one row, M memory
channels, E channels read.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.nn.norm import ScaleNorm, to_grid
from neurosvt.ops.groups import sum_of_products
from neurosvt.ops.memory import gated_memory, leaky_memory, leaky_memory_stepwise
from neurosvt.ops.precision import at_least_float32, product_type
from neurosvt.ops.rows import Rows, scatter_rows
from neurosvt.ops.surrogate import spike


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
        weight = (self.own + self.shared).to(dtype)
        sums = sum_of_products(spikes.to(dtype), weight, rows.position, home, len(frames))
        return self.norm(sums)

    @torch.no_grad()
    def fold(self) -> None:
        """Put the norm into the weights and the weights on the grid."""
        if isinstance(self.norm, ScaleNorm):
            self.own.copy_(to_grid((self.own + self.shared) * self.norm.scale()))
            self.shared.zero_()
            self.norm = nn.Identity()


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


def in_time(said: Float[Tensor, "F E"], rows: Rows) -> Float[Tensor, "T B E"]:
    """What the frames with rows say, among the others, which say exactly nothing."""
    steps, batch, _ = rows.shape
    return scatter_rows(said, rows.filled[0], steps * batch).unflatten(0, (steps, batch))


def checked_taus(tau: tuple[float, float], name: str = "tau") -> tuple[float, float]:
    """The shortest and the longest time constant, if they can be; `name` as messages call them."""
    if not 1 < tau[0] <= tau[1] < math.inf:
        raise ValueError(f"{name} must be two time constants > 1, the longest last, got {tau}")
    return tau


@dataclass(frozen=True)
class Rules:
    """What a leaky memory does beside leaking; each is one change of the ablation."""

    learns_tau: bool = True
    gated: bool = True
    """A spike on a channel's gate empties it."""
    write_gates: int = 0
    """Groups of channels that a frame writes to, or empties, only if their gate spikes, so that
    what is not asked for can pass by; 0: no frame is left out."""
    looks_back: bool = False
    """The write gates see what is remembered too."""
    divided: bool = False
    """The drive is divided by the time constant, as in a LIF neuron with decayed input."""
    resets: bool = False
    """A channel whose charge reaches 1 is emptied."""
    fires: bool = False
    """The heads read the spikes that channels emit at a charge of 1, not the charge."""

    def check(self, channels: int) -> None:
        """Raise a ValueError if a memory of so many channels cannot follow these rules."""
        if self.looks_back and not self.write_gates:
            raise ValueError("memory_rules.looks_back is for write gates, and there are none")
        if self.write_gates < 0 or (self.write_gates and channels % self.write_gates):
            raise ValueError(
                f"memory_channels {channels} is no multiple of write_gates {self.write_gates}"
            )

    def outputs(self, channels: int) -> int:
        """What the read has to make for so many channels."""
        return (2 if self.gated else 1) * channels + self.write_gates


class LeakyMemory(nn.Module):
    """The leaky memory token: charge, not spikes, that outlasts what caused it.

    A leaky integrator with a time constant per channel, learnt, spread at the start from `tau[0]`
    to `tau[1]` steps; undivided drive, no reset. A spike on a channel's gate empties it before the
    new drive arrives, which lets a new object displace the old one. It is a non-spiking read-out
    neuron, as in the LSNN (Bellec et al. 2018) and Norse's LI cell: what reads it costs real
    multiplications.

    Args:
        read: what makes drive, and gates if there are any, of the tokens' spikes.
        channels: how many leaky integrators.
        tau: shortest and longest time constant at the start, in time steps.
        rules: what else it does, or leaves out.
    """

    def __init__(
        self, read: nn.Module, channels: int, tau: tuple[float, float], rules: Rules = Rules()
    ):
        super().__init__()
        low, high = checked_taus(tau)
        self.read, self.rules = read, rules
        self.backend = "auto"
        # Learnt and stored as log tau: a decay near 1 does not survive half precision.
        self.log_tau = nn.Parameter(
            torch.linspace(torch.tensor(low).log(), torch.tensor(high).log(), channels),
            requires_grad=rules.learns_tau,
        )

        if rules.looks_back:
            self.look = nn.Parameter(torch.zeros(channels, rules.write_gates))

    def tau(self) -> Float[Tensor, " M"]:
        """Time constants in steps; below one step a channel would change its sign, so it ends
        just above."""
        return at_least_float32(self.log_tau).exp().clamp(min=1.001)

    def forward(
        self,
        spikes: Float[Tensor, "R D"],
        rows: Rows,
        v: Float[Tensor, "B M"],
        noise: float,
        rate: float,
        bits: int = 32,
    ) -> tuple[Float[Tensor, "T B M"], Float[Tensor, "B M"]]:
        """Charge after every step; `noise` in thresholds is added at each, hidden or not.

        `rate` is the length of a step relative to the one that the time constants are told in;
        `bits` of 32 are a float, fewer as in `leaky_memory_stepwise`.
        """
        rules, channels = self.rules, v.shape[-1]
        drive = gate = v.new_zeros((*rows.shape[:2], channels))
        write = None
        if len(rows):
            said = at_least_float32(self.read(spikes, rows))
            sizes = (channels, channels if rules.gated else 0, rules.write_gates)
            written, emptied, opened = said.split(sizes, -1)
            drive = in_time(written / self.tau() if rules.divided else written, rows)
            if rules.gated:
                gate = in_time(spike(emptied - 1), rows)
            if rules.write_gates:
                write = in_time(opened, rows)
        decay = 1 - 1 / self.tau()
        decay = decay if rate == 1 else decay**rate
        extra = noise * torch.randn_like(drive) if noise else None
        if write is None and bits == 32 and not (rules.resets or rules.fires):
            drive = drive if extra is None else drive + extra
            charge = leaky_memory(drive, gate, v, decay, self.backend)
            return charge, charge[-1]
        look = self.look if rules.looks_back else None
        if write is not None and bits == 32 and not (rules.resets or rules.fires):
            charge = gated_memory(drive, gate, write, v, decay, look, extra, self.backend)
            return charge, charge[-1]
        charge, fired = leaky_memory_stepwise(
            drive, gate, v, decay, noise=extra, write=write, look=look, resets=rules.resets,
            bits=bits,
        )  # fmt: skip
        return fired if rules.fires else charge, charge[-1]


class FrameRead(nn.Module):
    """No memory: the heads see what this frame's tokens say, and nothing else."""

    def __init__(self, positions: int, width: int, channels: int):
        super().__init__()
        self.read = PositionRead(positions, width, channels)

    def forward(self, spikes: Float[Tensor, "R D"], rows: Rows) -> Float[Tensor, "T B M"]:
        if not len(rows):
            return spikes.new_zeros((*rows.shape[:2], self.read.shared.shape[1]))
        return at_least_float32(in_time(self.read(spikes, rows), rows))


class TokenRead(nn.Module):
    """The original's memory: one learnt token among the others, its own spikes the answer.

    It is touched in every frame in which a token fired; in the dark nothing drives it.
    """

    def __init__(self, width: int):
        super().__init__()
        self.start = nn.Parameter(torch.empty(width).uniform_(0, 2))

    def forward(self, spikes: Float[Tensor, "R D"], rows: Rows) -> Float[Tensor, "T B D"]:
        steps, batch, positions = rows.shape
        own = rows.position == positions - 1
        read = scatter_rows(spikes[own], rows.frame[own], steps * batch)
        return at_least_float32(read.reshape(steps, batch, -1))
