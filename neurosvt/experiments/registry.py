"""Named runs."""

from collections.abc import Callable
from dataclasses import replace

from neurosvt.config import UserError, load_toml
from neurosvt.events.augment import Augmentation
from neurosvt.experiments.runs import (
    AnyRun,
    ClipRun,
    FollowingRun,
    ImageRun,
    RecurrentRun,
    Run,
    TeacherRun,
    ViTRun,
    build_run,
)
from neurosvt.loaders.clips import ClipConfig
from neurosvt.loaders.images import ImageConfig
from neurosvt.loaders.occlusions import OcclusionConfig
from neurosvt.models.neurosvt import SIZES, NeuroSVTConfig
from neurosvt.models.recurrent import RecurrentConfig
from neurosvt.models.vit import ViTConfig, twin_of
from neurosvt.nn.memory import Rules
from neurosvt.train.images import ImageTrainConfig
from neurosvt.train.loop import TrainConfig


def _lif(tau: float) -> Callable[[NeuroSVTConfig], NeuroSVTConfig]:
    return lambda model: replace(model, memory="lif", tau_memory=tau)


def _charge_2(model: NeuroSVTConfig) -> NeuroSVTConfig:
    rules = replace(model.memory_rules, learns_tau=False)
    return replace(model, memory_tau=(2.0, 2.0), memory_rules=rules)


FAMILY: dict[str, Callable[[NeuroSVTConfig], NeuroSVTConfig]] = {
    "none": lambda model: replace(model, memory="none"),
    "lif": _lif(2.0),
    "lif_1": _lif(1.1),
    "lif_5": _lif(5.0),
    "lif_20": _lif(20.0),
    "lif_100": _lif(100.0),
    "charge_2": _charge_2,
}
"""What the siblings of a run change in its model, by name."""

RECURRENT: dict[str, RecurrentConfig] = {
    "gru": RecurrentConfig("gru"),
    "lstm": RecurrentConfig("lstm", units=176),
    "convlstm": RecurrentConfig("convlstm", width=24, units=512),
}
"""Dense networks of like size, trained on the same; a convolution stands for the blocks."""


DENSE: dict[str, Callable[[NeuroSVTConfig], ViTConfig]] = {
    "vit_tiny": lambda model: ViTConfig(
        image_size=model.image_size,
        classes=model.classes,
        patch_size=model.image_size // 4,
        kernel_size=model.image_size // 4,
        least_neighbours=model.least_neighbours,
        frame_ms=model.frame_ms,
    ),
    "twin": twin_of,
    "twin_tokens": lambda model: twin_of(model, "tokens"),
}
"""Dense transformers that a run's operations are compared with, trained on the same at a third of
the rate, which suits them better. ViT-Tiny has 16 patches, of 16 pixels where the sensor has 64."""


def member(run: FollowingRun) -> str:
    """Which of a family a run is: "leaky", or a key of `FAMILY`, `RECURRENT` or `DENSE`."""
    if isinstance(run, RecurrentRun):
        return run.model.kind
    if isinstance(run, ViTRun):
        tokens = "twin_tokens" if run.model.looks == "tokens" else "twin"
        return "vit_tiny" if run.model.memory == "none" else tokens
    for name, change in FAMILY.items():
        if change(run.model) == run.model:
            return name
    return run.model.memory


def _sibling(run: Run, name: str) -> FollowingRun:
    if name in RECURRENT:
        model = replace(RECURRENT[name], least_neighbours=run.model.least_neighbours)
        return RecurrentRun(model, run.data, run.train)
    if name in DENSE:
        return ViTRun(DENSE[name](run.model), run.data, replace(run.train, rate=1e-3))
    return replace(run, model=FAMILY[name](run.model))


FIRST = Run(
    model=NeuroSVTConfig(
        least_neighbours=1,
        memory_rules=Rules(write_gates=16, looks_back=True),
        head_width=256,
        head_depth=2,
        head_strengths=8,
    ),
    data=OcclusionConfig(
        # Twice what takes longest to learn: motion that nobody sees, and things to be passed over.
        tiers=(
            "blackout", "curtain", "gripper", "curtain_moving", "tunnel", "tunnel", "distractor",
            "distractor", "succession",
        ),
        seen=(8, 24),
    ),
    train=TrainConfig(steps=10_000, batch=36, validate_every=1000),
)  # fmt: skip
"""The run that learns all tiers of PermanenceBench from nothing."""
SECOND = replace(
    FIRST,
    data=replace(
        FIRST.data,
        # Darkness for twice as long.
        tiers=(
            "blackout", "curtain", "curtain", "gripper", "curtain_moving", "curtain_moving",
            "tunnel", "distractor", "succession",
        ),
        hidden=(10, 1200),
    ),
    train=replace(
        FIRST.train, steps=4000, rate=1e-3, warmup=0.02, validate_every=500,
        start="runs/permanence_first",
    ),
)  # fmt: skip
"""The run that goes on from there."""
THIRD = replace(
    SECOND,
    data=replace(
        SECOND.data,
        # Mostly what is still taken for moving while it rests.
        tiers=(
            "blackout", "curtain", "curtain", "curtain", "curtain", "gripper", "curtain_moving",
            "tunnel", "tunnel", "distractor", "succession", "succession",
        ),
    ),
    train=replace(SECOND.train, steps=1500, start="runs/permanence_second"),
)  # fmt: skip
"""The run that goes on from there."""
PERMANENCE = replace(
    THIRD,
    data=replace(
        THIRD.data,
        # More of it.
        tiers=(
            "blackout", "curtain", "curtain", "curtain", "curtain", "curtain", "gripper",
            "curtain_moving", "tunnel", "tunnel", "distractor", "succession",
        ),
    ),
    # Other scenes than those that were shown before.
    train=replace(THIRD.train, steps=2000, start="runs/permanence_third", seed=3),
)  # fmt: skip
"""The run that goes on from there and trains the model which the package ships."""
BRIEF = replace(FIRST.train, steps=1200, validate_every=400)
"""How whatever stands beside it is trained: 20 to 40 minutes of one core, another one being busy.
Those compared with it at equal training are set beside `permanence_first` trained as briefly:
benchmarks/rivals.py."""
_NMNIST = Run(
    model=NeuroSVTConfig(classes=10),
    data=OcclusionConfig(dataset="nmnist"),
    train=TrainConfig(steps=6000, validate_every=300),
)

_OBJECTS = ClipRun(
    model=NeuroSVTConfig(image_size=32, patch_size=4, kernel_size=8, classes=3, frame_ms=50.0),
    data=ClipConfig(
        dataset="dvs128_objects",
        frames=1,
        side=32,
        shift=5,
        blur=0.75,
        augmentation=Augmentation(stretch=0.0, shear=0.0, drop=0.5),
    ),
    train=TrainConfig(steps=2000, batch=64),
)

_HIDDEN_OBJECTS = Run(
    model=NeuroSVTConfig(classes=3, least_neighbours=1),
    data=OcclusionConfig(
        dataset="hidden_objects",
        seen=(12, 32),
        augmentation=Augmentation(turn=0.5, stretch=0.2, shear=0.2, drop=0.5),
        moves=1 / 16,
    ),
    train=TrainConfig(steps=1500),
)
_PENDULUM = Run(
    model=NeuroSVTConfig(
        classes=2, least_neighbours=1, head_width=256, head_depth=2, head_strengths=8
    ),
    data=OcclusionConfig(dataset="pendulum", seen=(12, 60), hidden=(10, 120)),
    train=TrainConfig(steps=1500),
)

PRESETS: dict[str, AnyRun] = {
    "permanence": PERMANENCE,
    "permanence_first": FIRST,
    "permanence_second": SECOND,
    "permanence_third": THIRD,
    **{
        f"permanence_{name}": _sibling(replace(FIRST, train=BRIEF), name)
        for name in (*FAMILY, *RECURRENT, *DENSE)
    },
    "digits": replace(
        FIRST,
        model=replace(FIRST.model, classes=10),
        data=replace(FIRST.data, dataset="digits"),
    ),
    "nmnist": _NMNIST,
    **{f"nmnist_{name}": _sibling(_NMNIST, name) for name in ("lif", "none")},
    "hidden_objects": _HIDDEN_OBJECTS,
    "hidden_objects_none": _sibling(_HIDDEN_OBJECTS, "none"),
    "pendulum": _PENDULUM,
    "pendulum_none": _sibling(_PENDULUM, "none"),
    "dysvit_protocol": ImageRun(),
    "dysvit": ImageRun(
        data=ImageConfig(mixup=0.4),
        train=ImageTrainConfig(
            optimizer="muon", warmup_epochs=2, mixup_off=10, teacher="runs/cifar10_teacher"
        ),
    ),
    "dvs128": ClipRun(
        # Of equally many events, so of no fixed length: a gesture lasts some six seconds.
        model=replace(SIZES["dvs128"], frame_ms=375.0),
        train=TrainConfig(steps=8000, batch=16, rate=1e-3),
    ),
    "dvs128_objects": _OBJECTS,
    "dvs128_objects_200ms": replace(_OBJECTS, data=replace(_OBJECTS.data, frames=4)),
    "cifar10_teacher": TeacherRun(
        train=ImageTrainConfig(epochs=15, warmup_epochs=2, mixup_off=3, clip=1.0)
    ),
}
"""Runs by name. Members of a family see the same scenes or recordings; spiking ones differ in what
remembers alone, and those of `permanence` in how long they are trained."""


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
