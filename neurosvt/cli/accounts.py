"""The accounts of `neurosvt energy`: who is counted, and beside whom."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from neurosvt.config import UserError
from neurosvt.energy.costs import Costs, joules, moved
from neurosvt.energy.count import Meter
from neurosvt.energy.published import SOP, published_macs, published_sops
from neurosvt.evaluate.accuracy import named, shown
from neurosvt.evaluate.permanence import judge
from neurosvt.evaluate.work import Phase, work
from neurosvt.models.vit import ViTConfig
from neurosvt.nn.linear import SpikeLinear
from neurosvt.presets import DENSE, Trained, load_model, sibling
from neurosvt.runs import FollowingRun, ImageRun, Run, ViTRun

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
    phases: Mapping[str, Phase]
    accuracy: float | None
    """Of its classes while it sees; None if it was not trained."""
    about: Mapping[str, Any]
    """What was varied."""

    def rows(self, tables: Iterable[Costs]) -> Iterator[dict[str, Any]]:
        """A flat row for every phase and cost table."""
        for phase, done in self.phases.items():
            total = done.total
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
                    "accuracy": self.accuracy,
                    "samples": done.frames,
                    "spikes": total.spikes / done.frames,
                    "adds": total.adds / done.frames,
                    "multiplies": total.multiplies / done.frames,
                    "comparisons": total.comparisons / done.frames,
                    "specials": total.specials / done.frames,
                    **self.about,
                }


def accounts_of(trained: Trained, args: argparse.Namespace) -> list[Account]:
    """Of RUN and of those beside it.

    Raises:
        UserError: a run or option that does not fit.
    """
    if isinstance(trained.run, Run):
        return _following(trained, args)
    if isinstance(trained.run, FollowingRun):
        raise UserError(f"{args.run} is dense: name the NeuroSVT that it stands beside")
    return [_classifying(trained, args)]


def _following(trained: Trained, args: argparse.Namespace) -> list[Account]:
    exam = trained.run.exam("test", args.seed)
    if args.noise_hz is not None:
        exam = replace(exam, scene=replace(exam.scene, noise_hz=args.noise_hz))
    if args.tier not in exam.known or args.tier == "succession":
        known = ", ".join(tier for tier in exam.known if tier != "succession")
        raise UserError(f"--tier {args.tier!r} is none with one occlusion; choose from {known}")
    if not exam.asks(args.tier, args.hidden):
        raise UserError(f"--hidden: {args.tier} does not hide anything for {args.hidden} frames")
    about = {"tier": args.tier, "noise_hz": exam.scene.noise_hz, "hidden_frames": args.hidden}
    scenes = next(exam.questions(args.tier, args.hidden, args.samples))
    # As it would be deployed: norms folded, weights on the grid.
    models: dict[str, tuple[nn.Module, bool]] = {"neurosvt": (trained.model.on_grid(), True)}
    members = dict.fromkeys(member for member, _ in RIVALS.values())
    learnt_by = {member: learnt_rival(trained, member, args.run) for member in members}
    for name, (member, looks) in RIVALS.items():
        config, weights = learnt_by[member]
        models[name] = rival(trained, config, weights, looks), weights is not None
    seeing = {name: model for name, (model, learnt) in models.items() if learnt}
    found = judge(seeing, exam, args.tier, 1, args.events)
    accuracy = {name: float(said["visible"].class_right.mean()) for name, said in found.items()}
    return [
        Account(name, work(model, scenes), accuracy.get(name), about)
        for name, (model, _) in models.items()
    ]


def as_published(trained: Trained, ours: Account) -> str:
    """What the original's formula makes of the same run, in words."""
    cfg = trained.run.model
    linear = (
        name
        for name, module in trained.model.named_modules()
        if isinstance(module, SpikeLinear) and name in ours.phases["active"].layers
    )
    active = ours.phases["active"]
    sops = published_sops(active.layers, active.frames, dict.fromkeys(linear, cfg.tokens))
    macs = published_macs(cfg.tokens + 1, cfg.width, cfg.depth)
    return (
        f"active frames, by the original's formula: {sops:,.0f} SOPs (we count "
        f"{active.total.acs / active.frames:,.0f}) against {macs:,} multiply-adds, "
        f"{1 - SOP * sops / macs:.3%} saved"
    )


def learnt_rival(
    trained: Trained, member: str, run: str
) -> tuple[ViTConfig, dict[str, Tensor] | None]:
    """Config and weights of one of a run's dense relatives; None for weights that are not there:
    what a dense network does is the same before it is trained, but for its answers."""
    try:
        found = load_model(sibling(run, member))
    except FileNotFoundError:
        print(f"no weights of {sibling(run, member)}: counted untrained", file=sys.stderr)
        return DENSE[member](trained.run.model), None
    return found.run.model, found.model.state_dict()


def rival(
    trained: Trained,
    config: ViTConfig,
    weights: dict[str, Tensor] | None,
    looks: Literal["all", "frames"] | None,
) -> nn.Module:
    """A dense relative that looks at as much as it is told to; None for as much as in training."""
    config = config if looks is None else replace(config, looks=looks)
    model = ViTRun(config, trained.run.data, trained.run.train).network().eval()
    if weights is not None:
        model.load_state_dict(weights)
    return model


def _classifying(trained: Trained, args: argparse.Namespace) -> Account:
    samples = trained.run.samples("test")
    said = named(trained.model, samples)
    accuracy = float((said == samples.labels).mean())
    model = trained.model.deployed() if isinstance(trained.run, ImageRun) else trained.model
    given = shown(samples, np.arange(min(args.samples, len(samples))))
    axes = given.ndim - 3  # of images the samples, of clips the frames as well
    with torch.no_grad(), Meter(model, axes) as meter:
        model(given)
    if meter.unknown:
        raise UserError(f"no account of {', '.join(sorted(meter.unknown))}")
    phase = Phase(dict(meter.layers), given.shape[:axes].numel())
    return Account(args.run, {"all": phase}, accuracy, {})
