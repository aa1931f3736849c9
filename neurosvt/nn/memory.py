"""What is kept of the tokens' spikes: the protocol, and how a memory of one's own is written.

A memory is told at every call what it is judged with: noise on its state, the length of a step, and
the bits of a number. It takes what it is told from a `MemoryStep`, which knows whether it did.

Axes: T time steps, B batch, N tokens, D width, R rows, F frames with at least one row, M memory
channels, E channels read.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.config import Registry
from neurosvt.nn.reads import PositionRead, in_time
from neurosvt.ops.memory import stored
from neurosvt.ops.precision import at_least_float32
from neurosvt.ops.rows import Rows
from neurosvt.sides import Sides


class MemoryStep:
    """What disturbs a memory at every step, and whether the memory took it.

    Args:
        noise: standard deviation of what is added to the state at every step, in thresholds.
        rate: length of a step relative to the one that time constants are told in.
        bits: of a number of the state: 32 for floats, 2 to 16 for whole numbers.
        events: of each row's patch, how many there are, and the sums of their x and of their y from
            its centre, in sides of a patch; for a memory that follows events.
    """

    def __init__(
        self,
        noise: float = 0.0,
        rate: float = 1.0,
        bits: int = 32,
        events: Float[Tensor, "R 3"] | None = None,
    ):
        self.noise, self.rate, self.bits, self.events = noise, rate, bits, events
        self._owed = {"state_noise"} if noise else set()
        self._owed |= {"frame_ms"} if rate != 1 else set()
        self._owed |= {"state_bits"} if bits < 32 else set()

    def noise_like(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."] | None:
        """Noise of the shape of `x`, to be added to the state; None where there is none."""
        self._owed.discard("state_noise")
        return torch.randn_like(x).mul_(self.noise) if self.noise else None

    def decayed(self, decay: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """A share kept per step of the training's length, for a step of this length."""
        self._owed.discard("frame_ms")
        return decay if self.rate == 1 else decay**self.rate

    def forgotten(self, odds: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The share that is lost in a step of this length, of the log odds of that of a step of the
        training's."""
        return 1 - self.decayed(torch.sigmoid(-at_least_float32(odds)))

    def take_bits(self) -> int:
        """Bits of a number of the state, for a memory that rounds by itself."""
        self._owed.discard("state_bits")
        return self.bits

    def disturbed(self, v: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """A state after one step: with noise, and as numbers of few bits where these are asked."""
        noise = self.noise_like(v)
        v = v if noise is None else v + noise
        return stored(v, self.take_bits()) if self.bits < 32 else v

    def nothing_to_disturb(self) -> None:
        """Said by what keeps no state of its own: all of this is about a state."""
        self._owed.clear()

    def check_taken(self, memory: nn.Module) -> None:
        """Raise a ValueError if the memory did not take what it is judged with."""
        if self._owed:
            raise ValueError(
                f"{type(memory).__name__} took no account of {', '.join(sorted(self._owed))}: what "
                "it forgets, it would be judged without (see MemoryStep)"
            )


class Memory(nn.Module, ABC):
    """What stands between the tokens' spikes and the heads, and keeps what they said.

    Derive from it for full control over time, from `StepwiseMemory` to say one step alone.
    """

    channels: int
    """Numbers that the heads read."""
    extra_tokens: int = 0
    """Learnt tokens that take part in the blocks, behind the patches."""
    token_tau: float = 2.0
    """Time constant of the neurons of these tokens, in steps."""
    tracks: int = 0
    """Tracks behind the channels of what the heads read, eight numbers each; a memory with tracks
    is told of events in its `MemoryStep`."""

    @abstractmethod
    def start(self, batch: int, like: Tensor) -> Any:
        """The state of `batch` samples that have seen nothing: a tensor of type and place of
        `like`, or a tuple of such."""

    @abstractmethod
    def forward(
        self, spikes: Float[Tensor, "R D"], rows: Rows, state: Any, step: MemoryStep
    ) -> tuple[Float[Tensor, "T B M"], Any]:
        """What the heads read after every step, and the state to go on from.

        Args:
            spikes: of the tokens that fired; a frame in which none did has no row.
            rows: which frame and position each row is.
            state: as `start` makes it.
            step: noise, rate and bits, which have to be taken.
        """

    @property
    def has_grid_form(self) -> bool:
        """Whether `fold` puts all that adds up spikes on the grid; see `NeuroSVT.on_grid`."""
        return False

    def currents(self) -> Float[Tensor, "E D"]:
        """What enters the blocks at the extra tokens, in frames in which a patch fired."""
        raise NotImplementedError(f"{type(self).__name__} has no extra tokens")


class StepwiseMemory(Memory):
    """A memory told by one step of it; time, noise and bits are taken care of.

    A subclass says in `update` what a step makes of the state, and may say in `show` what the heads
    read of it. The tokens are read by position (`nn.reads.PositionRead`).

    Args:
        grid, width: of the tokens.
        channels: numbers of the state, and of what the heads read.
        reads: numbers that a frame says; None for as many as there are channels.
    """

    def __init__(self, grid: Sides, width: int, channels: int, reads: int | None = None):
        super().__init__()
        self.channels = channels
        self.read = PositionRead(grid.area, width, channels if reads is None else reads)

    def start(self, batch: int, like: Tensor) -> Tensor:
        return like.new_zeros(batch, self.channels)

    def forward(
        self, spikes: Float[Tensor, "R D"], rows: Rows, state: Tensor, step: MemoryStep
    ) -> tuple[Float[Tensor, "T B M"], Tensor]:
        reads = self.read.shared.shape[1]
        said = state.new_zeros((*rows.shape[:2], reads))
        if rows.anywhere:
            said = in_time(at_least_float32(self.read(spikes, rows)), rows)
        shown = []
        for now in said:
            state = step.disturbed(self.update(state, now, step))
            shown.append(self.show(state))
        return torch.stack(shown), state

    @abstractmethod
    def update(
        self, state: Float[Tensor, "B M"], said: Float[Tensor, "B E"], step: MemoryStep
    ) -> Float[Tensor, "B M"]:
        """The state after a step in which the tokens said this: zeros where none fired.

        What decays goes through `step.decayed`, so that frames of another length are known.
        """

    def show(self, state: Float[Tensor, "B M"]) -> Float[Tensor, "B M"]:
        """What the heads read of a state."""
        return state

    @property
    def has_grid_form(self) -> bool:
        return True


@dataclass(frozen=True)
class MemoryConfig(ABC):
    """A memory, by kind. A kind of one's own is a frozen dataclass that derives from this one,
    makes its memory in `build`, and stands in `MEMORIES`."""

    kinds: ClassVar[Registry[type["MemoryConfig"]]] = Registry("memory")

    kind: str = ""

    @abstractmethod
    def build(self, grid: Sides, width: int) -> Memory:
        """The memory, of tokens of this width, so many across and down."""


MEMORIES = MemoryConfig.kinds
"""Kinds of memories; those of one's own are added at run time."""
