"""Runs: all that is decided before a model is trained, as plain data in and out.

A run is a model's config, what it learns from, and how. What it learns from decides its kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neurosvt.config import build
from neurosvt.datasets import cifar10
from neurosvt.datasets.clips import Clips
from neurosvt.loaders.clips import ClipConfig, ClipData, load_clips
from neurosvt.loaders.images import ImageConfig
from neurosvt.loaders.occlusions import OcclusionConfig, OcclusionData, OcclusionStream
from neurosvt.loaders.registry import DATASETS, find_dataset
from neurosvt.models.convnet import ConvNet, ConvNetConfig
from neurosvt.models.dysvit import DySViT, DySViTConfig
from neurosvt.models.neurosvt import SIZES, NeuroSVT, NeuroSVTConfig
from neurosvt.models.recurrent import RecurrentConfig, RecurrentNet
from neurosvt.models.vit import ViT, ViTConfig
from neurosvt.permanence.tasks import TASKS, Task
from neurosvt.scenes.scenes import SceneConfig
from neurosvt.train.images import ImageTrainConfig
from neurosvt.train.loop import TrainConfig


class _Following:
    """What runs of models have in common that follow objects which hide."""

    model: Any
    data: OcclusionConfig
    train: TrainConfig

    def __post_init__(self):
        classes = len(self.task("validation").classes)
        if self.model.classes != classes:
            raise ValueError(
                f"model.classes is {self.model.classes}, {self.data.dataset} has {classes}"
            )
        least = find_dataset(self.data.dataset, OcclusionData).least_size
        if self.model.image_size < least:
            raise ValueError(
                f"model.image_size is {self.model.image_size}, {self.data.dataset} needs {least} "
                "pixels"
            )

    @property
    def frame_us(self) -> int:
        """Length of a frame, microseconds: what the data are cut into is the model's time step."""
        return round(self.model.frame_ms * 1000)

    def stream(self) -> OcclusionStream:
        """Its training batches."""
        cfg = self.train
        data = find_dataset(self.data.dataset, OcclusionData)
        size = self.model.image_size
        return data.stream(self.data, cfg.batch, cfg.steps, cfg.seed, size, self.frame_us)

    def task(self, split: str, seed: int = 0) -> Task:
        """What it is judged on."""
        scene = SceneConfig(
            size=self.model.image_size, frame_us=self.frame_us, noise_hz=self.data.noise_hz
        )
        tiers = tuple(dict.fromkeys(self.data.tiers))  # one may be trained on twice as often
        return TASKS[self.data.dataset](split, seed, scene, tiers)


@dataclass(frozen=True)
class Run(_Following):
    """A NeuroSVT that follows objects which hide."""

    model: NeuroSVTConfig = field(default_factory=NeuroSVTConfig)
    data: OcclusionConfig = field(default_factory=OcclusionConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def network(self, backend: str = "auto") -> NeuroSVT:
        """Its model, untrained."""
        return NeuroSVT(self.model, backend)


@dataclass(frozen=True)
class RecurrentRun(_Following):
    """A dense recurrent network that follows objects which hide."""

    model: RecurrentConfig = field(default_factory=RecurrentConfig)
    data: OcclusionConfig = field(default_factory=OcclusionConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def network(self, backend: str = "auto") -> RecurrentNet:
        """Its model, untrained; it has no neurons for a backend to compute."""
        return RecurrentNet(self.model)


@dataclass(frozen=True)
class ViTRun(_Following):
    """A dense vision transformer that follows objects which hide."""

    model: ViTConfig = field(default_factory=ViTConfig)
    data: OcclusionConfig = field(default_factory=OcclusionConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def network(self, backend: str = "auto") -> ViT:
        """Its model, untrained; it has no neurons for a backend to compute."""
        return ViT(self.model)


@dataclass(frozen=True)
class ClipRun:
    """A NeuroSVT that names what a clip shows: a gesture, an object in a hand."""

    model: NeuroSVTConfig = field(default_factory=lambda: SIZES["dvs128"])
    data: ClipConfig = field(default_factory=ClipConfig)
    train: TrainConfig = field(default_factory=lambda: TrainConfig(batch=16))

    def __post_init__(self):
        classes, side = len(self.classes), self.data.side
        if (self.model.classes, self.model.image_size) != (classes, side):
            raise ValueError(
                f"model.classes is {self.model.classes} and model.image_size "
                f"{self.model.image_size}, {self.data.dataset} has {classes} and data.side {side}"
            )
        if not self.train.hidden_steps:
            raise ValueError(
                f"train.hidden_steps is false, and nothing hides in {self.data.dataset}"
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """What a clip may show."""
        return find_dataset(self.data.dataset, ClipData).classes

    def network(self, backend: str = "auto") -> NeuroSVT:
        """Its model, untrained."""
        return NeuroSVT(self.model, backend)

    def samples(self, split: str) -> Clips:
        """A part of its data set: "train", "validation" or "test"."""
        return load_clips(self.data, split, round(self.model.frame_ms * 1000))


class _OfImages:
    """What runs of images have in common."""

    model: Any
    data: Any

    def __post_init__(self):
        classes, side = len(self.classes), cifar10.CIFAR10_SIDE
        if (self.model.classes, self.model.image_size) != (classes, side):
            raise ValueError(
                f"model.classes is {self.model.classes} and model.image_size "
                f"{self.model.image_size}, {self.data.dataset} has {classes} and {side}"
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """What an image may show."""
        return cifar10.CIFAR10_CLASSES

    def samples(self, split: str) -> cifar10.Images:
        """A part of its data set: "train", "validation" or "test"."""
        return cifar10.load_cifar10(split)


@dataclass(frozen=True)
class ImageRun(_OfImages):
    """A DySViT that classifies images."""

    model: DySViTConfig = field(default_factory=DySViTConfig)
    data: ImageConfig = field(default_factory=ImageConfig)
    train: ImageTrainConfig = field(default_factory=ImageTrainConfig)

    def network(self, backend: str = "auto") -> DySViT:
        """Its model, untrained."""
        return DySViT(config=self.model, backend=backend)


@dataclass(frozen=True)
class TeacherRun(_OfImages):
    """A dense teacher of images."""

    model: ConvNetConfig = field(default_factory=ConvNetConfig)
    data: ImageConfig = field(default_factory=ImageConfig)
    train: ImageTrainConfig = field(default_factory=ImageTrainConfig)

    def network(self, backend: str = "auto") -> ConvNet:
        """Its model, untrained; it has no neurons for a backend to compute."""
        return ConvNet(self.model)


FollowingRun = Run | RecurrentRun | ViTRun
AnyImageRun = ImageRun | TeacherRun
AnyRun = FollowingRun | ClipRun | AnyImageRun


def build_run(values: Mapping[str, Any]) -> AnyRun:
    """The run that nested plain values describe; its data set says of which kind, and the model's
    `kind` where there are several.

    Raises:
        ConfigError: as `config.build`.
    """
    dataset = _setting(values, "data", "dataset")
    if isinstance(DATASETS.get(dataset), ClipData):
        return build(ClipRun, values)
    kind = _setting(values, "model", "kind")
    if dataset != "cifar10":
        following = {None: Run, "vit": ViTRun}.get(kind, RecurrentRun)
        return build(following, values)
    return build(TeacherRun, values) if kind == "convnet" else build(ImageRun, values)


def _setting(values: Mapping[str, Any], table: str, name: str) -> Any:
    settings = values.get(table)
    return settings.get(name) if isinstance(settings, Mapping) else None
