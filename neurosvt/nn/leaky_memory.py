"""The leaky memory: charge that outlasts what caused it.

Axes: T time steps, B batch, R rows, D width, F frames with at least one row, M memory channels, E
channels read.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

from neurosvt.nn.bounds import kept_within
from neurosvt.nn.memory import MEMORIES, Memory, MemoryConfig, MemoryStep
from neurosvt.nn.reads import PositionRead, Waves, in_time
from neurosvt.nn.tracks import Tracks
from neurosvt.ops.gated_memory import gated_memory
from neurosvt.ops.memory import Kept, leaky_memory, leaky_memory_stepwise
from neurosvt.ops.precision import at_least_float32
from neurosvt.ops.rows import Rows
from neurosvt.ops.surrogate import spike
from neurosvt.ops.tracks import TRACK_NUMBERS
from neurosvt.sides import Sides

LOG_SHORTEST = math.log(1.001)
"""Of a time constant in steps: at one step a channel keeps nothing, below it would change sign."""
BEGINS_AT = 2.0
"""What a frame has to say for a track to begin anew, in thresholds: it does so rarely."""
LOG_LONGEST = 60 * math.log(2)
"""So long that nothing leaks, and the square of the leak is still a number in float32."""


@dataclass(frozen=True)
class LeakyMemoryConfig(MemoryConfig):
    """Shape and time constants of a leaky memory."""

    kind: str = "leaky"
    channels: int = 128
    tau_range: tuple[float, float] = (4.0, 1000.0)
    """Shortest and longest time constant that the channels start with, in time steps."""
    learns_tau: bool = True
    write_gates: int = 0
    """Groups of channels that a frame writes to, or empties, only if their gate spikes, so that
    what is not asked for can pass by; 0: no frame is left out."""
    looks_back: bool = False
    """The write gates see what is remembered too."""
    forget_range: tuple[float, float] = (0.0, 0.0)
    """Least and largest share of its charge that a channel loses to a write of its gate, at the
    start; learnt, and spread over the channels of each gate. 0: a write takes nothing away."""
    tracks: int = 0
    """Of the write gates, as many write to a track too: where what they let in is, and where it
    goes (`nn.tracks.Tracks`)."""

    read_waves: int = 0
    """Cosines along one side of the sensor that weights of a place are sums of (`nn.reads.Waves`);
    0: every place has weights of its own, and a larger sensor more of them."""

    def __post_init__(self) -> None:
        if self.channels < 1:
            raise ValueError(f"channels must be at least 1, got {self.channels}")
        low, high = self.tau_range
        if not 1 < low <= high < math.inf:
            raise ValueError(
                f"tau_range must be two time constants > 1, the longest last, got {self.tau_range}"
            )
        least, most = self.forget_range
        if not (0 < least <= most < 1 or least == most == 0):
            raise ValueError(
                f"forget_range must be two shares in (0, 1), the larger last, or 0, 0; got "
                f"{self.forget_range}"
            )
        if most and not self.write_gates:
            raise ValueError("forget_range is for write gates, and write_gates is 0")
        if self.looks_back and not self.write_gates:
            raise ValueError("looks_back is for write gates, and write_gates is 0")
        if not 0 <= self.tracks <= self.write_gates:
            raise ValueError(
                f"tracks must be 0 to write_gates, {self.write_gates}, got {self.tracks}"
            )
        if self.read_waves < 0:
            raise ValueError(f"read_waves must be at least 0, got {self.read_waves}")
        if self.write_gates < 0 or (self.write_gates and self.channels % self.write_gates):
            raise ValueError(
                f"channels {self.channels} is no multiple of write_gates {self.write_gates}"
            )

    def build(self, grid: Sides, width: int) -> "LeakyMemory":
        return LeakyMemory(self, grid, width)


class LeakyMemory(Memory):
    """The leaky memory token: charge, not spikes, that outlasts what caused it.

    A leaky integrator with a time constant per channel, learnt, spread at the start over
    `tau_range`; undivided drive, no reset. A spike on a channel's gate empties it before the new
    drive arrives, which lets a new object displace the old one. It is a non-spiking read-out
    neuron, as in the LSNN (Bellec et al. 2018) and Norse's LI cell: what reads it costs real
    multiplications.

    Args:
        config: shape and time constants.
        grid, width: of the tokens that are read.
    """

    empties: bool = True
    """Whether every channel has a gate that empties it."""

    def __init__(self, config: LeakyMemoryConfig, grid: Sides, width: int):
        super().__init__()
        self.config, self.tracks = config, config.tracks
        self.channels = config.channels + TRACK_NUMBERS * config.tracks
        self.read = self.reader(grid, width)
        self.backend = "auto"
        low, high = config.tau_range
        # Learnt and stored as log tau: a decay near 1 does not survive half precision.
        self.log_tau = nn.Parameter(
            torch.linspace(torch.tensor(low).log(), torch.tensor(high).log(), config.channels),
            requires_grad=config.learns_tau,
        )
        if config.forget_range[1]:
            # Stored as log odds, so that learning cannot drive a share out of (0, 1).
            least, most = config.forget_range
            share = torch.logspace(math.log10(most), math.log10(least), self.group)
            self.forget_odds = nn.Parameter(share.logit().repeat(config.write_gates))
        if config.looks_back:
            self.look = nn.Parameter(torch.zeros(config.channels, config.write_gates))
        if config.tracks:
            self.lines = Tracks(grid, width, config.tracks)

    def reader(self, grid: Sides, width: int) -> nn.Module:
        """What looks at the tokens: by position, through weights of each."""
        read = PositionRead(grid.area, width, sum(self.sizes))
        if self.config.read_waves:
            waves = Waves(grid, self.config.read_waves)
            parametrize.register_parametrization(read, "own", waves)
        return read

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """How many channels are driven, how many have a gate that empties, write gates, tracks."""
        cfg = self.config
        return cfg.channels, cfg.channels if self.empties else 0, cfg.write_gates, cfg.tracks

    @property
    def has_grid_form(self) -> bool:
        return isinstance(self.read, PositionRead)

    def start(self, batch: int, like: Tensor) -> Float[Tensor, "B M"]:
        return like.new_zeros(batch, self.channels)

    @property
    def group(self) -> int:
        """Channels behind one write gate."""
        return self.config.channels // max(self.config.write_gates, 1)

    def forget(self, step: MemoryStep) -> Float[Tensor, " M"] | None:
        """Share of its charge that each channel loses to a write, in a step of this length."""
        if not self.config.forget_range[1]:
            return None
        return step.forgotten(self.forget_odds)

    def tau(self) -> Float[Tensor, " M"]:
        """Time constants in steps; learning drives none out of reach, see `nn.bounds`."""
        return kept_within(at_least_float32(self.log_tau), LOG_SHORTEST, LOG_LONGEST).exp()

    def tau_summary(self) -> str:
        """Its time constants in words, in steps."""
        tau = self.tau().detach()
        return f"shortest {tau.min():.1f}, median {tau.median():.1f}, longest {tau.max():.0f}"

    def forward(
        self,
        spikes: Float[Tensor, "R D"],
        rows: Rows,
        state: Float[Tensor, "B M"],
        step: MemoryStep,
    ) -> tuple[Float[Tensor, "T B M"], Float[Tensor, "B M"]]:
        """Charge after every step, hidden or not, and after the last."""
        cfg = self.config
        drive = gate = state.new_zeros((*rows.shape[:2], cfg.channels))
        write = state.new_zeros((*rows.shape[:2], cfg.write_gates)) if cfg.write_gates else None
        begun = state.new_zeros((*rows.shape[:2], cfg.tracks))
        filled = torch.zeros(rows.shape[:2], dtype=torch.bool, device=state.device)
        if rows.anywhere:
            filled.view(-1)[rows.filled[0]] = True
            said = at_least_float32(self.read(spikes, rows))
            written, emptied, opened, anew = said.split(self.sizes, -1)
            drive = in_time(self.driven(written), rows)
            if self.empties:
                gate = in_time(spike(emptied - 1), rows)
            if cfg.write_gates:
                write = in_time(opened, rows)
            begun = in_time(spike(anew - BEGINS_AT), rows)
        decay = step.decayed(1 - 1 / self.tau())
        v, tracks = state.split([cfg.channels, self.channels - cfg.channels], -1)
        charge, wants, v = self.integrate(drive, gate, write, v, decay, step, filled)
        if not cfg.tracks:
            return charge, v
        opened = spike(wants[..., : cfg.tracks]) * filled[..., None]
        lines = self.lines(
            spikes, rows, opened, begun, tracks.unflatten(-1, (cfg.tracks, -1)), step, self.backend
        ).flatten(-2)
        return torch.cat([charge, lines], -1), torch.cat([v, lines[-1]], -1)

    def driven(self, written: Float[Tensor, "F M"]) -> Float[Tensor, "F M"]:
        """What is added to the charge, of what a frame writes: all of it."""
        return written

    def integrate(
        self,
        drive: Float[Tensor, "T B M"],
        gate: Float[Tensor, "T B M"],
        write: Float[Tensor, "T B G"] | None,
        v: Float[Tensor, "B M"],
        decay: Float[Tensor, " M"],
        step: MemoryStep,
        filled: Bool[Tensor, "T B"],
    ) -> tuple[Float[Tensor, "T B M"], Float[Tensor, "T B G"], Float[Tensor, "B M"]]:
        """What the heads read, what the write gates wanted, and the charge that is left; `filled`:
        frames that say anything."""
        noise, bits, forget = step.noise_like(drive), step.take_bits(), self.forget(step)
        if bits < 32:
            charge, _, wants = self.stepwise(
                drive, gate, write, v, decay, noise=noise, bits=bits, forget=forget, said=filled
            )
        elif write is None:
            drive = drive if noise is None else drive + noise
            charge = leaky_memory(drive, gate, v, decay, self.backend)
            wants = drive.new_zeros((*drive.shape[:2], 0))
        else:
            charge, wants = gated_memory(
                drive, gate, write, v, decay, self.looks, noise, self.backend, filled, forget
            )
        return charge, wants, charge[-1]

    def stepwise(
        self,
        drive: Tensor,
        gate: Tensor,
        write: Tensor | None,
        v: Tensor,
        decay: Tensor,
        **options: Any,
    ) -> Kept:
        """Every step, by the definition; `options` as it takes them."""
        return leaky_memory_stepwise(drive, gate, v, decay, write=write, look=self.looks, **options)

    @property
    def looks(self) -> Float[Tensor, "M G"] | None:
        """What turns what is remembered into a say in what is written."""
        return self.look if self.config.looks_back else None


MEMORIES["leaky"] = LeakyMemoryConfig
