"""What the memory is compared with, and what each of its parts is worth: trained alike, in minutes.

python benchmarks/baselines.py [--family NAME] [NAME[:SEED] ...]: trains what is named (by default
everything, seed 0, and two further seeds of some) in a folder NAME_SEED of runs/baselines, or of
runs/baselines_tracks, and goes on where it was stopped. All see the same scenes, as many, the dense
transformers at a lower rate.

python benchmarks/baselines.py [--family NAME] --evaluate: evaluates what is trained, keeps each
model's rows beside it, and writes benchmarks/results/baselines.json, or baselines_tracks.json for
the family permanence_base. Of runs that are not here, the rows that stand there are kept.

Two at a time on two cores, a training takes 20 to 40 minutes, an hour where heads read spikes; on a
GPU 5 to 10. ViT-Tiny and the dense twin want `--device cuda`.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import ablated_memories  # noqa: F401  which are kinds of memories once it is imported
import split_models  # noqa: F401  and this of memories and models
import torch
from committed import RESULTS, rows_of
from training import train

from neurosvt.experiments.checkpoints import finished, load
from neurosvt.experiments.models import RECURRENT
from neurosvt.experiments.registry import load_run, run_files
from neurosvt.experiments.zoo import BASELINES
from neurosvt.permanence.cost import COST_SEQUENCES, phase_rows
from neurosvt.permanence.evaluate import cells, evaluate_cell
from neurosvt.permanence.metrics import row
from neurosvt.permanence.moments import judges_presence
from neurosvt.permanence.presence_table import presence_rows
from neurosvt.permanence.questions import COST_CELL
from neurosvt.permanence.suite import SUITE_NOISE
from neurosvt.results.rows import load_or_compute, write_results


@dataclass(frozen=True)
class Family:
    """Runs that are trained alike."""

    ours: str
    """The run that says how."""
    changes: Mapping[str, tuple[str, ...]]
    """Ours with one thing changed, by name: settings."""
    seeded: tuple[str, ...]
    """Those with three seeds; a latch stands on `none`."""
    results: str
    """Where its rows stand, in benchmarks/results, and its runs, in runs."""
    events: int
    """Per cell."""
    hidden: tuple[int, ...]
    """Numbers of hidden frames."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Further runs by name: files beside this one."""
    rivals: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    """Siblings with one thing changed, by name: which, and settings."""


FAMILIES = {
    "permanence": Family(
        "permanence_stage1",
        {
            "fixed_tau": ("model.memory.learns_tau=false",),
            "no_gate": ("model.memory.kind=ungated",),
            "divided_drive": ("model.memory.kind=divided_drive",),
            "reset": ("model.memory.kind=resetting",),
            "spikes_out": ("model.memory.kind=spikes_out",),
            "no_write_gates": ("model.memory.write_gates=0", "model.memory.looks_back=false"),
            "no_look_back": ("model.memory.looks_back=false",),
            "read_by_attention": ("model.memory.kind=read_by_attention",),
            "seen_steps_only": ("train.hidden_steps=false",),
            "strength_untold": ("model.readout.strengths=0",),
            "shallow_head": ("model.readout.depth=1",),
            "lone_events": ("model.least_neighbours=0",),
        },
        ("leaky", "none", "gru", "charge_2"), "baselines", 500, (30, 60, 120, 300),
    ),
    "permanence_base": Family(
        "permanence_base",
        {
            "one_leak": ("model.memory.forget_range=[0.0, 0.0]",),
            "short_taus": ("model.memory.tau_range=[4.0, 1000.0]",),
            "no_tracks": ("model.memory.tracks=0",),
            "no_look_back": ("model.memory.looks_back=false",),
            "strength_of_all": ("model.readout.by_group=false",),
            "choice_untaught": ("train.choice_weight=0.0", "train.motion_weight=0.0"),
            "motion_untold": ("train.motion_weight=0.0",),
            "full_position": ("train.position_weight=1.0",),
            "adamw": ("train.optimizer=adamw",),
            "lone_events": ("model.least_neighbours=0",),
        },
        ("leaky", "gru", "none"), "baselines_tracks", 1000, (60,),
        {"gru_on_spikes": "gru_on_spikes.toml", "memory_on_dense": "memory_on_dense.toml"},
        {
            "gru_noise": ("gru", ("train.state_noise=0.01",)),
            "gru_muon": ("gru", ("train.optimizer=muon", "train.position_weight=0.3")),
        },
    ),
}  # fmt: skip
"""By the word before the names of their runs."""


def siblings(family: str) -> list[str]:
    """What stands in for ours, by the name of its run."""
    others = [name for name in FAMILIES if name.startswith(f"{family}_")]
    return [
        name.removeprefix(f"{family}_")
        for name in run_files()
        if name.startswith(f"{family}_")
        and "stage" not in name
        and not any(name == other or name.startswith(f"{other}_") for other in others)
    ]


def names_of(family: str) -> list[str]:
    """All that can be trained."""
    own = FAMILIES[family]
    return ["leaky", *siblings(family), *own.others, *own.rivals, *own.changes]


def train_baseline(family: str, name: str, seed: int, threads: int, device: str) -> None:
    """One run, as all others but for what its name says."""
    own = FAMILIES[family]
    preset, changes = own.ours, own.changes.get(name, ())
    if name in own.rivals:
        rival, changes = own.rivals[name]
        preset = f"{family}_{rival}"
    elif name in own.others:
        preset = str(Path(__file__).parent / own.others[name])
    elif name in siblings(family):
        preset = f"{family}_{name}"
    alike = load_run(f"{family}_none").train
    brief = {"steps": alike.steps, "validate_every": alike.validate_every, "seed": seed}
    settings = [f"train.{key}={value}" for key, value in brief.items()]
    settings += changes
    train(preset, settings, Path("runs") / own.results / f"{name}_{seed}", threads, device)


def evaluated(folder: Path, own: Family) -> Iterator[dict[str, Any]]:
    """The rows of a run, and of all that stand on it if it has no memory; then what its model does
    per frame, before a curtain covers the object and behind it. A recurrent network is judged
    without noise on its state too."""
    name, _, seed = folder.name.rpartition("_")
    trained = load(str(folder))
    lines = [line for line, baseline in BASELINES.items() if baseline.run == name] or [name]
    models = {
        line: BASELINES[line].wrap(trained) if line in BASELINES else trained.model
        for line in lines
    }
    task = trained.run.task("test")
    noises = (SUITE_NOISE, 0.0) if trained.run.model.kind in RECURRENT else (SUITE_NOISE,)
    for noise, (tier, hidden) in product(noises, cells(task, own.hidden)):
        found = evaluate_cell(models, task, tier, hidden, own.events, state_noise=noise)
        for line, outcomes in found.items():
            told = [
                {"judgement": judgement, **row(outcomes[judgement], task.scene.side)}
                for judgement in ("visible", "belief")
                if not judges_presence(tier)
            ]
            told += [{"judgement": "presence", **figures} for figures in presence_rows(outcomes)]
            for figures in told:
                yield {
                    "memory": line, "seed": int(seed), "tier": tier, "hidden_frames": hidden,
                    "state_noise": noise, **figures, "parameters": trained.model.parameter_count(),
                    "train_steps": trained.steps,
                }  # fmt: skip
    for done in phase_rows(trained.model, next(iter(task.batches(*COST_CELL, COST_SEQUENCES)))):
        yield {"memory": name, "seed": int(seed), "judgement": "cost", **done}


def asked(own: Family) -> str:
    """A mark of all that is asked, so that rows kept of another exam are not taken for these."""
    tiers = load_run(own.ours).data.tiers
    told = json.dumps([own.events, own.hidden, SUITE_NOISE, *tiers])
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def main() -> None:
    """Train what is named, or evaluate what is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="NAME[:SEED]", help="; ".join(
        f"{family}: {', '.join(names_of(family))}" for family in FAMILIES
    ))  # fmt: skip
    parser.add_argument("--family", choices=list(FAMILIES), default="permanence")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for the dense ones")
    parser.add_argument(
        "--evaluate", action="store_true", help="evaluate what is trained, and write"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.evaluate:
        evaluate(args.family)
        return
    known, seeded = names_of(args.family), FAMILIES[args.family].seeded
    further = [f"{name}:{seed}" for seed in (1, 2) for name in seeded]
    for run in args.runs or [*known, *further]:
        name, _, seed = run.partition(":")
        if name not in known:
            sys.exit(f"{name} is no baseline; choose from {', '.join(known)}")
        train_baseline(args.family, name, int(seed or 0), args.threads, args.device)


def evaluate(family: str) -> None:
    """Evaluate what is trained of a family, and write the rows of all."""
    own, rows = FAMILIES[family], []
    for folder in sorted((Path("runs") / own.results).glob("*_*")):
        if not finished(str(folder)):
            continue
        kept = folder / f"evaluated_{asked(own)}.json"
        rows += load_or_compute(kept, partial(evaluated, folder, own))
        print(folder.name, flush=True)
    here = {(row["memory"], row["seed"]) for row in rows}
    path = RESULTS / f"{own.results}.json"
    before = rows_of(own.results) if path.exists() else []
    rows += [row for row in before if (row["memory"], row["seed"]) not in here]
    write_results(path, f"python benchmarks/baselines.py --family {family} --evaluate", rows)
    print(path)


if __name__ == "__main__":
    main()
