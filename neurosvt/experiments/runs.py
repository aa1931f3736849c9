"""Runs: all that is decided before a model is trained, as plain data in and out.

A run is a model's settings, what it learns from, and how. What it learns from decides what is asked
of it: objects that hide are followed, clips and images are named.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from torch import nn

from neurosvt.config import (
    ConfigError,
    Registry,
    UserError,
    build,
    build_kind,
    check_names,
)
from neurosvt.datasets.cifar10 import Images
from neurosvt.datasets.clips import Clips
from neurosvt.datasets.described import described_classes, labels_hiding
from neurosvt.datasets.own_images import images_table
from neurosvt.experiments.models import MODELS
from neurosvt.loaders.clips import ClipConfig, ClipData, load_clips
from neurosvt.loaders.images import OWN_IMAGES, ImageConfig, ImageData
from neurosvt.loaders.occlusions import OWN, OcclusionConfig, OcclusionData, OcclusionStream
from neurosvt.loaders.registry import DATASETS, TrainingData, find_dataset
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.permanence.recording_task import RecordingTask
from neurosvt.permanence.tasks import TASKS, Task
from neurosvt.scenes.annotated_tracks import ANNOTATED
from neurosvt.scenes.occluded_tracks import CUT_IN
from neurosvt.scenes.sampling import SceneConfig
from neurosvt.sides import Sides
from neurosvt.training.images import ImageTrainConfig
from neurosvt.training.settings import TrainConfig


class RunSettings(NamedTuple):
    """What the settings of a run are, for data of one kind."""

    data: Any
    train: Any
    model: str
    """Kind of the model where none is named."""


RUN_SETTINGS: dict[type[TrainingData], RunSettings] = {
    OcclusionData: RunSettings(OcclusionConfig, TrainConfig, "neurosvt"),
    ClipData: RunSettings(ClipConfig, TrainConfig, "neurosvt"),
    ImageData: RunSettings(ImageConfig, ImageTrainConfig, "dysvit"),
}


CLASSES_OF: dict[str, Callable[[str], tuple[str, ...]]] = {
    OWN: described_classes,
    OWN_IMAGES: lambda folder: tuple(images_table(folder)["classes"]),
}
"""How folders of one's own tell their classes, by data set."""


@dataclass(frozen=True)
class Run:
    """A model's settings, what it learns from, and how.

    Raises:
        ValueError: a model that does not fit the data.
    """

    model: Any = field(default_factory=NeuroSVTConfig)
    """RunSettings of one of `MODELS`."""
    data: Any = field(default_factory=OcclusionConfig)
    train: Any = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        dataset, model = self.data.dataset, self.model
        if model.classes != len(self.classes):
            raise ValueError(f"model.classes is {model.classes}, {dataset} has {len(self.classes)}")
        if self.hides:
            if self.data.frame_ms and model.kind != "neurosvt":
                raise ValueError(f"data.frame_ms varies, and a {model.kind} knows one length alone")
            least = find_dataset(dataset, OcclusionData).least_size
            if Sides.of(model.image_size).shorter < least:
                raise ValueError(
                    f"model.image_size is {model.image_size}, {dataset} needs {least} pixels"
                )
            return
        side = self.data.side if isinstance(self.data, ClipConfig) else DATASETS[dataset].side  # type: ignore[attr-defined]
        if dataset == OWN_IMAGES:
            if model.image_size > side:
                raise ValueError(f"model.image_size is {model.image_size}, {dataset} have {side}")
        elif model.image_size != side:
            raise ValueError(f"model.image_size is {model.image_size}, {dataset} has {side}")
        if not getattr(self.train, "hidden_steps", True):
            raise ValueError(f"train.hidden_steps is false, and nothing hides in {dataset}")

    @property
    def hides(self) -> bool:
        """Whether objects hide in its data: the model follows them, and does not only name."""
        return isinstance(self.data, OcclusionConfig)

    @property
    def frame_us(self) -> int:
        """Length of a frame, microseconds: what the data are cut into is the model's time step."""
        length: int = round(self.model.frame_ms * 1000)
        return length

    @property
    def classes(self) -> tuple[str, ...]:
        """What may be shown."""
        return getattr(self.data, "classes", ()) or DATASETS[self.data.dataset].classes

    def network(self, backend: str = "auto") -> nn.Module:
        """Its model, untrained."""
        return MODELS[self.model.kind].make(self.model, backend)

    def stream(self) -> OcclusionStream:
        """Training batches of objects that hide."""
        cfg, size = self.train, self.model.image_size
        data = find_dataset(self.data.dataset, OcclusionData)
        return data.stream(self.data, cfg.batch, cfg.steps, cfg.seed, size, self.frame_us)

    def task(self, split: str, seed: int = 0) -> Task:
        """What a model that follows objects is judged on: "validation" or "test".

        Raises:
            UserError: nothing hides in its data.
        """
        if not self.hides:
            raise UserError(f"nothing hides in {self.data.dataset}: `neurosvt evaluate` judges it")
        scene = self.data.scene(self.model.image_size, self.frame_us)
        tiers = tuple(dict.fromkeys(self.data.tiers))  # one may be trained on twice as often
        if self.data.source:
            return RecordingTask(self.data.source, split, seed, scene=scene, tiers=tiers)
        return TASKS[self.data.dataset](split, seed, scene, tiers)

    def task_on(self, folder: str) -> RecordingTask:
        """Its models judged on a prepared folder of recordings, whatever they learnt from: where
        its labels say that an object is hidden, or else hidden by what is cut in.

        Raises:
            FileNotFoundError, UserError: it is none.
        """
        if not self.hides:
            raise UserError(f"nothing hides in {self.data.dataset}: `neurosvt evaluate` judges it")
        scene = SceneConfig(size=self.model.image_size, frame_us=self.frame_us, noise_hz=0.0)
        tiers = (ANNOTATED,) if labels_hiding(folder, "test") else CUT_IN
        return RecordingTask(folder, "test", scene=scene, tiers=tiers, named=self.classes)

    def samples(self, split: str) -> Clips | Images:
        """A part of its data set: "train", "validation" or "test".

        Raises:
            UserError: objects hide in its data.
        """
        if isinstance(self.data, ImageConfig):
            data = find_dataset(self.data.dataset, ImageData)
            return data.load(self.data, split, self.model.image_size)
        if isinstance(self.data, ClipConfig):
            return load_clips(self.data, split, self.frame_us)
        raise UserError(f"objects hide in {self.data.dataset}: `neurosvt permanence` judges it")


def whole_run(run: Run, processes: int) -> Run:
    """The run whose batches are those of whole steps: of all passes of so many processes.

    Raises:
        UserError: there is no run with so large a batch.
    """
    cfg = run.train
    try:
        train = replace(cfg, batch=cfg.batch * cfg.accumulate * processes)
        return replace(run, train=train)
    except ValueError as error:
        raise UserError(
            f"{processes} processes with {cfg.accumulate} passes of batch {cfg.batch}: {error}"
        ) from error


def build_run(values: Mapping[str, Any]) -> Run:
    """The run that nested plain values describe; its data set says what it learns from, and the
    model's `kind` which model it is.

    Raises:
        ConfigError: as `config.build`.
    """
    check_names(values, [field.name for field in fields(Run)])
    data, model, train = (values.get(name, {}) for name in ("data", "model", "train"))
    dataset = data.get("dataset", "scenes") if isinstance(data, Mapping) else "scenes"
    try:
        known = RUN_SETTINGS[type(DATASETS[dataset])]
    except UserError as error:
        raise ConfigError(f"data.dataset: {error}") from error
    kinds = Registry("model", {name: kind.config for name, kind in MODELS.items()})
    if dataset in CLASSES_OF and isinstance(model, Mapping) and data.get("source"):
        # A run that goes on from another says how many classes that had.
        told = data.get("classes") or CLASSES_OF[dataset](data["source"])
        data = {**data, "classes": told}
        model = {**model, "classes": len(data["classes"])}
    named = {"kind": known.model, **model} if isinstance(model, Mapping) else model
    parts = {
        "model": build_kind(kinds, named, "model"),
        "data": build(known.data, data, "data"),
        "train": build(known.train, train, "train"),
    }
    try:
        return Run(**parts)
    except ValueError as error:
        raise ConfigError(str(error)) from error
