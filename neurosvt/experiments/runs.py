"""Runs: all that is decided before a model is trained, as plain data in and out.

A run is a model's settings, what it learns from, and how. What it learns from decides what is asked
of it: objects that hide are followed, clips and images are named.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from torch import nn

from neurosvt.config import ConfigError, Registry, UserError, build, build_kind, check_names
from neurosvt.datasets import cifar10, nmnist
from neurosvt.datasets.clips import Clips
from neurosvt.experiments.models import MODELS
from neurosvt.loaders import clips as clip_loader
from neurosvt.loaders.clips import ClipStreamConfig, load_clips
from neurosvt.loaders.images import ImageStreamConfig
from neurosvt.loaders.occlusions import (
    TRACKS,
    NMNISTStream,
    SceneStream,
    StreamConfig,
    TrackStream,
)
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.permanence.tasks import NMNISTTask, SceneTask, Task, TrackTask
from neurosvt.scenes.scenes import SceneConfig
from neurosvt.train.images import ImageTrainConfig
from neurosvt.train.loop import TrainConfig


@dataclass(frozen=True)
class Run:
    """A model's settings, what it learns from, and how.

    Raises:
        ValueError: a model that does not fit the data.
    """

    model: Any = field(default_factory=NeuroSVTConfig)
    """Settings of one of `MODELS`."""
    data: Any = field(default_factory=StreamConfig)
    train: Any = field(default_factory=TrainConfig)

    def __post_init__(self):
        classes, side = len(self.classes), self.side
        if self.model.classes != classes:
            raise ValueError(
                f"model.classes is {self.model.classes}, {self.data.dataset} has {classes}"
            )
        if self.hides:
            if self.data.dataset == "nmnist" and self.model.image_size < nmnist.SIDE:
                raise ValueError(
                    f"model.image_size is {self.model.image_size}, a recording of nmnist needs "
                    f"{nmnist.SIDE} pixels"
                )
            self.task("validation")  # which knows what a sensor needs
        elif self.model.image_size != side:
            raise ValueError(
                f"model.image_size is {self.model.image_size}, {self.data.dataset} has {side}"
            )
        if not self.hides and not getattr(self.train, "hidden_steps", True):
            raise ValueError(
                f"train.hidden_steps is false, and nothing hides in {self.data.dataset}"
            )

    @property
    def hides(self) -> bool:
        """Whether objects hide in its data: the model follows them, and does not only name."""
        return isinstance(self.data, StreamConfig)

    @property
    def frame_us(self) -> int:
        """Length of a frame, microseconds: what the data are cut into is the model's time step."""
        return round(self.model.frame_ms * 1000)

    @property
    def side(self) -> int:
        """Pixels per side of what is shown."""
        if isinstance(self.data, ImageStreamConfig):
            return cifar10.SIDE
        return self.data.side if isinstance(self.data, ClipStreamConfig) else self.model.image_size

    @property
    def classes(self) -> tuple[str, ...]:
        """What may be shown."""
        if isinstance(self.data, ImageStreamConfig):
            return cifar10.CLASSES
        if isinstance(self.data, ClipStreamConfig):
            return clip_loader.CLASSES[self.data.dataset]
        return self._task_of_data("validation", 0, SceneConfig()).classes

    def network(self, backend: str = "auto") -> nn.Module:
        """Its model, untrained."""
        return MODELS[self.model.kind].make(self.model, backend)

    def stream(self) -> SceneStream | NMNISTStream | TrackStream:
        """Training batches of objects that hide."""
        cfg = self.train
        kinds: dict[str, Any] = {"nmnist": NMNISTStream, **dict.fromkeys(TRACKS, TrackStream)}
        kind = kinds.get(self.data.dataset, SceneStream)
        return kind(self.data, cfg.batch, cfg.steps, cfg.seed, self.model.image_size, self.frame_us)

    def task(self, split: str, seed: int = 0) -> Task:
        """What a model that follows objects is judged on.

        Raises:
            UserError: nothing hides in its data.
        """
        if not self.hides:
            raise UserError(f"nothing hides in {self.data.dataset}: it is for `neurosvt evaluate`")
        scene = SceneConfig(
            size=self.model.image_size, frame_us=self.frame_us, noise_hz=self.data.noise_hz
        )
        return self._task_of_data(split, seed, scene)

    def samples(self, split: str) -> Clips | cifar10.Images:
        """A part of its data set: "train", "validation" or "test".

        Raises:
            UserError: objects hide in its data.
        """
        if isinstance(self.data, ImageStreamConfig):
            return cifar10.load(split)
        if isinstance(self.data, ClipStreamConfig):
            return load_clips(self.data, split, self.frame_us)
        raise UserError(
            f"objects hide in {self.data.dataset}: `neurosvt permanence` judges who follows them"
        )

    def _task_of_data(self, split: str, seed: int, scene: SceneConfig) -> Task:
        if self.data.dataset == "nmnist":
            return NMNISTTask(split, seed, scene=scene)
        if self.data.dataset in TRACKS:
            return TrackTask(split, seed, TRACKS[self.data.dataset], scene=scene)
        tiers = tuple(dict.fromkeys(self.data.tiers))  # one may be trained on twice as often
        return SceneTask(split, seed, scene=scene, name=self.data.dataset, tiers=tiers)


def build_run(values: Mapping[str, Any]) -> Run:
    """The run that nested plain values describe; its data set says what it learns from, and the
    model's `kind` which model it is.

    Raises:
        ConfigError: as `config.build`.
    """
    check_names(values, [field.name for field in fields(Run)])
    dataset = _setting(values, "data", "dataset")
    images, clips = dataset == "cifar10", dataset in clip_loader.CLASSES
    data: Any = ImageStreamConfig if images else ClipStreamConfig if clips else StreamConfig
    train: Any = ImageTrainConfig if images else TrainConfig
    usual = "dysvit" if images else "neurosvt"
    model = values.get("model", {})
    if isinstance(model, Mapping):
        model = {"kind": usual, **model}
    kinds = Registry("model", {name: kind.config for name, kind in MODELS.items()})
    model = build_kind(kinds, model, "model")
    data = build(data, values.get("data", {}), "data")
    train = build(train, values.get("train", {}), "train")
    try:
        return Run(model, data, train)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _setting(values: Mapping[str, Any], table: str, name: str) -> Any:
    settings = values.get(table)
    return settings.get(name) if isinstance(settings, Mapping) else None
