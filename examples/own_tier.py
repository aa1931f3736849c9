"""A tier of one's own, in which dusk falls slowly: trained on, and judged with noise."""

import tempfile

import numpy as np

import neurosvt
from neurosvt.scenes import Timeline, bounce


def dusk(objects, clock, rng, config):
    """The light fades evenly to a few per cent, then comes on at once; the object rests."""
    batch, substep = len(objects.label), np.arange(clock.end + 1)[:, None]
    faded = np.clip((substep - clock.hide) / (clock.hidden - clock.hide), 0, 1)
    light = rng.uniform(0.02, 0.05, batch) ** (faded * (substep <= clock.back))
    moves = np.broadcast_to((substep <= clock.hide) | (substep > clock.back), light.shape)
    no_bands = np.zeros((*light.shape, 0, 2))
    return Timeline(bounce(objects, moves, config), light, np.zeros((batch, 2)), no_bands)


neurosvt.TIERS["dusk"] = neurosvt.Tier(dusk, frames_to_hide=20)  # the name is known everywhere now

run = neurosvt.build_run({
    "model": {"image_size": 32, "kernel_size": 8, "width": 16, "depth": 1, "heads": 2},
    "data": {"tiers": ["dusk", "blackout"], "seen": [4, 8], "hidden": [4, 16]},
    "train": {"steps": 20, "batch": 8, "validate_every": 20},
})  # fmt: skip
with tempfile.TemporaryDirectory() as folder:  # any folder will do
    neurosvt.train(run, folder, quiet=True)
    again = neurosvt.load(folder)
plan = neurosvt.PermanencePlan(
    task=run.task("test"), tiers=("dusk",), hidden=(30,), events=50, state_noise=0.01
)
for row in neurosvt.evaluate_permanence([neurosvt.Entrant("leaky", again.model)], plan):
    if row["judgement"] == "belief":
        name = f"{row['memory']}, {row['tier']}, {row['hidden_frames']} hidden"
        print(f"{name}: belief {row['score']:.0%}, class {row['class_score']:.0%}")
