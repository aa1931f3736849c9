"""Dense recurrent networks for event frames: what NeuroSVT's memory is compared with.

A convolution sees the frame, a GRU, an LSTM or a convolutional LSTM remembers, and the same heads
answer. They compute at every frame, whether there are events or not.

Axes: T time steps, B batch, F frames of all sequences, Y X pixels, D width of the convolution, M
units that the heads read.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._pytree import tree_map

from neurosvt.nn.heads import Belief
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.ops.neighbours import with_neighbours


@dataclass(frozen=True)
class RecurrentConfig:
    """Shape of one recurrent network."""

    kind: Literal["gru", "lstm", "convlstm"] = "gru"
    """What remembers."""
    image_size: int = 64
    patch_size: int = 8
    """Stride of the convolution, whose kernel is twice as large."""
    least_neighbours: int = 0
    """Events around an event below which it is dropped, as in `NeuroSVTConfig`."""
    classes: int = 8
    width: int = 64
    """Channels of the convolution; of a convolutional LSTM's state too."""
    units: int = 192
    """Of the recurrent layer, or of the layer that reads a convolutional LSTM's state."""
    readout: ReadoutConfig = field(default_factory=lambda: ReadoutConfig(width=256, depth=2))
    frame_ms: float = 10.0

    def __post_init__(self) -> None:
        if self.image_size % self.patch_size or self.patch_size % 2:
            raise ValueError(
                f"image_size {self.image_size} must be a multiple of patch_size {self.patch_size}, "
                "and that an even number"
            )
        for name in ("width", "units", "frame_ms"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.classes < 2:
            raise ValueError(f"classes must be at least 2, got {self.classes}")


class ConvLSTM(nn.Module):
    """An LSTM whose products are convolutions (Shi et al., NeurIPS 2015), without peepholes."""

    def __init__(self, width: int):
        super().__init__()
        self.gates = nn.Conv2d(2 * width, 4 * width, 3, padding=1)

    def forward(
        self, x: Float[Tensor, "T B D y x"], state: tuple[Tensor, Tensor] | None
    ) -> tuple[Float[Tensor, "T B D y x"], tuple[Tensor, Tensor]]:
        h, c = state or (torch.zeros_like(x[0]), torch.zeros_like(x[0]))
        said = []
        for now in x:
            take, keep, show, new = self.gates(torch.cat([now, h], 1)).chunk(4, 1)
            c = torch.sigmoid(keep) * c + torch.sigmoid(take) * torch.tanh(new)
            h = torch.sigmoid(show) * torch.tanh(c)
            said.append(h)
        return torch.stack(said), (h, c)


class RecurrentNet(nn.Module):
    """Event frames in, beliefs out, as `NeuroSVT`; dense, and not spiking."""

    def __init__(self, config: RecurrentConfig | None = None):
        super().__init__()
        self.config = cfg = config or RecurrentConfig()
        patch = cfg.patch_size
        self.see = nn.Conv2d(2, cfg.width, 2 * patch, stride=patch, padding=patch // 2)
        flat = cfg.width * (cfg.image_size // patch) ** 2
        self.read = nn.Linear(flat, cfg.units)
        self.remember: nn.Module
        if cfg.kind == "convlstm":
            self.remember = ConvLSTM(cfg.width)
        else:
            self.remember = (nn.GRU if cfg.kind == "gru" else nn.LSTM)(cfg.units, cfg.units)
        self.heads = cfg.readout.build(cfg.units, cfg.classes)

    def forward(
        self,
        frames: Bool[Tensor, "T B 2 Y X"],
        state: Any = None,
        *,
        state_noise: float = 0.0,
        asked: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Belief, Any]:
        """Beliefs after every step, or those `asked` for, and the state to go on from.

        `state_noise` is the standard deviation of noise on the state after every step, in what a
        unit says at most, which is 1 as a threshold is.
        """
        steps, batch = frames.shape[:2]
        frames = with_neighbours(frames, self.config.least_neighbours).flatten(0, 1)
        seen = self._look_once(frames) if self.training else self._look(frames)
        said, state = self._remembered(seen.unflatten(0, (steps, batch)), state, state_noise)
        if self.config.kind == "convlstm":
            said = F.gelu(self.read(said.flatten(2)))
        return self.heads(said, asked), state

    def _remembered(
        self, seen: Float[Tensor, "T B ..."], state: Any, noise: float
    ) -> tuple[Float[Tensor, "T B ..."], Any]:
        """What the heads read after every step, and the state to go on from."""
        if not noise:
            return self.remember(seen, state)  # type: ignore[no-any-return]
        said = []
        for now in seen.split(1):
            one, state = self.remember(now, state)
            state = tree_map(lambda x: x + noise * torch.randn_like(x), state)
            shown = state[0] if isinstance(state, tuple) else state
            said.append(shown.reshape(one.shape))
        return torch.cat(said), state

    def _look(self, frames: Bool[Tensor, "F 2 Y X"]) -> Float[Tensor, "F ..."]:
        """What reaches the memory of every frame."""
        seen = F.gelu(self.see(frames.to(self.see.weight.dtype)))
        return seen if self.config.kind == "convlstm" else F.gelu(self.read(seen.flatten(1)))

    def _look_once(self, frames: Bool[Tensor, "F 2 Y X"]) -> Float[Tensor, "F ..."]:
        """The same, and quicker to train: frames without events look alike, so one stands for
        all."""
        at_work = frames.flatten(1).any(1)
        silent = torch.zeros_like(frames[:1])
        rows = self._look(torch.cat([silent, frames[at_work]]))
        return rows.index_select(0, at_work.cumsum(0) * at_work)

    def parameter_count(self) -> int:
        """Learnt numbers."""
        return sum(p.numel() for p in self.parameters())
