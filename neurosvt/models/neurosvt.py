"""NeuroSVT: the spiking vision transformer with a leaky memory, whole, in one file.

Event frames -> patch tokens -> blocks of spike-driven attention -> memory -> class, place, unseen.

Everything up to the memory is carried as rows, one for each token and step at which something
happened to that token (see `ops.rows`): a frame without events has no rows and costs nothing, and
a forward pass does what an event-driven machine would do.

Axes: T time steps, B batch, Y X pixels, N tokens (one a patch), D width, R rows, M memory channels.
"""

import copy
import math
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from neurosvt.nn.block import Block
from neurosvt.nn.embed import EventFilter, Positions, SpikingPatchEmbed, Windows
from neurosvt.nn.heads import Belief, Heads
from neurosvt.nn.memory import (
    AttentionRead,
    FrameRead,
    LeakyMemory,
    PositionRead,
    Rules,
    TokenRead,
    checked_taus,
)
from neurosvt.nn.neuron import TokenLIF, checked_tau, row_context
from neurosvt.nn.norm import ScaleNorm, to_grid
from neurosvt.ops.lif import backend_named
from neurosvt.ops.precision import at_least_float32, product_type
from neurosvt.ops.rows import Rows, by_frame, gather_rows, pack, scatter_rows


def positive(name: str, value: int | float) -> int | float:
    """`value` itself, if it is a number above 0; `name` is what a message calls it."""
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be a number above 0, got {value}")
    return value


@dataclass(frozen=True)
class NeuroSVTConfig:
    """Shape and time constants of one NeuroSVT."""

    image_size: int = 64
    """Pixels per side; events are binned to a square."""
    patch_size: int = 8
    """Pixels from one token to the next."""
    kernel_size: int = 16
    """Pixels per side that a token looks at: neighbours overlap where it exceeds the patch."""
    least_events: int = 3
    """Events in a token's window below which they are taken for sensor noise."""
    least_neighbours: int = 0
    """Events around an event below which it is taken for sensor noise, and not looked at at all; a
    hot pixel never has one."""
    classes: int = 8
    width: int = 64
    depth: int = 2
    heads: int = 4
    mlp_ratio: float = 2.0
    tau: float = 1.1
    """Time constant of every spatial neuron, in time steps."""
    memory: Literal["leaky", "lif", "none"] = "leaky"
    """What the heads read: the leaky memory; a learnt token of LIF neurons, as in the original
    proposal; or the present frame alone."""
    memory_channels: int = 128
    memory_tau: tuple[float, float] = (4.0, 1000.0)
    """Shortest and longest time constant that the leaky memory starts with, in time steps."""
    memory_rules: Rules = field(default_factory=Rules)
    """What the leaky memory does beside leaking."""
    memory_read: Literal["position", "attention"] = "position"
    """How the leaky memory looks at the tokens: through weights for every position, or by a learnt
    query (SDSA)."""
    tau_memory: float = 2.0
    """Time constant of the memory token's neurons, in time steps; memory "lif" only."""
    head_width: int = 128
    head_depth: int = 1
    """Hidden layers of the heads."""
    head_strengths: int = 0
    """Groups of memory channels whose strength the heads are told, from which they learn how long
    nothing has been seen; 0 for none."""
    frame_ms: float = 10.0
    """Length of a time step: time constants are in steps of this length."""

    def __post_init__(self):
        for name in ("image_size", "patch_size", "width", "depth", "heads", "mlp_ratio"):
            positive(name, getattr(self, name))
        for name in ("memory_channels", "head_width", "head_depth", "frame_ms"):
            positive(name, getattr(self, name))
        if self.image_size % self.patch_size:
            raise ValueError(
                f"image_size {self.image_size} is not a multiple of patch_size {self.patch_size}"
            )
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        if self.memory not in ("leaky", "lif", "none"):
            raise ValueError(f"memory {self.memory!r} is unknown; choose from leaky, lif, none")
        if self.head_strengths and self.channels % self.head_strengths:
            raise ValueError(
                f"the heads read {self.channels} channels, no multiple of head_strengths "
                f"{self.head_strengths}"
            )
        self.memory_rules.check(self.memory_channels)
        if not 0 <= self.least_neighbours <= 8:
            raise ValueError(f"least_neighbours must be 0 to 8, got {self.least_neighbours}")
        if self.classes < 2:
            raise ValueError(f"classes must be at least 2, got {self.classes}")
        self.windows()
        for name in ("tau", "tau_memory"):
            checked_tau(getattr(self, name), name)
        checked_taus(self.memory_tau, "memory_tau")

    @property
    def channels(self) -> int:
        """What the heads read."""
        return self.width if self.memory == "lif" else self.memory_channels

    def windows(self) -> Windows:
        """What each token looks at."""
        return Windows(self.kernel_size, self.patch_size, self.least_events)

    @property
    def patches(self) -> int:
        """Patches per frame."""
        return (self.image_size // self.patch_size) ** 2

    @property
    def tokens(self) -> int:
        """Tokens per frame: the patches and, with memory "lif", the memory token behind them."""
        return self.patches + (self.memory == "lif")


# Widths, depths and heads of tiny, small and base as in the original proposal; dvs128 is for the
# camera of that name, with patches of 16 pixels: 64 tokens where the original had 1025.
SIZES: dict[str, NeuroSVTConfig] = {
    "tiny": NeuroSVTConfig(width=128, depth=3, heads=4, mlp_ratio=4.0),
    "small": NeuroSVTConfig(width=256, depth=4, heads=8, mlp_ratio=4.0),
    "base": NeuroSVTConfig(width=384, depth=6, heads=12, mlp_ratio=4.0),
    "dvs128": NeuroSVTConfig(
        image_size=128,
        patch_size=16,
        kernel_size=32,
        classes=11,
        width=192,
        depth=4,
        heads=3,
        mlp_ratio=4.0,
    ),
}


class State(NamedTuple):
    """All that a sequence leaves behind; never written to, so an old one can be come back to."""

    since_patch_event: Int[Tensor, "B N"]
    """Steps since each patch had an event."""
    since_token_event: Int[Tensor, "B N"]
    """Steps since each token fired into the blocks."""
    embed: Float[Tensor, "B N D"]
    blocks: tuple[tuple[Tensor, ...], ...]
    read: Float[Tensor, "B N D"]
    memory: Float[Tensor, "B M"]


@runtime_checkable
class Foldable(Protocol):
    """A module that can put its norm into its weights and these on the grid."""

    def fold(self) -> None: ...


class NeuroSVT(nn.Module):
    """Event frames in; class and place of an object out, also while the object is hidden.

    Args:
        config: shape and time constants; `SIZES` names some.
        backend: how neurons, norms and memory are computed, see `ops.native`.
    """

    def __init__(self, config: NeuroSVTConfig | None = None, backend: str = "auto"):
        super().__init__()
        self.config = cfg = NeuroSVTConfig() if config is None else config
        self.backend = backend_named(backend)
        self.filter = EventFilter(cfg.windows(), cfg.least_neighbours)
        self.embed = SpikingPatchEmbed(cfg.windows(), cfg.width)
        self.positions = Positions(cfg.patches, cfg.width)
        self.blocks = nn.ModuleList(
            Block(cfg.width, cfg.heads, cfg.mlp_ratio) for _ in range(cfg.depth)
        )
        self.fire = TokenLIF()
        channels = cfg.channels
        self.memory: LeakyMemory | TokenRead | FrameRead
        if cfg.memory == "leaky":
            outputs = cfg.memory_rules.outputs(channels)
            read: nn.Module = (
                PositionRead(cfg.patches, cfg.width, outputs)
                if cfg.memory_read == "position"
                else AttentionRead(cfg.width, outputs)
            )
            self.memory = LeakyMemory(read, channels, cfg.memory_tau, cfg.memory_rules)
        elif cfg.memory == "lif":
            self.memory = TokenRead(cfg.width)
        else:
            self.memory = FrameRead(cfg.patches, cfg.width, channels)
        self.heads = Heads(
            channels, cfg.head_width, cfg.classes, cfg.head_depth, cfg.head_strengths
        )
        for part in self.modules():
            if isinstance(part, ScaleNorm | LeakyMemory):
                part.backend = self.backend

    def start(self, batch: int) -> State:
        """The state of `batch` samples that have seen nothing."""
        cfg = self.config
        table = at_least_float32(self.positions.table.detach())
        ctx = table.device

        def rested(width: int, tokens: int = cfg.tokens) -> Tensor:
            return table.new_zeros(batch, tokens, width)

        return State(
            since_patch_event=torch.ones(batch, cfg.patches, dtype=torch.long, device=ctx),
            since_token_event=torch.ones(batch, cfg.tokens, dtype=torch.long, device=ctx),
            embed=rested(cfg.width, cfg.patches),
            blocks=tuple(tuple(rested(w) for w in block.widths) for block in self.blocks),  # type: ignore[union-attr]
            read=rested(cfg.width),
            memory=table.new_zeros(batch, cfg.memory_channels if cfg.memory == "leaky" else 0),
        )

    def forward(
        self,
        frames: Shaped[Tensor, "T B 2 Y X"],
        state: State | None = None,
        *,
        state_noise: float = 0.0,
        state_bits: int = 32,
        frame_ms: float | None = None,
        asked: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Belief, State]:
        """Beliefs after every step, and the state to go on from.

        Args:
            frames: binary event frames, OFF then ON; bool, or numbers that are 0 or 1.
            state: what an earlier call returned; None for samples that have seen nothing.
            state_noise: standard deviation of noise on the state at every step, in thresholds; in
                training on the memory alone.
            state_bits: bits of a number of the leaky memory: 32 for floats, 2 to 16 for whole
                numbers as in `ops.memory.leaky_memory_stepwise`.
            frame_ms: length of these frames; None for that of the config.
            asked: which beliefs are wanted; the others mean nothing. None for all.

        Raises:
            ValueError: frames of another size than the model's, or not binary, a state of another
                batch, or a frame length or a number of bits that is none.
        """
        frames = self.checked(frames)
        batch = frames.shape[1]
        state = self.start(batch) if state is None else state
        if len(state.memory) != batch:
            raise ValueError(
                f"the state is of a batch of {len(state.memory)}, the frames of {batch}"
            )
        if state_bits != 32 and not 2 <= state_bits <= 16:
            raise ValueError(f"state_bits must be 32, or 2 to 16, got {state_bits}")
        rate = 1.0 if frame_ms is None else positive("frame_ms", frame_ms) / self.config.frame_ms
        spatial_noise = 0.0 if self.training else state_noise
        spikes, rows, state = self.encode(frames, state, spatial_noise, rate)
        charge, state = self.update_memory(spikes, rows, state, state_noise, rate, state_bits)
        return self.heads(charge, asked), state

    def step(
        self, frame: Shaped[Tensor, "B 2 Y X"], state: State | None = None, **options: Any
    ) -> tuple[Belief, State]:
        """`forward` for one frame, without the time axis."""
        belief, state = self(frame[None], state, **options)
        return Belief(*(part[0] for part in belief)), state

    def encode(
        self, frames: Tensor, state: State, noise: float, rate: float
    ) -> tuple[Float[Tensor, "R D"], Rows, State]:
        """The spatial part: spikes of the tokens that fired."""
        cfg = self.config
        decay = (1 - 1 / cfg.tau) ** rate
        frames, active = self.filter(frames)
        seen = pack(active, state.since_patch_event)
        state = state._replace(since_patch_event=seen.since_event)
        spikes = state.read.new_zeros((0, cfg.width))
        if len(seen):
            # Spikes are exact in any float type, so under autocast they need not be converted
            # twice.
            pixels = self.embed.windows.rows(frames, seen, product_type(state.embed))
            ctx = row_context(seen, decay, noise, self.backend)
            spikes, embed = self.embed(pixels, state.embed, ctx)
            state = state._replace(embed=embed)
        x, rows = self.select_active(spikes, seen, state)
        state = state._replace(since_token_event=rows.since_event)
        if not len(rows):
            return x, rows, state
        ctx = row_context(rows, self.decays(decay, rate), noise, self.backend)
        frames_of_rows = by_frame(rows)
        left = []
        for block, v in zip(self.blocks, state.blocks, strict=True):
            x, v = block(x, v, ctx, frames_of_rows)
            left.append(v)
        spikes, read = self.fire(x, state.read, ctx)
        return spikes, rows, state._replace(blocks=tuple(left), read=read)

    def select_active(
        self, spikes: Float[Tensor, "R D"], seen: Rows, state: State
    ) -> tuple[Float[Tensor, "r D"], Rows]:
        """Current into the blocks, from the patches that fired: a patch whose few events did not
        make one neuron fire ends here, which is what keeps sensor noise cheap."""
        steps, batch, patches = seen.shape
        fired = (spikes != 0).any(1)
        home = seen.frame[fired] * patches + seen.position[fired]
        active = torch.zeros(steps * batch * patches, dtype=torch.bool, device=home.device)
        active[home] = True
        active = active.reshape(seen.shape)
        if self.config.memory == "lif":
            active = torch.cat([active, active.any(-1, keepdim=True)], -1)
        rows = pack(active, state.since_token_event)
        x = self.positions(spikes, seen)
        source = torch.empty(steps * batch * patches, dtype=torch.long, device=home.device)
        source[seen.frame * patches + seen.position] = torch.arange(len(seen), device=home.device)
        patch = (rows.position < patches).nonzero()[:, 0]
        x = gather_rows(x, source[rows.frame[patch] * patches + rows.position[patch]])
        if isinstance(self.memory, TokenRead):
            token = rows.position == patches
            x = scatter_rows(x, patch, len(rows)) + token[:, None] * self.memory.start
        return x, rows

    def decays(self, decay: float, rate: float) -> float | Tensor:
        """What each token's membranes keep per step: the memory token has its own."""
        cfg = self.config
        if cfg.memory != "lif":
            return decay
        decays = torch.full((cfg.tokens,), decay, dtype=torch.float64)
        decays[-1] = (1 - 1 / cfg.tau_memory) ** rate
        return decays

    def update_memory(
        self, spikes: Tensor, rows: Rows, state: State, noise: float, rate: float, bits: int
    ) -> tuple[Tensor, State]:
        """What the heads read after every step."""
        if isinstance(self.memory, LeakyMemory):
            charge, memory = self.memory(spikes, rows, state.memory, noise, rate, bits)
            return charge, state._replace(memory=memory)
        return self.memory(spikes, rows), state

    def checked(self, frames: Tensor) -> Tensor:
        """Frames as bool, or a ValueError that says what does not fit."""
        side = self.config.image_size
        if frames.ndim != 5 or frames.shape[2:] != (2, side, side) or not len(frames):
            raise ValueError(
                f"frames must be (T, B, 2, {side}, {side}) with T >= 1, got {tuple(frames.shape)}"
            )
        if frames.dtype != torch.bool:
            odd = frames[(frames != 0) & (frames != 1)]
            if len(odd):
                raise ValueError(
                    f"frames must be binary (1 where a pixel had an event), got {odd[0].item()}"
                )
            frames = frames.bool()
        return frames

    @torch.no_grad()
    def on_grid(self) -> "NeuroSVT":
        """A copy whose norms are folded and whose weights are multiples of 2^-12.

        Sums of spikes are then exact in any order: chunks, batches and engines agree to the bit in
        every spike and in the memory's charge.

        Raises:
            ValueError: the memory reads by attention, which has no such form.
        """
        if self.config.memory_read == "attention":
            raise ValueError("memory_read 'attention' cannot be put on the grid; 'position' can")
        model = copy.deepcopy(self).eval()
        for module in list(model.modules()):
            if isinstance(module, Foldable):
                module.fold()
        model.positions.table.copy_(to_grid(model.positions.table))
        if isinstance(model.memory, TokenRead):
            model.memory.start.copy_(to_grid(model.memory.start))
        return model

    def deployed(self) -> "NeuroSVT":
        """The form in which it runs on hardware: `on_grid()`, or itself where it has none."""
        return self if self.config.memory_read == "attention" else self.on_grid()

    def parameter_count(self) -> int:
        """Learnt numbers."""
        return sum(p.numel() for p in self.parameters())
