"""A dense convolutional network for small photographs, from whose answers DySViT can learn.

Axes: B batch, Y X pixels, C classes.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.nn.batchnorm2d import SharedBatchNorm2d


@dataclass(frozen=True)
class ConvNetConfig:
    """Shape of one ConvNet."""

    kind: Literal["convnet"] = "convnet"
    """What tells its settings from those of a DySViT."""
    classes: int = 10
    image_size: int = 32
    """Pixels per side."""
    stem: int = 32
    """Channels at full resolution."""
    widths: tuple[int, ...] = (64, 256, 256)
    """Channels of the stages, each of which halves the resolution."""

    def __post_init__(self) -> None:
        if self.stem < 1 or not self.widths or min(self.widths) < 1:
            raise ValueError(f"stem {self.stem} and widths {self.widths} must be above 0")
        if self.classes < 2:
            raise ValueError(f"classes must be at least 2, got {self.classes}")
        if self.image_size < 2 ** len(self.widths):
            raise ValueError(
                f"image_size {self.image_size} cannot be halved {len(self.widths)} times"
            )


class Stage(nn.Module):
    """Two convolutions, at half the resolution of what comes in."""

    def __init__(self, before: int, width: int):
        super().__init__()
        self.first = nn.Conv2d(before, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm_first, self.norm_second = SharedBatchNorm2d(width), SharedBatchNorm2d(width)

    def forward(self, x: Float[Tensor, "B in Y X"]) -> Float[Tensor, "B out y x"]:
        x = F.gelu(self.norm_first(F.max_pool2d(self.first(x), 2)))
        return F.gelu(self.norm_second(self.second(x)))


class ConvNet(nn.Module):
    """Images in, class scores out; no spikes.

    Args:
        config: its shape; None for the default, of 10 classes and 32 pixels a side.

    Source: the plain stages of the speed-trained networks of Jordan, "94% on CIFAR-10 in 3.29
    Seconds on a Single GPU", 2024, sec. 3.1, with a learnt stem in place of the whitening one.
    """

    def __init__(self, config: ConvNetConfig | None = None):
        super().__init__()
        self.config = cfg = config or ConvNetConfig()
        self.stem = nn.Conv2d(3, cfg.stem, 3, padding=1)
        widths = [cfg.stem, *cfg.widths]
        self.stages = nn.Sequential(*(Stage(a, b) for a, b in pairwise(widths)))
        self.head = nn.Linear(widths[-1], cfg.classes)

    def forward(self, images: Float[Tensor, "B 3 Y X"]) -> Float[Tensor, "B C"]:
        """Class scores, before any softmax, of normalised images."""
        x = images.contiguous(memory_format=torch.channels_last)
        scores: Tensor = self.head(self.stages(F.gelu(self.stem(x))).amax((2, 3)))
        return scores

    def parameter_count(self) -> int:
        """Learnt numbers."""
        return sum(p.numel() for p in self.parameters())
