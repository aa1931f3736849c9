"""A neuron of one's own: trained, judged with noise by PermanenceBench, saved and loaded."""

import tempfile
from dataclasses import dataclass

import torch

import neurosvt
from neurosvt.nn import NEURONS, NeuronConfig, TokenNeuron
from neurosvt.ops.surrogate import spike


class LearntThreshold(TokenNeuron):
    """Fires at a threshold of its own, which it subtracts: a soft reset."""

    def __init__(self, width: int):
        super().__init__()
        self.log_threshold = torch.nn.Parameter(torch.zeros(width))

    def react(self, charge):
        threshold = self.log_threshold.exp()  # above 0, so that silence stays silent
        spikes = spike(charge - threshold)
        return spikes, charge - spikes.detach() * threshold


@dataclass(frozen=True)
class LearntThresholdConfig(NeuronConfig):
    """What a layer of such neurons is made of."""

    kind: str = "learnt_threshold"

    def build(self, width: int) -> LearntThreshold:
        return LearntThreshold(width)


NEURONS["learnt_threshold"] = LearntThresholdConfig

run = neurosvt.build_run({
    "model": {
        "image_size": 32, "kernel_size": 8, "width": 16, "depth": 1, "heads": 2,
        "neuron": {"kind": "learnt_threshold", "tau": 1.2},
    },
    "data": {"tiers": ["blackout"], "seen": [4, 8], "hidden": [4, 16]},
    "train": {"steps": 20, "batch": 8, "validate_every": 20},
})  # fmt: skip
with tempfile.TemporaryDirectory() as folder:  # any folder will do
    neurosvt.train(run, folder, quiet=True)
    again = neurosvt.load(folder)
thresholds = again.model.fire.log_threshold.exp()
print(f"thresholds learnt: {thresholds.min():.3f} to {thresholds.max():.3f}")
plan = neurosvt.PermanencePlan(task=run.task("test"), hidden=(30,), events=50, state_noise=0.01)
for row in neurosvt.evaluate_permanence([neurosvt.Entrant("leaky", again.model)], plan):
    if row["judgement"] == "belief":
        print(f"{row['memory']}, {row['hidden_frames']} hidden: belief {row['score']:.0%}")
