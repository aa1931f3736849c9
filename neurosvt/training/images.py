"""Learning to classify images: settings, and what an answer costs.

Axes: B batch, C classes.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.loaders.images import ImageBatch
from neurosvt.ops.precision import Amp
from neurosvt.training.checks import checked_labels


@dataclass(frozen=True)
class ImageTrainConfig:
    """How an image model is trained; epochs are counted in `images` of the training part."""

    epochs: int = 50
    batch: int = 128
    """Images per pass: a step has as many times `accumulate`, times the processes that train. What
    is left of an epoch is dropped, and is another every time."""
    images: int = 45_000
    """In an epoch."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """A key of `training.optimizers.OPTIMIZERS`."""
    rate: float = 3e-3
    """Peak learning rate; rises linearly for `warmup_epochs`, then a cosine to 0."""
    warmup_epochs: int = 5
    weight_decay: float = 0.05
    clip: float = 0.5
    """Largest gradient norm."""
    mixup_off: int = 15
    """Last epochs, in which no images are mixed."""
    amp: Amp = "auto"
    """As of `training.settings.TrainConfig`; moments and slopes stay float32."""
    start: str | None = None
    """A trained model of the same shape whose weights training starts from; its classes are
    replaced if they are others. None for new weights."""
    teacher: str | None = None
    """A trained model of images (run folder, checkpoint or shipped model) whose answers are learnt
    beside the labels; None for labels alone."""
    teacher_share: float = 0.9
    """Of the loss, if there is a teacher."""
    temperature: float = 2.0
    """At which teacher and model are compared."""
    accumulate: int = 1
    """Passes that a step is made of, as in `training.settings.TrainConfig`."""
    save_minutes: float = 10.0
    """Longest time between checkpoints; every epoch ends with one."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "images", "accumulate"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("rate", "clip", "temperature", "save_minutes"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a number above 0, got {getattr(self, name)}")
        for name in ("seed", "weight_decay", "mixup_off", "warmup_epochs"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must not be below 0, got {getattr(self, name)}")
        if not 0 <= self.teacher_share <= 1:
            raise ValueError(f"teacher_share must lie in [0, 1], got {self.teacher_share}")
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


class ImageAnswer(NamedTuple):
    """What a model says to images, and what its teacher says to the same."""

    logits: Float[Tensor, "B C"]
    taught: Float[Tensor, "B C"] | None


class ImageParts(NamedTuple):
    """Loss of an answer, means over images."""

    label: Tensor
    teacher: Tensor


@dataclass(frozen=True)
class ImageObjective:
    """To say what an image shows; an `Objective` of `training.loop`.

    Source: mixed labels, Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018; the
    teacher's answers at a temperature, Hinton et al., "Distilling the Knowledge in a Neural
    Network", 2015, sec. 2; that it sees the same mixed images, Beyer et al., "Knowledge
    distillation: A good teacher is patient and consistent", CVPR 2022, sec. 3.1.
    """

    teacher: nn.Module | None = None
    """In eval mode."""
    share: float = 0.9
    """Of the loss, if there is a teacher."""
    temperature: float = 2.0

    def answer(self, model: nn.Module, batch: ImageBatch) -> ImageAnswer:
        """Scores of the model, and of the teacher if there is one."""
        with torch.no_grad():
            taught = self.teacher(batch.images) if self.teacher else None
        return ImageAnswer(model(batch.images), taught)

    def weigh(self, batch: ImageBatch) -> ImageParts:
        """Images that each part of the loss is a mean over."""
        images = torch.tensor(len(batch.images))
        return ImageParts(images, images)

    def loss(self, answer: ImageAnswer, batch: ImageBatch) -> ImageParts:
        """Cross-entropy of mixed labels, and the distance from the teacher's scores.

        Raises:
            UserError: labels that are none; see `training.checks.checked_labels`.
        """
        logits = answer.logits.float()
        label = batch.share * F.cross_entropy(logits, checked_labels(batch.label, logits))
        if batch.share < 1:
            other = F.cross_entropy(logits, checked_labels(batch.other, logits))
            label = label + (1 - batch.share) * other
        if answer.taught is None:
            return ImageParts(label, torch.zeros_like(label))
        # Gradients shrink with the square of the temperature, so the loss is multiplied by it.
        teacher = self.temperature**2 * F.kl_div(
            F.log_softmax(logits / self.temperature, 1),
            F.log_softmax(answer.taught.float() / self.temperature, 1),
            reduction="batchmean",
            log_target=True,
        )
        return ImageParts((1 - self.share) * label, self.share * teacher)
