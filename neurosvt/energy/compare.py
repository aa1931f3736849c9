"""The accounts of `neurosvt energy`: who is counted, and beside whom."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from neurosvt.classification.accuracy import as_input, predict_classes
from neurosvt.config import UserError
from neurosvt.energy.costs import Costs, joules, moved
from neurosvt.energy.count import Meter
from neurosvt.energy.operations import Operations
from neurosvt.energy.phases import PhaseCounts, count_phases, deployed
from neurosvt.energy.published import SOP, published_macs, published_sops
from neurosvt.experiments.checkpoints import Checkpoint, finished, load_model, sibling
from neurosvt.experiments.registry import DENSE
from neurosvt.experiments.runs import FollowingRun, ImageRun, Run, ViTRun
from neurosvt.nn.linear import SpikeLinear
from neurosvt.permanence.evaluate import evaluate_cell

RIVALS: dict[str, tuple[str, Literal["all", "frames"] | None]] = {
    "vit-tiny": ("vit_tiny", "all"),
    "vit-tiny-gated": ("vit_tiny", "frames"),
    "dense-twin": ("twin", None),
    "dense-twin-active": ("twin_tokens", None),
}
"""Who stands beside a NeuroSVT: whose weights, and what it looks at if that is not as trained."""


@dataclass(frozen=True)
class Account:
    """What one model did on some samples."""

    model: str
    phases: Mapping[str, PhaseCounts]
    accuracy: float | None
    """Of its classes while it sees; None if it was not trained."""
    train_steps: int
    """For which it was trained; 0 if it was not."""
    about: Mapping[str, Any]
    """What was varied."""

    def rows(self, tables: Iterable[Costs]) -> Iterator[dict[str, Any]]:
        """A flat row for every phase and cost table."""
        for phase, done in self.phases.items():
            total = done.total
            of_spikes = Operations(acs=total.acs, updates=total.updates)
            for table in tables:
                yield {
                    "model": self.model,
                    "phase": phase,
                    "table": table.name,
                    "precision": table.precision,
                    "macs": total.macs / done.frames,
                    "acs": total.acs / done.frames,
                    "updates": total.updates / done.frames,
                    "bytes": moved(total, table) / done.frames,
                    "joules_per_frame": joules(total, table) / done.frames,
                    "spike_joules_per_frame": joules(of_spikes, table) / done.frames,
                    "accuracy": self.accuracy,
                    "train_steps": self.train_steps,
                    "frames": done.frames,
                    "spikes": total.spikes / done.frames,
                    "adds": total.adds / done.frames,
                    "multiplies": total.multiplies / done.frames,
                    "comparisons": total.comparisons / done.frames,
                    "specials": total.specials / done.frames,
                    **self.about,
                }


def accounts_of(trained: Checkpoint, args: argparse.Namespace) -> list[Account]:
    """Of RUN and of those beside it.

    Raises:
        UserError: a run or option that does not fit.
    """
    if isinstance(trained.run, Run):
        return _following(trained, args)
    if isinstance(trained.run, FollowingRun):
        raise UserError(f"{args.run} is dense: name the NeuroSVT that it stands beside")
    return [_classifying(trained, args)]


def _following(trained: Checkpoint, args: argparse.Namespace) -> list[Account]:
    task = trained.run.task("test", args.seed)
    if args.tier is None:
        args.tier = "curtain" if "curtain" in task.tiers else task.tiers[0]
    if args.noise_hz is not None:
        task = replace(task, scene=replace(task.scene, noise_hz=args.noise_hz))
    if args.tier not in task.known or args.tier == "succession":
        known = ", ".join(tier for tier in task.known if tier != "succession")
        raise UserError(f"--tier {args.tier!r} is none with one occlusion; choose from {known}")
    if not task.supports(args.tier, args.hidden):
        raise UserError(f"--hidden: {args.tier} does not hide anything for {args.hidden} frames")
    about = {"tier": args.tier, "noise_hz": task.scene.noise_hz, "hidden_frames": args.hidden}
    task = replace(task, batch=args.samples)
    scenes = next(task.batches(args.tier, args.hidden, args.samples))
    models = {"neurosvt": deployed(trained.model)}
    steps = {"neurosvt": trained.steps}
    members = dict.fromkeys(member for member, _ in RIVALS.values())
    learnt_by = {member: learnt_rival(member, args.run) for member in members}
    for name, (member, looks) in RIVALS.items():
        learnt = learnt_by[member]
        models[name] = rival(trained, member, learnt, looks)
        steps |= {name: learnt.steps} if learnt else {}
    seeing = {name: models[name] for name in steps}
    found = evaluate_cell(seeing, replace(task, batch=50), args.tier, args.hidden, args.events)
    accuracy = {name: float(said["visible"].class_right.mean()) for name, said in found.items()}
    return [
        Account(name, count_phases(model, scenes), accuracy.get(name), steps.get(name, 0), about)
        for name, model in models.items()
    ]


def as_published(trained: Checkpoint, ours: Account) -> str:
    """What the original's formula makes of the same run, in words."""
    cfg = trained.run.model
    linear = (
        name
        for name, module in trained.model.named_modules()
        if isinstance(module, SpikeLinear) and name in ours.phases["active"].layers
    )
    active = ours.phases["active"]
    sops = published_sops(active.layers, active.frames, dict.fromkeys(linear, cfg.tokens))
    macs = published_macs(cfg.patches + 1, cfg.width, cfg.depth)
    return (
        f"active frames, by the original's formula: {sops:,.0f} SOPs (we count "
        f"{active.total.acs / active.frames:,.0f}) against {macs:,} multiply-adds, "
        f"{1 - SOP * sops / macs:.3%} saved"
    )


def learnt_rival(member: str, run: str) -> Checkpoint | None:
    """One of a run's dense relatives; None if it is not trained to its end: what a dense network
    does is the same before, but for its answers."""
    name = sibling(run, member)
    if finished(name):
        return load_model(name)
    print(f"{name} is not trained, or not to its end: counted untrained", file=sys.stderr)
    return None


def rival(
    trained: Checkpoint,
    member: str,
    learnt: Checkpoint | None,
    looks: Literal["all", "frames"] | None,
) -> nn.Module:
    """A dense relative that looks at as much as it is told to; None for as much as in training."""
    config = learnt.run.model if learnt else DENSE[member](trained.run.model)
    config = config if looks is None else replace(config, looks=looks)
    model = ViTRun(config, trained.run.data, trained.run.train).network().eval()
    if learnt:
        model.load_state_dict(learnt.model.state_dict())
    return model


def _classifying(trained: Checkpoint, args: argparse.Namespace) -> Account:
    samples = trained.run.samples("test")
    said = predict_classes(trained.model, samples)
    accuracy = float((said == samples.labels).mean())
    images = isinstance(trained.run, ImageRun)
    model = trained.model.deployed() if images else deployed(trained.model)
    given = as_input(samples, np.arange(min(args.samples, len(samples))))
    axes = given.ndim - 3  # of images the samples, of clips the frames as well
    with torch.no_grad(), Meter(model, axes) as meter:
        model(given)
    meter.refuse_unknown()
    phase = PhaseCounts(dict(meter.layers), given.shape[:axes].numel())
    return Account(args.run, {"all": phase}, accuracy, trained.steps, {})
