"""Named runs: a model, what it is trained on, and how; and the way back from a file to a model."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from torch import nn

from neurosvt.config import UserError, as_plain, build, load_toml
from neurosvt.data import nmnist
from neurosvt.data.cifar10 import CLASSES, SIDE
from neurosvt.data.image_stream import ImageStreamConfig
from neurosvt.data.scenes import SceneConfig
from neurosvt.data.stream import NMNISTStream, SceneStream, StreamConfig
from neurosvt.evaluate.exams import Exam, NMNISTExam, SceneExam
from neurosvt.models.baselines import Latch
from neurosvt.models.convnet import ConvNet, ConvNetConfig
from neurosvt.models.dysvit import DySViT, DySViTConfig
from neurosvt.models.neurosvt import NeuroSVT, NeuroSVTConfig
from neurosvt.nn.weights import load_weights
from neurosvt.train import checkpoint
from neurosvt.train.images import ImageTrainConfig
from neurosvt.train.loop import TrainConfig

WEIGHTS = Path(str(files("neurosvt") / "weights"))
"""Where the package keeps the models that it ships."""


@dataclass(frozen=True)
class Run:
    """All that is decided before a NeuroSVT is trained."""

    model: NeuroSVTConfig = field(default_factory=NeuroSVTConfig)
    data: StreamConfig = field(default_factory=StreamConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self):
        classes = len(self.exam("validation").classes)
        if self.model.classes != classes:
            raise ValueError(
                f"model.classes is {self.model.classes}, {self.data.dataset} has {classes}"
            )
        if self.data.dataset == "nmnist" and self.model.image_size < nmnist.SIDE:
            raise ValueError(
                f"model.image_size is {self.model.image_size}, a recording of nmnist needs "
                f"{nmnist.SIDE} pixels"
            )

    @property
    def frame_us(self) -> int:
        """Length of a frame, microseconds: what the data are cut into is the model's time step."""
        return round(self.model.frame_ms * 1000)

    def network(self, backend: str = "auto") -> NeuroSVT:
        """Its model, untrained."""
        return NeuroSVT(self.model, backend)

    def stream(self) -> SceneStream | NMNISTStream:
        """Its training batches."""
        cfg = self.train
        kind = NMNISTStream if self.data.dataset == "nmnist" else SceneStream
        return kind(self.data, cfg.batch, cfg.steps, cfg.seed, self.model.image_size, self.frame_us)

    def exam(self, split: str, seed: int = 0) -> Exam:
        """What it is judged on."""
        scene = SceneConfig(
            size=self.model.image_size, frame_us=self.frame_us, noise_hz=self.data.noise_hz
        )
        kind = NMNISTExam if self.data.dataset == "nmnist" else SceneExam
        return kind(split, seed, scene=scene)


@dataclass(frozen=True)
class ImageRun:
    """All that is decided before a DySViT is trained."""

    model: DySViTConfig = field(default_factory=DySViTConfig)
    data: ImageStreamConfig = field(default_factory=ImageStreamConfig)
    train: ImageTrainConfig = field(default_factory=ImageTrainConfig)

    def __post_init__(self):
        _check_fit(self.model, self.data)

    def network(self, backend: str = "auto") -> DySViT:
        """Its model, untrained."""
        return DySViT(config=self.model, backend=backend)


@dataclass(frozen=True)
class TeacherRun:
    """All that is decided before a dense teacher of images is trained."""

    model: ConvNetConfig = field(default_factory=ConvNetConfig)
    data: ImageStreamConfig = field(default_factory=ImageStreamConfig)
    train: ImageTrainConfig = field(default_factory=ImageTrainConfig)

    def __post_init__(self):
        _check_fit(self.model, self.data)

    def network(self, backend: str = "auto") -> ConvNet:
        """Its model, untrained; it has no neurons for a backend to compute."""
        return ConvNet(self.model)


def _check_fit(model: DySViTConfig | ConvNetConfig, data: ImageStreamConfig) -> None:
    if (model.classes, model.image_size) != (len(CLASSES), SIDE):
        raise ValueError(
            f"model.classes is {model.classes} and model.image_size {model.image_size}, "
            f"{data.dataset} has {len(CLASSES)} and {SIDE}"
        )


AnyImageRun = ImageRun | TeacherRun
AnyRun = Run | AnyImageRun


def build_run(values: Mapping[str, Any]) -> AnyRun:
    """The run that nested plain values describe: of images, if its data set is one of images, and
    then of a teacher, if its model says that it is a convnet.

    Raises:
        ConfigError: as `config.build`.
    """
    if _setting(values, "data", "dataset") != "cifar10":
        return build(Run, values)
    dense = _setting(values, "model", "kind") == "convnet"
    return build(TeacherRun, values) if dense else build(ImageRun, values)


def _setting(values: Mapping[str, Any], table: str, name: str) -> Any:
    settings = values.get(table)
    return settings.get(name) if isinstance(settings, Mapping) else None


def _with_memory(run: Run, memory: Any) -> Run:
    return replace(run, model=replace(run.model, memory=memory))


PERMANENCE = Run()
"""The run that trains the model which the package ships."""
_NMNIST = Run(
    model=NeuroSVTConfig(classes=10),
    data=StreamConfig(dataset="nmnist"),
    train=TrainConfig(steps=6000, validate_every=300),
)

PRESETS: dict[str, AnyRun] = {
    "permanence": PERMANENCE,
    "permanence_lif": _with_memory(PERMANENCE, "lif"),
    "permanence_none": _with_memory(PERMANENCE, "none"),
    "nmnist": _NMNIST,
    "nmnist_lif": _with_memory(_NMNIST, "lif"),
    "nmnist_none": _with_memory(_NMNIST, "none"),
    "dysvit_protocol": ImageRun(),
    "dysvit": ImageRun(
        data=ImageStreamConfig(mixup=0.4),
        train=ImageTrainConfig(
            optimizer="muon", warmup_epochs=2, mixup_off=10, teacher="runs/cifar10_teacher"
        ),
    ),
    "cifar10_teacher": TeacherRun(
        train=ImageTrainConfig(epochs=15, warmup_epochs=2, mixup_off=3, clip=1.0)
    ),
}
"""Runs by name. The three of a family differ in their memory and in nothing else."""


def run_named(name: str) -> AnyRun:
    """A preset, or the run that a TOML file describes.

    Raises:
        UserError: no preset and no file of that name, or a file with a wrong setting.
    """
    if name in PRESETS:
        return PRESETS[name]
    if not name.endswith(".toml"):
        raise UserError(f"no run {name!r}; choose from {', '.join(PRESETS)}, or give a .toml file")
    return build_run(load_toml(name))


def save_model(path: Path, model: nn.Module, run: AnyRun, facts: dict[str, Any]) -> None:
    """Write a model's weights with the run that made it, so that `load_model` needs no more."""
    checkpoint.save(path, model.state_dict(), {**facts, "run": as_plain(run)})


@dataclass(frozen=True)
class Trained:
    """A model that was trained, and what is known about it."""

    name: str
    model: Any
    run: Any
    facts: dict[str, Any]

    def latch(self) -> nn.Module:
        """The latch on this memoryless model, at the threshold tuned after its training."""
        if "latch_threshold" not in self.facts:
            raise UserError(f"{self.name} holds no latch_threshold: it is found at training's end")
        return Latch(self.model, self.facts["latch_threshold"]).eval()


def model_file(name: str) -> Path:
    """The weights that RUN names: a run folder, a checkpoint, or a model that the package ships."""
    path = Path(name)
    if path.is_dir():
        return path / "best.safetensors"
    shipped = WEIGHTS / f"{name}.safetensors"
    if not path.suffix and shipped.is_file():
        return shipped
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in WEIGHTS.glob("*.safetensors")))
        raise FileNotFoundError(f"no run folder, checkpoint or shipped model {name!r} ({known})")
    return path


def load_model(name: str, backend: str = "auto") -> Trained:
    """A trained model in eval mode.

    Args:
        name: a run folder, a checkpoint of it, or a shipped model.
        backend: how its neurons are computed.

    Raises:
        FileNotFoundError, UserError: nothing there, or it is cut, or does not fit its own run.
    """
    path = model_file(name)
    tensors, facts = checkpoint.load(path)
    if "rng" in tensors:  # a checkpoint of training: its model is what stands under "model."
        tensors = {n[6:]: t for n, t in tensors.items() if n.startswith("model.")}
    if "run" not in facts:
        raise UserError(f"{path} does not say which run made it")
    run = build_run(facts["run"])
    model = run.network(backend)
    load_weights(model, tensors, str(path))
    return Trained(name, model.eval(), run, facts)


def load_classifier(name: str, backend: str = "auto") -> Trained:
    """A trained model of images; otherwise as `load_model`.

    Raises:
        UserError: also if what was trained is no model of images.
    """
    trained = load_model(name, backend)
    if isinstance(trained.run, Run):
        raise UserError(f"{name} follows objects that hide: `neurosvt permanence` judges it")
    return trained


def sibling(name: str, memory: str) -> str:
    """What the same run with another memory is called: NAME_lif beside NAME, as in `PRESETS`.

    A checkpoint in a run folder stands for its folder.
    """
    path = Path(name)
    if path.is_file() and path.stem in ("best", "last"):
        path = path.parent
    ending = path.suffix if path.is_file() else ""
    other = path.stem if ending else path.name
    return str(path.with_name(other + (f"_{memory}" if memory != "leaky" else "") + ending))
