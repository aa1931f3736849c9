"""Training batches of photographs: every image once an epoch, shifted, flipped, mixed.

Batch i depends on nothing but (seed, i), so training can stop after any step and go on from there
with the data that it would have had.

Axes: B batch, C colours, Y X pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from neurosvt.config import UserError
from neurosvt.datasets import cifar10
from neurosvt.datasets.cifar10 import CIFAR10_CLASSES, CIFAR10_SIDE, Images
from neurosvt.datasets.own_images import STORED_SIDE, own_images
from neurosvt.loaders.registry import DATASETS, TrainingData, find_dataset
from neurosvt.loaders.shares import every

CIFAR10_MEAN, CIFAR10_DEVIATION = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
"""Of the colours, as in the card of Dy-SViT; the deviations are the customary ones, means over
images, and smaller than those over all pixels (0.247, 0.243, 0.262)."""

OWN_IMAGES = "own_images"
"""The data set that is a folder of one's own images."""


class ImageBatch(NamedTuple):
    """Images, each of which may be a mixture of two."""

    images: Float[Tensor, "B C Y X"]
    """Normalised."""
    label: Int[Tensor, " B"]
    other: Int[Tensor, " B"]
    """Of the image that is mixed in."""
    share: float
    """Of the first image."""

    def part(self, at: int, of: int) -> "ImageBatch":
        """Every `of`-th image, from number `at` on."""
        images, label, other = (every(x, at, of) for x in self[:-1])
        return ImageBatch(images, label, other, self.share)


@dataclass(frozen=True)
class ImageConfig:
    """What images a model is trained on, and how they are augmented each time they are shown."""

    dataset: str = "cifar10"
    """A key of `DATASETS`: "cifar10"; or "own_images", one's own, from `source`."""
    source: str = ""
    """Folder that `neurosvt data prepare folder` made of images, by its path or its name below the
    folder of data sets; of "own_images" alone."""
    classes: tuple[str, ...] = ()
    """What "own_images" show, in the order of labels; none is told by the folder."""
    shift: int = 4
    """Pixels that an image is moved by at most, either way; black comes in at the border."""
    flip: bool = True
    """Half of them mirrored, left to right."""
    mixup: float = 0.2
    """Alpha of the Beta distribution from which a batch's mixing share is drawn; 0 mixes nothing.
    """

    def __post_init__(self) -> None:
        side = find_dataset(self.dataset, ImageData).side
        if (self.dataset == OWN_IMAGES) != bool(self.source):
            raise ValueError(f"source names the folder of {OWN_IMAGES}, got {self.source!r}")
        if not 0 <= self.shift < side:
            raise ValueError(f"shift must lie in [0, {side}), got {self.shift}")
        if not 0 <= self.mixup < np.inf:
            raise ValueError(f"mixup must not be below 0, got {self.mixup}")


@dataclass(frozen=True)
class ImageData(TrainingData):
    """A data set of images."""

    holds: ClassVar[str] = "images"
    load: Callable[[ImageConfig, str, int], Images]
    """Its images, from settings, split and the side that a model sees."""
    side: int = 32
    """Pixels per side; of "own_images" the most that there are."""


class ImageStream(Dataset[ImageBatch]):
    """Batch i of a training.

    Args:
        images: to draw from; what does not fill an epoch's last batch waits for the next epoch.
        config: how to augment them.
        batch: images per batch.
        steps: how many batches there are.
        pure_from: the step from which on nothing is mixed.
        seed: of the whole stream.

    Raises:
        UserError: fewer images than a batch holds.
    """

    def __init__(
        self,
        images: Images,
        config: ImageConfig,
        batch: int,
        steps: int,
        pure_from: int,
        seed: int,
    ):
        if not 1 <= batch <= len(images):
            raise UserError(
                f"batch must lie in [1, {len(images)}], the images there are; got {batch}"
            )
        self.images, self.config, self.batch, self.steps = images, config, batch, steps
        self.pure_from, self.seed = pure_from, seed

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> ImageBatch:
        if not 0 <= index < self.steps:
            raise IndexError(f"batch {index} of {self.steps}")
        epoch, within = divmod(index, len(self.images) // self.batch)
        order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.images))
        chosen = order[within * self.batch : (within + 1) * self.batch]
        rng = np.random.default_rng([self.seed, 1, index])
        images = normalise_images(augment_images(self.images.pixels[chosen], self.config, rng))
        label = torch.from_numpy(self.images.labels[chosen])
        share, other = 1.0, label
        if self.config.mixup and index < self.pure_from:
            share = float(rng.beta(self.config.mixup, self.config.mixup))
            partner = torch.from_numpy(rng.permutation(len(label)))
            images = torch.lerp(images[partner], images, share)
            other = label[partner]
        return ImageBatch(images, label, other, share)


def augment_images(pixels: np.ndarray, config: ImageConfig, rng: np.random.Generator) -> np.ndarray:
    """A copy of images (B, C, Y, X) uint8, each shifted and flipped by itself."""
    count, side = len(pixels), pixels.shape[-1]
    border = ((0, 0), (0, 0), (config.shift, config.shift), (config.shift, config.shift))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(pixels, border), (side, side), (2, 3))
    top, left = rng.integers(0, 2 * config.shift + 1, (2, count))
    out = windows[np.arange(count), :, top, left]
    if config.flip:
        flipped = rng.random(count) < 0.5
        out[flipped] = out[flipped, :, :, ::-1]
    return out


def normalise_images(pixels: np.ndarray) -> Float[Tensor, "B C Y X"]:
    """Bytes as numbers of about mean 0 and deviation 1.

    Raises:
        UserError: pixels that are no bytes, or of another shape than (B, 3, Y, X).
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1] != 3:
        raise UserError(
            f"pixels must be bytes (B, 3, Y, X), 0 to 255; got {pixels.dtype} {pixels.shape}"
        )
    mean, deviation = (torch.tensor(v)[:, None, None] for v in (CIFAR10_MEAN, CIFAR10_DEVIATION))
    return (torch.from_numpy(pixels).float() / 255 - mean) / deviation


DATASETS["cifar10"] = ImageData(
    CIFAR10_CLASSES, lambda config, split, side: cifar10.load_cifar10(split), CIFAR10_SIDE
)
DATASETS[OWN_IMAGES] = ImageData(
    (), lambda config, split, side: own_images(config.source, split, side), STORED_SIDE
)
