"""Learning to classify images: settings, and what an answer costs.

Axes: B batch, C classes.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.data.image_stream import ImageBatch


@dataclass(frozen=True)
class ImageTrainConfig:
    """How an image model is trained; epochs are counted in `images` of the training part."""

    epochs: int = 50
    batch: int = 128
    """Images per step; what is left of an epoch is dropped, and is another every time."""
    images: int = 45_000
    """In an epoch."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """A key of `train.optimizers.OPTIMIZERS`."""
    rate: float = 3e-3
    """Peak learning rate; rises linearly for `warmup_epochs`, then a cosine to 0."""
    warmup_epochs: int = 5
    weight_decay: float = 0.05
    clip: float = 0.5
    """Largest gradient norm."""
    mixup_off: int = 15
    """Last epochs, in which no images are mixed."""
    amp: bool = True
    """bfloat16 matrix products; spikes are exact in it, moments and slopes stay float32."""
    seed: int = 0

    def __post_init__(self):
        for name in ("epochs", "batch", "images"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a number above 0, got {getattr(self, name)}")
        for name in ("seed", "weight_decay", "mixup_off", "warmup_epochs"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must not be below 0, got {getattr(self, name)}")
        if self.batch > self.images:
            raise ValueError(f"batch {self.batch} is more than the {self.images} images there are")
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs {self.warmup_epochs} must be fewer than epochs {self.epochs}"
            )

    @property
    def validate_every(self) -> int:
        """Steps between looks at the validation images: an epoch."""
        return self.images // self.batch

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return self.epochs * self.validate_every

    @property
    def pure_from(self) -> int:
        """The step from which on no images are mixed."""
        return max(0, self.epochs - self.mixup_off) * self.validate_every

    @property
    def warmup(self) -> float:
        """Share of the steps in which the rate rises."""
        return self.warmup_epochs / self.epochs


class ImageParts(NamedTuple):
    """Loss of an answer, a mean over images."""

    label: Tensor


@dataclass(frozen=True)
class ImageTask:
    """To say what an image shows; a `Task` of `train.loop`.

    Source: mixed labels, Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018.
    """

    def answer(self, model: nn.Module, batch: ImageBatch) -> Float[Tensor, "B C"]:
        return model(batch.images)

    def loss(self, logits: Float[Tensor, "B C"], batch: ImageBatch) -> ImageParts:
        first = F.cross_entropy(logits.float(), batch.label)
        if batch.share == 1:
            return ImageParts(first)
        second = F.cross_entropy(logits.float(), batch.other)
        return ImageParts(batch.share * first + (1 - batch.share) * second)
