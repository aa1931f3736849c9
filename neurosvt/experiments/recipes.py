"""What training needs beside a loop: the model, its batches, its task, and how it is judged."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from neurosvt.classification.accuracy import predict_classes
from neurosvt.config import UserError
from neurosvt.datasets.cifar10 import Images
from neurosvt.datasets.clips import Clips
from neurosvt.experiments.checkpoints import Checkpoint, load, load_image_model
from neurosvt.experiments.registry import run_files
from neurosvt.experiments.runs import Run
from neurosvt.loaders.clips import ClipConfig, ClipStream
from neurosvt.loaders.images import ImageConfig, ImageStream
from neurosvt.loaders.occlusions import OcclusionConfig
from neurosvt.loaders.prefetch import ahead
from neurosvt.models.dysvit import DySViT
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.pretrained import Pretrained
from neurosvt.models.resized import weights_for
from neurosvt.nn.heads import Heads
from neurosvt.nn.leaky_memory import LeakyMemory
from neurosvt.nn.weights import load_weights
from neurosvt.permanence.evaluate import tune_latch, validation_score
from neurosvt.permanence.moments import judges_presence
from neurosvt.permanence.presence_scores import tune_presence
from neurosvt.training.clips import ClipObjective
from neurosvt.training.images import ImageObjective
from neurosvt.training.loop import Objective
from neurosvt.training.losses import BeliefLoss, BeliefObjective
from neurosvt.training.settings import TrainConfig

BEHIND = ("memory.", "heads.")
"""Where the names of weights begin that come behind the spatial part."""

VALIDATION_EVENTS = 100
"""Occlusion events per tier and length at each look at the validation scenes."""


@runtime_checkable
class Recipe(Protocol):
    """One run's way from random weights to a judged model."""

    @property
    def model(self) -> nn.Module: ...
    @property
    def objective(self) -> Objective: ...
    @property
    def steps_before(self) -> int:
        """For how long the weights were trained that it starts from; 0 for new ones."""

    def batches(self, start: int) -> Iterator[Any]:
        """Training batches from step `start` on."""

    def validate(self) -> dict[str, float]:
        """What the model is worth now: "score", by which the best is chosen, and its parts."""

    def calibrate(self) -> dict[str, float]:
        """Tune on validation what is tuned once training has ended, weights included; metadata."""

    def remarks(self) -> list[str]:
        """What was learnt, in words."""


class OcclusionRecipe:
    """Objects that hide, for NeuroSVT and what it is compared with."""

    def __init__(self, run: Run, backend: str, device: torch.device):
        self.run = run
        self.model, self.steps_before = _started(run, backend, device)
        cfg = run.train
        loss = BeliefLoss(
            cfg.position_weight,
            cfg.presence_weight,
            choice_weight=cfg.choice_weight,
            motion_weight=cfg.motion_weight,
        )
        self.objective = BeliefObjective(cfg.state_noise, cfg.hidden_steps, loss)
        self.task = run.task("validation", run.train.seed)
        self.stream = run.stream()

    def batches(self, start: int) -> Iterator[Any]:
        return ahead(self.stream, start)

    def validate(self) -> dict[str, float]:
        return validation_score(
            self.model, self.task, VALIDATION_EVENTS, state_noise=self.run.train.state_noise
        )

    def calibrate(self) -> dict[str, float]:
        noise, found = self.run.train.state_noise, _with_start(self)
        if any(map(judges_presence, self.task.tiers)) and isinstance(self.heads, Heads):
            for kind, by in tune_presence(self.model, self.task, state_noise=noise).items():
                self.heads.raise_presence(kind, by)
                found[f"{kind.name.lower()}_raised"] = by
        if is_memoryless(self.run.model):
            threshold, belief = tune_latch(self.model, self.task, state_noise=noise)
            found |= {"latch_threshold": threshold, "latch_belief": belief}
        return found

    @property
    def heads(self) -> Any:
        """What says presence."""
        return getattr(self.model, "heads", None)

    def remarks(self) -> list[str]:
        return time_constants(self.model.memory) if isinstance(self.model, NeuroSVT) else []


class _ClassificationRecipe:
    """What shows one thing, and is to be named."""

    model: Any
    run: Run
    stream: ClipStream | ImageStream
    held_out: Clips | Images
    steps_before = 0

    def batches(self, start: int) -> Iterator[Any]:
        return ahead(self.stream, start)

    def validate(self) -> dict[str, float]:
        predicted = predict_classes(self.model, self.held_out, amp=self.run.train.amp)
        return {"score": float((predicted == self.held_out.labels).mean())}

    def calibrate(self) -> dict[str, float]:
        return _with_start(self)


class ClipRecipe(_ClassificationRecipe):
    """Gestures, and objects in a hand, for NeuroSVT."""

    def __init__(self, run: Run, backend: str, device: torch.device):
        self.run = run
        self.model, self.steps_before = _started(run, backend, device)
        cfg = run.train
        self.objective = ClipObjective(cfg.state_noise)
        self.held_out = run.samples("validation")
        self.stream = ClipStream(
            cast(Clips, run.samples("train")), run.data, cfg.batch, cfg.steps, cfg.seed
        )

    def remarks(self) -> list[str]:
        return time_constants(self.model.memory)


class ImageRecipe(_ClassificationRecipe):
    """Photographs, for DySViT and its teacher."""

    def __init__(self, run: Run, backend: str, device: torch.device):
        self.run = run
        self.model, self.steps_before = _started(run, backend, device)
        cfg, teacher = run.train, None
        if cfg.teacher:
            learnt = _trained_first("train.teacher", cfg.teacher, load_image_model)
            teacher = learnt.model.to(device)
        train, self.held_out = run.samples("train"), run.samples("validation")
        self.objective = ImageObjective(teacher, cfg.teacher_share, cfg.temperature)
        if len(train) != cfg.images:
            raise UserError(f"train.images is {cfg.images}, {run.data.dataset} has {len(train)}")
        self.stream = ImageStream(
            cast(Images, train), run.data, cfg.batch, cfg.steps, cfg.pure_from, cfg.seed
        )

    def remarks(self) -> list[str]:
        if not isinstance(self.model, DySViT):
            return []
        return [f"{self.model.deployed().parameter_count():,} parameters when deployed"]


def _started(run: Run, backend: str, device: torch.device) -> tuple[nn.Module, int]:
    """The network of a run, with the weights that it starts from if it names some, and for how many
    steps those were trained."""
    model, cfg, steps = run.network(backend), run.train, 0
    if cfg.start:
        first = _trained_first("train.start", cfg.start, load)
        others = first.run.classes != run.classes
        if others and isinstance(cfg, TrainConfig) and cfg.kept_start:
            raise UserError(f"train.kept_start is of no use: the classes of {cfg.start} are others")
        if others and isinstance(first.model, Pretrained):
            first.model.reset_classifier(len(run.classes))  # what it learnt of all else is kept
        load_weights(model, _fitted(first.model, model), cfg.start)
        steps = first.steps
    if getattr(cfg, "front_end", None):
        first = _trained_first("train.front_end", cfg.front_end, load)
        load_front_end(model, first.model.state_dict(), cfg.front_end)
    if getattr(cfg, "freeze", "nothing") == "spatial":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith(BEHIND))
    return model.to(device), steps


def _fitted(first: nn.Module, model: nn.Module) -> Mapping[str, Tensor]:
    """The weights of the first model, for the sensor of the other."""
    if isinstance(first, NeuroSVT) and isinstance(model, NeuroSVT):
        return weights_for(model, first)
    return first.state_dict()


def _with_start(recipe: "OcclusionRecipe | _ClassificationRecipe") -> dict[str, float]:
    """Mix the weights with those that training started from, in place, if that is asked for; what
    validation then finds."""
    cfg, share = recipe.run.train, getattr(recipe.run.train, "kept_start", 0.0)
    if not share:
        return {}
    before = _fitted(_trained_first("train.start", cfg.start, load).model, recipe.model)
    mixed = {
        name: torch.lerp(own, before[name].to(own), share) if own.is_floating_point() else own
        for name, own in recipe.model.state_dict().items()
    }
    load_weights(recipe.model, mixed, cfg.start)
    return recipe.validate()


def load_front_end(model: nn.Module, weights: Mapping[str, Tensor], named: str) -> None:
    """Take the weights that come before the memory, in place; `named`: what is said to hold them.

    Raises:
        UserError: as of `nn.weights.load_weights`.
    """
    own = {name: w for name, w in model.state_dict().items() if name.startswith(BEHIND)}
    seen = {name: w for name, w in weights.items() if not name.startswith(BEHIND)}
    load_weights(model, own | seen, named)


def _trained_first(setting: str, name: str, load: Callable[[str], Checkpoint]) -> Checkpoint:
    try:
        return load(name)
    except FileNotFoundError as error:
        path = Path(name)
        if path.parts[:1] == ("runs",) and path.name in run_files():
            how = f"neurosvt train {path.name}"
            raise UserError(f"{setting} is {name}, which is to be trained first: {how}") from error
        raise UserError(f"{setting} is {name}, which is not there: {error}") from error


def is_memoryless(model: Any) -> bool:
    """Whether settings are those of a model that sees the present frame alone."""
    memory = getattr(model, "memory", None)
    return memory is not None and memory.kind == "none"


def time_constants(memory: nn.Module) -> list[str]:
    """What a leaky memory learnt of time, in words."""
    if not isinstance(memory, LeakyMemory):
        return []
    return [f"time constants, in steps: {memory.tau_summary()}"]


RECIPES: dict[type, Callable[[Any, str, torch.device], Recipe]] = {
    OcclusionConfig: OcclusionRecipe,
    ClipConfig: ClipRecipe,
    ImageConfig: ImageRecipe,
}
"""By the kind of data that a run learns from; others may be added at run time."""


def recipe_of(run: Run, backend: str, device: torch.device) -> Recipe:
    """The recipe of a run, its weights from the run's seed alone, wherever they go.

    Raises:
        UserError: nothing is known of how such data are learnt from.
    """
    kind = type(run.data)
    if kind not in RECIPES:
        known = ", ".join(data.__name__ for data in RECIPES)
        raise UserError(f"no recipe for data of kind {kind.__name__}; there are some for {known}")
    torch.manual_seed(run.train.seed)
    return RECIPES[kind](run, backend, device)
