"""What the memory is compared with, and what each of its parts is worth: trained alike, in minutes.

python benchmarks/rivals.py [NAME[:SEED] ...]: trains what is named (by default everything, seed 0,
and two further seeds of leaky, none, gru and charge_2) in runs/rivals/rivals_NAME_SEED, and goes on
where it was stopped. All see the same scenes, as many, the dense transformers at a lower rate.

python benchmarks/rivals.py --judge: asks what is trained, 500 events a cell, keeps what each said
beside it, and writes benchmarks/results/rivals_....json. Of runs that are not here, rows are taken
over from the newest such file.

Two at a time on two cores, a training takes 20 to 40 minutes, an hour where heads read spikes; on a
GPU 5 to 10. ViT-Tiny and the dense twin want `--device cuda`.
"""

import argparse
import datetime
import os
import platform
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tables import newest
from trained import train

from neurosvt.experiments.checkpoints import finished, load_model
from neurosvt.experiments.registry import BRIEF, DENSE, FAMILY, RECURRENT
from neurosvt.experiments.zoo import BASELINES
from neurosvt.permanence.cost import COST_SEQUENCES, phase_rows
from neurosvt.permanence.evaluate import cells, evaluate_cell
from neurosvt.permanence.metrics import row
from neurosvt.permanence.suite import COST_CELL, SUITE_NOISE
from neurosvt.results.rows import load_or_compute, write_json

HERE = Path(__file__).parent
PLACE = Path("runs/rivals")
HIDDEN = (30, 60, 120, 300)
EVENTS = 500
ABLATION = {
    "fixed_tau": ("model.memory_rules.learns_tau=false",),
    "no_gate": ("model.memory_rules.gated=false",),
    "divided_drive": ("model.memory_rules.divided=true",),
    "reset": ("model.memory_rules.resets=true",),
    "spikes_out": ("model.memory_rules.fires=true",),
    "no_write_gates": ("model.memory_rules.write_gates=0", "model.memory_rules.looks_back=false"),
    "no_look_back": ("model.memory_rules.looks_back=false",),
    "read_by_attention": ("model.memory_read=attention",),
    "seen_steps_only": ("train.hidden_steps=false",),
    "strength_untold": ("model.head_strengths=0",),
    "shallow_head": ("model.head_depth=1",),
    "lone_events": ("model.least_neighbours=0",),
}
"""Ours with one thing changed, by name."""
SIBLINGS = (*FAMILY, *RECURRENT, *DENSE)
"""What stands in for it, by the name of its preset."""
SEEDED = ("leaky", "none", "gru", "charge_2")
"""Those with three seeds; a latch stands on `none`."""


def train_rival(name: str, seed: int, threads: int, device: str) -> None:
    """One run, as all others but for what its name says."""
    preset = f"permanence_{name}" if name in SIBLINGS else "permanence_first"
    brief = {"steps": BRIEF.steps, "validate_every": BRIEF.validate_every, "seed": seed}
    settings = [f"train.{key}={value}" for key, value in brief.items()]
    settings += ABLATION.get(name, ())
    train(preset, settings, PLACE / f"rivals_{name}_{seed}", threads, device)


def judged(folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of a run, and of all that stand on it if it has no memory; then what its model does
    per frame, before a curtain covers the object and behind it."""
    name, _, seed = folder.name.removeprefix("rivals_").rpartition("_")
    trained = load_model(str(folder))
    lines = [line for line, baseline in BASELINES.items() if baseline.run == name] or [name]
    models = {
        line: BASELINES[line].wrap(trained) if line in BASELINES else trained.model
        for line in lines
    }
    task = trained.run.task("test")
    for tier, hidden in cells(task, HIDDEN):
        found = evaluate_cell(models, task, tier, hidden, EVENTS, state_noise=SUITE_NOISE)
        for line, outcomes in found.items():
            for moment in ("visible", "belief"):
                yield {
                    "memory": line, "seed": int(seed), "tier": tier, "moment": moment,
                    "hidden_frames": hidden, **row(outcomes[moment], task.scene.size),
                    "parameters": trained.model.parameter_count(),
                    "steps": trained.steps,
                }  # fmt: skip
    for done in phase_rows(trained.model, next(iter(task.batches(*COST_CELL, COST_SEQUENCES)))):
        yield {"memory": name, "seed": int(seed), "moment": "effort", **done}


def main() -> None:
    """Train what is named, or judge what is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = ("leaky", *SIBLINGS, *ABLATION)
    parser.add_argument("runs", nargs="*", metavar="NAME[:SEED]", help=", ".join(known))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for the dense ones")
    parser.add_argument("--judge", action="store_true", help="judge, and write")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.evaluate:
        rows = []
        for folder in sorted(PLACE.glob("rivals_*")):
            if not finished(str(folder)):
                continue
            rows += load_or_compute(folder / f"judged_{EVENTS}.json", partial(judged, folder))
            print(folder.name, flush=True)
        here = {(row["memory"], row["seed"]) for row in rows}
        rows += [row for row in newest("rivals") if (row["memory"], row["seed"]) not in here]
        today = datetime.date.today().isoformat()
        path = HERE / "results" / f"rivals_{platform.machine()}_{today}.json"
        write_json(path, "python benchmarks/rivals.py --judge", rows)
        print(path)
        return
    further = [f"{name}:{seed}" for seed in (1, 2) for name in SEEDED]
    for run in args.runs or [*known, *further]:
        name, _, seed = run.partition(":")
        if name not in known:
            sys.exit(f"{name} is no rival; choose from {', '.join(known)}")
        train_rival(name, int(seed or 0), args.threads, args.device)


if __name__ == "__main__":
    main()
