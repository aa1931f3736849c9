"""A tier of one's own, in which dusk falls slowly: train a tiny model on it, then judge it."""

import numpy as np
import torch

from neurosvt.loaders import OcclusionConfig, SceneStream
from neurosvt.models.neurosvt import NeuroSVT, NeuroSVTConfig
from neurosvt.permanence.evaluate import evaluate_cell
from neurosvt.permanence.metrics import row
from neurosvt.permanence.tasks import SceneTask
from neurosvt.scenes import TIERS, SceneConfig, Tier, Timeline, bounce
from neurosvt.train.losses import BeliefObjective


def dusk(objects, clock, rng, config):
    """The light fades evenly to a few per cent, then comes on at once; the object rests."""
    batch, substep = len(objects.label), np.arange(clock.end + 1)[:, None]
    faded = np.clip((substep - clock.hide) / (clock.hidden - clock.hide), 0, 1)
    light = rng.uniform(0.02, 0.05, batch) ** (faded * (substep <= clock.back))
    moves = np.broadcast_to((substep <= clock.hide) | (substep > clock.back), light.shape)
    no_bands = {"normal": np.zeros((batch, 2)), "bands": np.zeros((*light.shape, 0, 2))}
    return Timeline(bounce(objects, moves, config), light, **no_bands)


TIERS["dusk"] = Tier(dusk, frames_to_hide=20)  # all that it takes: the name is known everywhere

torch.manual_seed(0)
model = NeuroSVT(NeuroSVTConfig(image_size=32, width=16, heads=2, depth=1, memory_channels=32))
optimizer, objective = torch.optim.AdamW(model.parameters(), 3e-3), BeliefObjective(0.01)
learnt = OcclusionConfig(tiers=("dusk", "blackout"), hidden=(5, 20))
for batch in SceneStream(learnt, batch=8, steps=20, seed=0, size=32):
    loss = sum(objective.loss(objective.answer(model, batch), batch))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

task = SceneTask("test", scene=SceneConfig(size=32))
found = evaluate_cell({"tiny": model.eval()}, task, "dusk", 30, 48, state_noise=0.01)["tiny"]
print(f"dusk, 30 hidden frames: belief {row(found['belief'], sensor_px=32)['score']:.0%}")
