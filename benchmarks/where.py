"""Where a step of `neurosvt train permanence_stage1` spends its time, by backend.

python benchmarks/where.py [FILE.json]: forward by part of the model, backward, optimiser; medians
of 24 steps on one thread, the backends in turn.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from neurosvt.bench.timing import on_threads
from neurosvt.experiments.registry import load_run
from neurosvt.loaders.occlusion_batches import OcclusionBatch
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.results.rows import write_results
from neurosvt.training.losses import BeliefObjective

BACKENDS = ("native", "manual", "reference")
STEPS = 24
PARTS = {
    "embed": "embedding",
    "blocks": "blocks",
    "fire": "blocks",
    "memory": "memory",
    "heads": "heads",
}


class Clocked:
    """A model whose parts keep time."""

    def __init__(self, backend: str):
        torch.manual_seed(0)
        self.run = load_run("permanence_stage1")
        self.model = NeuroSVT(self.run.model, backend)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, fused=True)
        self.steps: list[dict[str, float]] = []
        self.now: dict[str, float] = defaultdict(float)
        for name, part in self.model.named_modules():
            top, _, rest = name.partition(".")
            if top in PARTS and (not rest or (top == "blocks" and "." not in rest)):
                if top == "blocks" and not rest:
                    continue  # a list: never called itself
                part.register_forward_pre_hook(self._start(PARTS[top]))
                part.register_forward_hook(self._stop(PARTS[top]))

    def _start(self, part: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            self.now[part] -= time.perf_counter()

        return hook

    def _stop(self, part: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            self.now[part] += time.perf_counter()

        return hook

    def step(self, batch: OcclusionBatch) -> None:
        self.now.clear()
        marks = [time.perf_counter()]
        with torch.autocast("cpu", torch.bfloat16):
            belief, _ = self.model(batch[0], state_noise=0.01)
        marks.append(time.perf_counter())
        loss = torch.stack(BeliefObjective().loss(belief, batch)).sum()
        self.optimizer.zero_grad(set_to_none=True)
        marks.append(time.perf_counter())
        loss.backward()
        marks.append(time.perf_counter())
        self.optimizer.step()
        marks.append(time.perf_counter())
        forward, lost, backward, update = np.diff(marks)
        inside = dict(self.now)
        self.steps.append(
            {
                "rows": forward - sum(inside.values()), **inside, "loss": lost,
                "backward": backward, "optimiser": update, "whole step": marks[-1] - marks[0],
            }
        )  # fmt: skip


def main(file: str | None) -> None:
    """Measure, print, write."""
    clocked = {backend: Clocked(backend) for backend in BACKENDS}
    stream = load_run("permanence_stage1").stream()
    batches = [stream[i] for i in range(8)]
    with on_threads(1):
        for turn in range(-2, STEPS):
            for model in clocked.values():
                model.step(batches[turn % len(batches)])
    rows = [
        {
            "name": backend, "what": part, "threads": 1,
            "median_ms": 1e3 * float(np.median([s[part] for s in model.steps[2:]])),
        }
        for backend, model in clocked.items()
        for part in model.steps[-1]
    ]  # fmt: skip
    for row in rows:
        print(f"{row['name']:<12}{row['what']:<12}{row['median_ms']:>9.1f} ms")
    if file:
        write_results(file, f"python benchmarks/where.py {file}", rows)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
