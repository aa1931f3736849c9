"""Dense vision transformers for event frames: what NeuroSVT's operations are compared with.

ViT-Tiny answers from a class token, frame by frame. A dense twin has the shape, the memory and the
heads of a NeuroSVT, and between events and memory a plain transformer: real numbers, LayerNorm,
softmax, GELU. Either may look at all tokens of all frames, at all tokens of frames with events, or
at tokens with events alone.

Axes: T time steps, B batch, Y X pixels, N tokens, D width, R rows (tokens looked at), F frames, H
heads, K width per head.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.models.neurosvt_config import NeuroSVTConfig, Patched, side_of_square
from neurosvt.nn.embed import EventFilter, Windows
from neurosvt.nn.heads import BEYOND_CLASSES, NEVER, Belief, teach_presence
from neurosvt.nn.memory import MemoryConfig, MemoryStep
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.nn.short_memories import NoMemoryConfig
from neurosvt.ops.neighbours import with_neighbours
from neurosvt.ops.precision import at_least_float32
from neurosvt.ops.rows import Rows, pack, scatter_rows
from neurosvt.sides import Size


@dataclass(frozen=True)
class ViTConfig(Patched):
    """Shape of one dense transformer; by default ViT-Tiny (192/12/3, patches of 16 pixels)."""

    kind: Literal["vit"] = "vit"
    """What tells its settings from those of other models."""
    image_size: Size = 64
    patch_size: int = 16
    kernel_size: int = 16
    """Pixels per side that a token looks at."""
    least_events: int = 3
    least_neighbours: int = 1
    """What it takes for an event frame, or a token, to be looked at, as in `NeuroSVTConfig`."""
    classes: int = 8
    width: int = 192
    depth: int = 12
    heads: int = 3
    mlp_ratio: float = 4.0
    looks: Literal["all", "frames", "tokens"] = "frames"
    """At everything; at whole frames that have events; at tokens that have."""
    memory: MemoryConfig = field(default_factory=NoMemoryConfig)
    """As of a NeuroSVT; with "none" a class token answers for its frame."""
    readout: ReadoutConfig = field(default_factory=ReadoutConfig)
    """The heads, where there is a memory."""
    frame_ms: float = 10.0

    def __post_init__(self) -> None:
        for name in ("width", "depth", "heads", "mlp_ratio", "frame_ms"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if any(side % self.patch_size for side in self.sensor):
            raise ValueError(
                f"image_size {self.image_size} is not a multiple of patch_size {self.patch_size}"
            )
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        if self.looks not in ("all", "frames", "tokens"):
            raise ValueError(f"looks {self.looks!r} is unknown; choose from all, frames, tokens")
        self.windows()

    @property
    def tokens(self) -> int:
        """Patches per frame."""
        return self.grid.area


def vit_tiny_of(cfg: NeuroSVTConfig) -> ViTConfig:
    """ViT-Tiny for what a NeuroSVT sees: 16 patches, of 16 pixels where the sensor has 64."""
    side = side_of_square(cfg, "ViT-Tiny") // 4
    return ViTConfig(
        image_size=cfg.image_size, classes=cfg.classes, patch_size=side, kernel_size=side,
        least_neighbours=cfg.least_neighbours, frame_ms=cfg.frame_ms,
    )  # fmt: skip


def twin_of(cfg: NeuroSVTConfig, looks: Literal["all", "frames", "tokens"] = "all") -> ViTConfig:
    """The dense twin of a NeuroSVT, with the same memory."""
    shared = (
        "image_size", "patch_size", "kernel_size", "least_events", "least_neighbours", "classes",
        "width", "depth", "heads", "mlp_ratio", "memory", "readout", "frame_ms",
    )  # fmt: skip
    return ViTConfig(looks=looks, **{name: getattr(cfg, name) for name in shared})


@dataclass(frozen=True)
class BySize:
    """Rows of each frame together, and frames with equally many rows: nothing has to be padded."""

    order: Int[Tensor, " R"]
    """Which row stands where."""
    groups: list[tuple[int, int]]
    """How many frames follow each other that have how many rows each."""
    frame: Int[Tensor, " R"]
    """Of the rows in their order: the frame of each."""

    @classmethod
    def of(cls, frame: Int[Tensor, " R"]) -> "BySize":
        """From the frame of each row."""
        _, home, sizes = frame.unique(return_inverse=True, return_counts=True)
        order = (sizes[home] * len(sizes) + home).argsort(stable=True)
        tokens, frames = sizes.unique(return_counts=True)
        groups = list(zip(frames.tolist(), tokens.tolist(), strict=True))
        return cls(order, groups, frame[order])


class WindowEmbed(nn.Module):
    """A projection of what windows show."""

    def __init__(self, windows: Windows, width: int):
        super().__init__()
        self.windows, self.project = windows, nn.Linear(2 * windows.kernel**2, width)

    def forward(self, frames: Bool[Tensor, "T B 2 Y X"], rows: Rows) -> Float[Tensor, "R D"]:
        tokens: Tensor = self.project(self.windows.rows(frames, rows, self.project.weight.dtype))
        return tokens


class DenseBlock(nn.Module):
    """Pre-norm attention and MLP (Dosovitskiy et al., ICLR 2021), on rows."""

    def __init__(self, width: int, heads: int, mlp_ratio: float):
        super().__init__()
        hidden = round(width * mlp_ratio)
        self.heads = heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Float[Tensor, "R D"], at: BySize) -> Float[Tensor, "R D"]:
        """Rows in that order, and in that order back."""
        qkv, mixed = self.qkv(self.norm_attention(x)), []
        parts = qkv.split([frames * tokens for frames, tokens in at.groups])
        for part, (_, tokens) in zip(parts, at.groups, strict=True):
            q, k, v = rearrange(
                part, "(F N) (three H K) -> three F H N K", N=tokens, three=3, H=self.heads
            )
            said = F.scaled_dot_product_attention(q, k, v)
            mixed.append(rearrange(said, "F H N K -> (F N) (H K)"))
        x = x + self.out(torch.cat(mixed))
        out: Tensor = x + self.contract(F.gelu(self.expand(self.norm_mlp(x))))
        return out


class ViT(nn.Module):
    """Event frames in, beliefs out, as `NeuroSVT`; dense, and not spiking."""

    def __init__(self, config: ViTConfig | None = None):
        super().__init__()
        self.config = cfg = config or ViTConfig()
        self.filter = EventFilter(cfg.windows(), cfg.least_neighbours)
        self.embed = WindowEmbed(cfg.windows(), cfg.width)
        self.remembers = cfg.memory.kind != "none"
        positions = cfg.tokens + (not self.remembers)
        self.positions = nn.Parameter(0.02 * torch.randn(positions, cfg.width))
        self.blocks = nn.ModuleList(
            DenseBlock(cfg.width, cfg.heads, cfg.mlp_ratio) for _ in range(cfg.depth)
        )
        self.norm = nn.LayerNorm(cfg.width)
        if self.remembers:
            self.memory = cfg.memory.build(cfg.grid, cfg.width)
            if self.memory.extra_tokens:
                raise ValueError(f"memory {cfg.memory.kind!r} adds tokens, which are spikes")
            self.heads = cfg.readout.build(self.memory.channels, cfg.classes, self.memory.tracks)
        else:
            self.answer = nn.Linear(cfg.width, cfg.classes + BEYOND_CLASSES)
            # Said of a frame that is not looked at: out of sight, whatever it is.
            self.nothing = nn.Parameter(torch.zeros(cfg.classes + BEYOND_CLASSES))

    def forward(
        self,
        frames: Bool[Tensor, "T B 2 Y X"],
        state: Any = None,
        *,
        state_noise: float = 0.0,
        asked: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Belief, Any]:
        """Beliefs after every step, or at least those `asked` for, and the state to go on from;
        `state_noise` on the memory."""
        steps, batch = frames.shape[:2]
        frames, rows = self.look(frames)
        x = frames.new_zeros((0, self.config.width), dtype=self.positions.dtype)
        if len(rows):
            x = self.embed(frames, rows) + self.positions[rows.position]
        if self.remembers:
            x = self.norm(self.think(x, rows.frame))
            state = self.memory.start(batch, self.positions) if state is None else state
            step = MemoryStep(state_noise, events=self.events(frames, rows))
            charge, state = self.memory(x, rows, state, step)
            step.check_taken(self.memory)
            return self.heads(charge, asked), state
        seen, _ = rows.filled
        tokens = self.positions[-1].expand(len(seen), -1)
        x = self.think(torch.cat([x, tokens.to(x.dtype)]), torch.cat([rows.frame, seen]))
        said = at_least_float32(self.answer(self.norm(x[len(rows) :])))
        unseen = torch.ones(steps * batch, 1, device=frames.device)
        unseen[seen] = 0
        answer = scatter_rows(said, seen, steps * batch) + unseen * self.nothing
        logits, at, presence = answer.reshape(steps, batch, -1).split(
            [self.config.classes, 2, BEYOND_CLASSES - 2], dim=-1
        )
        return Belief(logits, torch.sigmoid(at), presence), state

    def look(self, frames: Bool[Tensor, "T B 2 Y X"]) -> tuple[Bool[Tensor, "T B 2 Y X"], Rows]:
        """The events that are left by the filter, and which tokens are looked at."""
        active = self.filter(frames)
        if self.config.looks == "all":
            active = torch.ones_like(active)
        elif self.config.looks == "frames":
            active = active.any(-1, keepdim=True).expand_as(active)
        return with_neighbours(frames, self.config.least_neighbours), pack(active)

    def events(self, frames: Bool[Tensor, "T B 2 Y X"], rows: Rows) -> Float[Tensor, "R 3"] | None:
        """Those of each token's patch, for a memory with tracks."""
        if not self.memory.tracks:
            return None
        windows = self.config.windows()
        return windows.patch_events(windows.rows(frames, rows, self.positions.dtype))

    def think(self, x: Float[Tensor, "R D"], frame: Int[Tensor, " R"]) -> Float[Tensor, "R D"]:
        """The blocks, attention within each frame."""
        if not len(x):
            return x
        at = BySize.of(frame)
        x = x[at.order]
        for block in self.blocks:
            x = block(x, at)
        return x[at.order.argsort()]

    def migrate_weights(self, weights: dict[str, Tensor], prefix: str) -> None:
        """Bring weights of an older version up to date, in place; heads do so themselves."""
        for name, others in (("answer.weight", 0.0), ("answer.bias", NEVER), ("nothing", NEVER)):
            teach_presence(weights, f"{prefix}{name}", self.config.classes, others)

    def parameter_count(self) -> int:
        """Learnt numbers."""
        return sum(p.numel() for p in self.parameters())
