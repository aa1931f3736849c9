"""What the memory is compared with, and what each of its parts is worth: trained alike, in minutes.

python benchmarks/baselines.py [NAME[:SEED] ...]: trains what is named (by default everything, seed
0, and two further seeds of leaky, none, gru and charge_2) in runs/baselines/NAME_SEED, and goes on
where it was stopped. All see the same scenes, as many, the dense transformers at a lower rate.

python benchmarks/baselines.py --evaluate: evaluates what is trained, 500 events a cell, keeps each
model's rows beside it, and writes benchmarks/results/baselines.json. Of runs that are not here, the
rows that stand there are kept.

Two at a time on two cores, a training takes 20 to 40 minutes, an hour where heads read spikes; on a
GPU 5 to 10. ViT-Tiny and the dense twin want `--device cuda`.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import ablated_memories  # noqa: F401  which are kinds of memories once it is imported
import torch
from committed import RESULTS, rows_of
from training import train

from neurosvt.experiments.checkpoints import finished, load
from neurosvt.experiments.registry import load_run, run_files
from neurosvt.experiments.zoo import BASELINES
from neurosvt.permanence.cost import COST_SEQUENCES, phase_rows
from neurosvt.permanence.evaluate import cells, evaluate_cell
from neurosvt.permanence.metrics import row
from neurosvt.permanence.moments import judges_presence
from neurosvt.permanence.presence_table import presence_rows
from neurosvt.permanence.suite import COST_CELL, SUITE_NOISE
from neurosvt.results.rows import load_or_compute, write_results

FOLDER = Path("runs/baselines")
HIDDEN = (30, 60, 120, 300)
EVENTS = 500
ABLATION = {
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
}
"""Ours with one thing changed, by name."""
SIBLINGS = [
    name.removeprefix("permanence_")
    for name in run_files()
    if name.startswith("permanence_") and "stage" not in name
]
"""What stands in for it, by the name of its run."""
SEEDED = ("leaky", "none", "gru", "charge_2")
"""Those with three seeds; a latch stands on `none`."""


def train_baseline(name: str, seed: int, threads: int, device: str) -> None:
    """One run, as all others but for what its name says."""
    preset = f"permanence_{name}" if name in SIBLINGS else "permanence_stage1"
    alike = load_run("permanence_none").train
    brief = {"steps": alike.steps, "validate_every": alike.validate_every, "seed": seed}
    settings = [f"train.{key}={value}" for key, value in brief.items()]
    settings += ABLATION.get(name, ())
    train(preset, settings, FOLDER / f"{name}_{seed}", threads, device)


def evaluated(folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of a run, and of all that stand on it if it has no memory; then what its model does
    per frame, before a curtain covers the object and behind it."""
    name, _, seed = folder.name.rpartition("_")
    trained = load(str(folder))
    lines = [line for line, baseline in BASELINES.items() if baseline.run == name] or [name]
    models = {
        line: BASELINES[line].wrap(trained) if line in BASELINES else trained.model
        for line in lines
    }
    task = trained.run.task("test")
    for tier, hidden in cells(task, HIDDEN):
        found = evaluate_cell(models, task, tier, hidden, EVENTS, state_noise=SUITE_NOISE)
        for line, outcomes in found.items():
            told = [
                {"judgement": judgement, **row(outcomes[judgement], task.scene.size)}
                for judgement in ("visible", "belief")
                if not judges_presence(tier)
            ]
            told += [{"judgement": "presence", **figures} for figures in presence_rows(outcomes)]
            for figures in told:
                yield {
                    "memory": line, "seed": int(seed), "tier": tier, "hidden_frames": hidden,
                    **figures, "parameters": trained.model.parameter_count(),
                    "train_steps": trained.steps,
                }  # fmt: skip
    for done in phase_rows(trained.model, next(iter(task.batches(*COST_CELL, COST_SEQUENCES)))):
        yield {"memory": name, "seed": int(seed), "judgement": "cost", **done}


def main() -> None:
    """Train what is named, or evaluate what is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = ("leaky", *SIBLINGS, *ABLATION)
    parser.add_argument("runs", nargs="*", metavar="NAME[:SEED]", help=", ".join(known))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for the dense ones")
    parser.add_argument(
        "--evaluate", action="store_true", help="evaluate what is trained, and write"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.evaluate:
        rows = []
        for folder in sorted(FOLDER.glob("*_*")):
            if not finished(str(folder)):
                continue
            rows += load_or_compute(folder / f"evaluated_{EVENTS}.json", partial(evaluated, folder))
            print(folder.name, flush=True)
        here = {(row["memory"], row["seed"]) for row in rows}
        rows += [row for row in rows_of("baselines") if (row["memory"], row["seed"]) not in here]
        path = RESULTS / "baselines.json"
        write_results(path, "python benchmarks/baselines.py --evaluate", rows)
        print(path)
        return
    further = [f"{name}:{seed}" for seed in (1, 2) for name in SEEDED]
    for run in args.runs or [*known, *further]:
        name, _, seed = run.partition(":")
        if name not in known:
            sys.exit(f"{name} is no baseline; choose from {', '.join(known)}")
        train_baseline(name, int(seed or 0), args.threads, args.device)


if __name__ == "__main__":
    main()
