"""What a memory loses whose weights of a place are made of few: the shipped one, as it is.

python benchmarks/reads.py [EVENTS]: the weights that the shipped model reads by are replaced by the
nearest ones of each form, and all are judged alike; to benchmarks/results/reads.json.
"""

import copy
import sys
from typing import Any

import torch
from committed import RESULTS
from torch import Tensor

from neurosvt.experiments.checkpoints import load
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.nn.reads import Waves
from neurosvt.permanence.evaluate import evaluate_cell
from neurosvt.permanence.metrics import row
from neurosvt.permanence.suite import SUITE_NOISE
from neurosvt.permanence.tasks import SceneTask
from neurosvt.results.rows import write_results

TIERS, HIDDEN = ("curtain", "tunnel", "curtain_moving"), 60


def forms(model: NeuroSVT) -> dict[str, tuple[Tensor, int]]:
    """Weights of every place in each form, and how many numbers stand for the 64 of a channel."""
    grid = model.config.grid
    read: Any = model.memory.read
    own = (read.own + read.shared).detach()
    mean = own.mean(0)
    rows, columns = ((own - mean).unflatten(0, (grid.height, -1)).mean(i) for i in (1, 0))
    added = (mean + rows[:, None] + columns[None]).flatten(0, 1)
    found = {"every place its own": (own, len(own)), "row + column": (added, sum(grid))}
    left, strength, right = torch.linalg.svd((own - mean).flatten(1), full_matrices=False)
    for rank in (4, 8, 16):
        part = (left[:, :rank] * strength[:rank]) @ right[:rank]
        found[f"{rank} patterns"] = mean + part.view_as(own), rank + 1
    for order in (3, 4, 5, 6):
        waves = Waves(grid, order)
        found[f"cosines, {order} a side"] = waves(waves.right_inverse(own)), waves.basis.shape[1]
    return found


def main(events: int) -> None:
    """Judge them all, and write the rows."""
    first = load("permanence").model
    assert isinstance(first, NeuroSVT)
    models, numbers = {}, {}
    for name, (weights, many) in forms(first).items():
        models[name], numbers[name] = copy.deepcopy(first).eval(), many
        read: Any = models[name].memory.read
        read.shared.data.zero_()
        read.own.data.copy_(weights)
    rows = []
    task = SceneTask("test")
    for tier in TIERS:
        found = evaluate_cell(models, task, tier, HIDDEN, events, state_noise=SUITE_NOISE)
        for name, outcomes in found.items():
            figures = row(outcomes["belief"], task.scene.side)
            cell = {"weights": name, "numbers_of_64": numbers[name], "tier": tier}
            rows.append({**cell, "hidden_frames": HIDDEN, **figures})
    command = f"python benchmarks/reads.py {events}"
    write_results(RESULTS / "reads.json", command, rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
