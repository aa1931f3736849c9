"""A memory of one's own: trained, judged with noise by PermanenceBench, saved and loaded."""

import tempfile
from dataclasses import dataclass

import torch

import neurosvt
from neurosvt.nn import MEMORIES, MemoryConfig, StepwiseMemory
from neurosvt.sides import Sides


class Held(StepwiseMemory):
    """Keeps what was last said, and fades by the same share at every step."""

    def __init__(self, grid: Sides, width: int, channels: int, tau: float):
        super().__init__(grid, width, channels)
        self.decay = torch.nn.Parameter(torch.tensor(1 - 1 / tau))

    def update(self, state, said, step):
        spoken = said.any(-1, keepdim=True)  # frames in which no token fired say nothing
        return torch.where(spoken, said, step.decayed(self.decay) * state)


@dataclass(frozen=True)
class HeldConfig(MemoryConfig):
    """What a memory of this kind is made of."""

    kind: str = "held"
    channels: int = 32
    tau: float = 100.0

    def build(self, grid: Sides, width: int) -> Held:
        return Held(grid, width, self.channels, self.tau)


MEMORIES["held"] = HeldConfig

run = neurosvt.build_run({
    "model": {
        "image_size": 32, "kernel_size": 8, "width": 16, "depth": 1, "heads": 2, "memory": "held",
    },
    "data": {"tiers": ["blackout"], "seen": [4, 8], "hidden": [4, 16]},
    "train": {"steps": 20, "batch": 8, "validate_every": 20},
})  # fmt: skip
with tempfile.TemporaryDirectory() as folder:  # any folder will do
    neurosvt.train(run, folder, quiet=True)
    again = neurosvt.load(folder)
plan = neurosvt.PermanencePlan(task=run.task("test"), hidden=(30,), events=50, state_noise=0.01)
for row in neurosvt.evaluate_permanence([neurosvt.Entrant("held", again.model)], plan):
    if row["judgement"] == "belief":
        print(f"{row['memory']}, {row['hidden_frames']} hidden: belief {row['score']:.0%}")
