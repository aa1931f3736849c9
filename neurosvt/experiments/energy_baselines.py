"""Who stands beside a run where energy is compared, with which weights, and on what.

`neurosvt.energy` counts models and knows no names. Here runs are loaded, judged and handed to it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from neurosvt.classification.accuracy import as_input, predict_classes
from neurosvt.config import Registry, UserError
from neurosvt.energy.compare import ModelCost, compare_energy
from neurosvt.energy.phases import count_pass, deployed
from neurosvt.energy.published import published_summary
from neurosvt.experiments.checkpoints import Checkpoint, finished, load
from neurosvt.experiments.devices import place
from neurosvt.experiments.family import DENSE, sibling
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.vit import ViT
from neurosvt.permanence.evaluate import evaluate_cell
from neurosvt.permanence.tasks import Task
from neurosvt.results.entrant import Entrant
from neurosvt.scenes.scenes import Scenes


@dataclass(frozen=True)
class EnergyBaseline:
    """A dense transformer that a NeuroSVT's operations are compared with."""

    member: str
    """Which run of the family holds its weights, a key of `family.DENSE`."""
    looks: Literal["all", "frames"] | None = None
    """What it looks at, as in `ViTConfig`; None for what it looked at in training."""


ENERGY_BASELINES: Registry[EnergyBaseline] = Registry(
    "energy baseline",
    {
        "vit-tiny": EnergyBaseline("vit_tiny", looks="all"),
        "vit-tiny-gated": EnergyBaseline("vit_tiny", looks="frames"),
        "dense-twin": EnergyBaseline("twin"),
        "dense-twin-active": EnergyBaseline("twin_tokens"),
    },
)
"""By the name that rows carry, in the order in which they are shown."""


@dataclass(frozen=True)
class EnergyPlan:
    """On what operations are counted."""

    tier: str | None = None
    """What hides the object; None for the curtain, or the first tier that the run knows."""
    hidden: int = 60
    """Hidden frames."""
    noise_hz: float | None = None
    """Sensor noise per pixel, hertz; None for that of training."""
    samples: int = 16
    """Sequences, images or clips to count over."""
    events: int = 1000
    """Occlusion events on which each model's accuracy is judged."""
    seed: int = 0
    """Of the scenes."""

    def __post_init__(self) -> None:
        for name in ("hidden", "samples", "events"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.seed < 0:
            raise UserError(f"seed must not be below 0, got {self.seed}")


def energy_of(
    trained: Checkpoint,
    plan: EnergyPlan | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[ModelCost]:
    """Count a trained model; one that follows hidden objects beside `ENERGY_BASELINES`.

    Args:
        trained: a NeuroSVT that follows hidden objects, or any classifier.
        plan: what is counted on; None for the defaults.
        say: told in a line which baselines have no trained weights. These are counted with random
            ones, always the same, for a dense network multiplies as much before as after.

    Returns:
        The model's cost first, called "neurosvt" where baselines stand beside it.

    Raises:
        UserError: a run or tier that does not fit.
        FileNotFoundError: the run's data set is not there.
    """
    plan = plan or EnergyPlan()
    if not trained.run.hides:
        return [_classifier_cost(trained, plan.samples)]
    if not isinstance(trained.model, NeuroSVT):
        raise UserError(f"{trained.name} is dense: name the NeuroSVT that it stands beside")
    task, tier, scenes = _asked(trained, plan)
    entrants = [Entrant("neurosvt", trained.model, train_steps=trained.steps)]
    entrants += _baselines(trained, say)
    return compare_energy(
        entrants,
        scenes,
        accuracies=_accuracies(entrants, task, tier, plan),
        about={"tier": tier, "noise_hz": task.scene.noise_hz, "hidden_frames": plan.hidden},
    )


def published_line(trained: Checkpoint, cost: ModelCost) -> str:
    """What the original's formula makes of what a NeuroSVT did, in one line."""
    cfg = trained.run.model
    return published_summary(
        trained.model, cost.phases["active"],
        tokens=trained.model.tokens, patches=cfg.patches, width=cfg.width, depth=cfg.depth,
    )  # fmt: skip


def _asked(trained: Checkpoint, plan: EnergyPlan) -> tuple[Task, str, Scenes]:
    """The task, its tier, and the scenes to count on; checked."""
    task = trained.run.task("test", plan.seed)
    tier = plan.tier or ("curtain" if "curtain" in task.tiers else task.tiers[0])
    if plan.noise_hz is not None:
        task = replace(task, scene=replace(task.scene, noise_hz=plan.noise_hz))
    if tier == "succession":
        raise UserError("tier 'succession' hides several objects; energy is counted over one")
    known = Registry("tier", {name: name for name in task.known if name != "succession"})
    if not task.supports(known[tier], plan.hidden):
        raise UserError(f"tier {tier!r} does not hide anything for {plan.hidden} frames")
    counted = replace(task, batch=plan.samples)
    return task, tier, next(iter(counted.batches(tier, plan.hidden, plan.samples)))


def _accuracies(
    entrants: list[Entrant], task: Task, tier: str, plan: EnergyPlan
) -> dict[str, float]:
    """Share of classes that are right while the object is seen, of those that were trained."""
    models = {e.name: deployed(e.model) for e in entrants if e.train_steps}
    found = evaluate_cell(models, replace(task, batch=50), tier, plan.hidden, plan.events)
    return {name: float(said["visible"].class_right.mean()) for name, said in found.items()}


def _baselines(trained: Checkpoint, say: Callable[[str], None]) -> list[Entrant]:
    learnt: dict[str, Checkpoint | None] = {}
    for member in dict.fromkeys(baseline.member for baseline in ENERGY_BASELINES.values()):
        name = sibling(trained.name, member)
        learnt[member] = load(name) if finished(name) else None
        if learnt[member] is None:
            say(f"{name} is not trained, or not to its end: counted untrained")
    entrants = []
    for name, baseline in ENERGY_BASELINES.items():
        own = learnt[baseline.member]
        model = _dense(trained.run.model, baseline, own)
        entrants.append(Entrant(name, model, kind="vit", train_steps=own.steps if own else 0))
    return entrants


def _dense(beside: Any, baseline: EnergyBaseline, learnt: Checkpoint | None) -> nn.Module:
    """A dense relative of a NeuroSVT's config, with the weights that were learnt if any were."""
    config = learnt.run.model if learnt else DENSE[baseline.member](beside)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # which weights are read depends on those before: the same every time
        model = ViT(config if baseline.looks is None else replace(config, looks=baseline.looks))
    if learnt:
        model.load_state_dict(learnt.model.state_dict())
    return model.eval().to(place())


def _classifier_cost(trained: Checkpoint, samples: int) -> ModelCost:
    held_out = trained.run.samples("test")
    predicted = predict_classes(trained.model, held_out)
    accuracy = float((predicted == held_out.labels).mean())
    some = as_input(held_out, np.arange(min(samples, len(held_out))))
    done = count_pass(deployed(trained.model), some)
    return ModelCost(trained.name, {"all": done}, accuracy, trained.steps)
