"""What learnt slopes are worth: DySViT's protocol, shortened, with one thing changed at a time.

python benchmarks/ablation.py [NAME[:SEED] ...]: trains what is named (by default all eight, seed
0) in runs/ablation/NAME_SEED, goes on where it was stopped, and judges all that is trained there on
the test images. Writes benchmarks/results/ablation.json. A run takes 40 to 80 minutes.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from committed import RESULTS
from training import train

from neurosvt.classification.accuracy import accuracy_row, predict_classes
from neurosvt.datasets import cifar10
from neurosvt.experiments.checkpoints import load_image_model
from neurosvt.results.rows import write_results

FOLDER = Path("runs/ablation")
SHORT = ("train.epochs=10", "train.warmup_epochs=2", "train.mixup_off=3")
CHANGES = {
    "slope_1": ("model.slope=1",),
    "slope_2": ("model.slope=2",),
    "slope_5": ("model.slope=5",),
    "layer": ("model.slope=layer",),
    "token": (),
    "token_no_pre_norm": ("model.pre_norm=false",),
    "token_no_scaling": ("model.residual_scale=1",),
    "token_no_guard": ("model.nan_guard=false",),
}
"""Runs by name, and in what each differs from the protocol."""


def judged(name: str, seed: int, folder: Path, images: cifar10.Images) -> dict[str, Any]:
    """The row of a run: where validation took it, and its best weights on the test images."""
    record = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    scores = [entry["score"] for entry in record["history"]]
    checkpoint = load_image_model(str(folder))
    model, train = checkpoint.run.model, checkpoint.run.train
    return {
        "name": name, "seed": seed, "slope": str(model.slope), "pre_norm": model.pre_norm,
        "residual_scale": model.residual_scale, "nan_guard": model.nan_guard,
        "epochs": train.epochs, "epochs_done": len(scores),
        "validation_best": max(scores), "validation_last": scores[-1],
        **accuracy_row(predict_classes(checkpoint.model, images), images.labels),
        "minutes": record["seconds"] / 60,
    }  # fmt: skip


def main() -> None:
    """Train what is missing, judge what is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="NAME[:SEED]", help=", ".join(CHANGES))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only-train", action="store_true", help="judge and write nothing")
    args = parser.parse_args()
    for run in args.runs or CHANGES:
        name, _, seed = run.partition(":")
        if name not in CHANGES:
            sys.exit(f"{name} is no run of the ablation; choose from {', '.join(CHANGES)}")
        number = int(seed or 0)
        settings = [*SHORT, *CHANGES[name], f"train.seed={number}"]
        train("dysvit_protocol", settings, FOLDER / f"{name}_{number}", args.threads)
    if args.only_train:
        return
    torch.set_num_threads(args.threads)
    images, rows, made = cifar10.load_cifar10("test"), [], []
    for folder in sorted(FOLDER.glob("*_*"), key=lambda path: (_order(path.name), path.name)):
        name, _, seed = folder.name.rpartition("_")
        rows.append(judged(name, int(seed), folder, images))
        made.append(f"{name}:{seed}")
        print(f"{folder.name}: validation {rows[-1]['validation_best']:.4f}, "
              f"test {rows[-1]['accuracy']:.4f}")  # fmt: skip
    path = RESULTS / "ablation.json"
    write_results(path, " ".join(["python benchmarks/ablation.py", *made]), rows)
    print(path)


def _order(folder: str) -> int:
    return list(CHANGES).index(folder.rpartition("_")[0])


if __name__ == "__main__":
    main()
