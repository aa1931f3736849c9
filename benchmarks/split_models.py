"""Where a GRU and our network differ, split in two: the front end and the memory.

Importing this file registers a GRU that reads our spikes, memory "gru" (gru_on_spikes.toml), and
our memory behind the GRU's dense front end, model "dense_front" (memory_on_dense.toml).

Axes: T time steps, B batch, Y X pixels, M memory channels.
"""

from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.experiments.models import MODELS, ModelKind
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.nn.embed import EventFilter
from neurosvt.nn.heads import Belief
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.memory import MEMORIES, MemoryConfig, MemoryStep, StepwiseMemory
from neurosvt.ops.rows import pack
from neurosvt.sides import Sides


@dataclass(frozen=True)
class GRUMemoryConfig(MemoryConfig):
    """A GRU that reads spikes by position, as the leaky memory does."""

    kind: str = "gru"
    channels: int = 192

    def build(self, grid: Sides, width: int) -> "GRUMemory":
        return GRUMemory(grid, width, self.channels)


class GRUMemory(StepwiseMemory):
    """Its state is what the heads read; it knows one length of frames alone."""

    def __init__(self, grid: Sides, width: int, channels: int):
        super().__init__(grid, width, channels)
        self.cell = nn.GRUCell(channels, channels)

    def update(
        self, state: Float[Tensor, "B M"], said: Float[Tensor, "B M"], step: MemoryStep
    ) -> Float[Tensor, "B M"]:
        kept: Tensor = self.cell(F.gelu(said), state)
        return kept

    @property
    def has_grid_form(self) -> bool:
        return False


@dataclass(frozen=True)
class DenseFrontConfig(NeuroSVTConfig):
    """Our memory and heads behind one dense convolution, the GRU's."""

    kind: str = "dense_front"  # type: ignore[assignment]
    memory: MemoryConfig = field(default_factory=LeakyMemoryConfig)


class DenseFront(nn.Module):
    """Event frames in, beliefs out, as `NeuroSVT`; real numbers between events and memory."""

    def __init__(self, config: DenseFrontConfig):
        super().__init__()
        self.config = cfg = config
        self.filter = EventFilter(cfg.windows(), cfg.least_neighbours)
        self.see = nn.Linear(2 * cfg.kernel_size**2, cfg.width)
        self.memory = cfg.memory.build(cfg.grid, cfg.width)
        self.heads = cfg.readout.build(self.memory.channels, cfg.classes, self.memory.tracks)

    def forward(
        self,
        frames: Bool[Tensor, "T B 2 Y X"],
        state: Any = None,
        *,
        state_noise: float = 0.0,
        asked: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Belief, Any]:
        """Beliefs after every step, and the state to go on from."""
        dtype, windows = self.see.weight.dtype, self.config.windows()
        rows = pack(self.filter(frames))
        pixels = self.filter.pixels(frames, rows).to(dtype) if len(rows) else self.see.weight[:0]
        x = F.gelu(self.see(pixels))
        events = windows.patch_events(pixels) if self.memory.tracks else None
        state = self.memory.start(frames.shape[1], self.see.weight) if state is None else state
        step = MemoryStep(state_noise, events=events)
        charge, state = self.memory(x, rows, state, step)
        step.check_taken(self.memory)
        return self.heads(charge, asked), state

    def parameter_count(self) -> int:
        """Learnt numbers."""
        return sum(p.numel() for p in self.parameters())


if "gru" not in MEMORIES:  # a script may be run again in one process
    MEMORIES["gru"] = GRUMemoryConfig
    MODELS["dense_front"] = ModelKind(DenseFrontConfig, lambda cfg, _: DenseFront(cfg))
