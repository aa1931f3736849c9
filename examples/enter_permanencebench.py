"""Enter a model of another library, here snnTorch, into PermanenceBench: train it, judge it."""

import snntorch
import torch
from torch import nn

from neurosvt import Entrant, PermanencePlan, StepModel, evaluate_permanence
from neurosvt.loaders import OcclusionConfig, SceneStream
from neurosvt.scenes import SHAPE_CLASSES

torch.manual_seed(0)


class Net(nn.Module):
    """A convolution, spikes that forget within a few frames, and a slow leaky read-out."""

    def __init__(self):
        super().__init__()
        self.see = nn.Sequential(nn.Conv2d(2, 16, 8, stride=8), nn.Flatten())
        self.fire = snntorch.Leaky(beta=0.5)
        self.read = nn.Linear(16 * 64, len(SHAPE_CLASSES) + 2)
        self.keep = snntorch.Leaky(beta=0.99, reset_mechanism="none")

    def step(self, frame, state):
        # Given no state, snnTorch would go on with the one it kept: a new sequence starts at rest.
        fast, slow = (self.fire.init_leaky(), self.keep.init_leaky()) if state is None else state
        spikes, fast = self.fire(self.see(frame.float()), fast)
        _, slow = self.keep(self.read(spikes), slow)
        return slow[:, :-2], slow[:, -2:].sigmoid(), (fast, slow)


net = Net()
optimizer = torch.optim.Adam(net.parameters(), 3e-3)
learnt = OcclusionConfig(tiers=("blackout",), hidden=(10, 30))
stream = SceneStream(learnt, batch=16, steps=8, seed=0)
for index in range(len(stream)):
    batch = stream[index]
    frames, label, position, asked = batch.frames, batch.label, batch.position, batch.asked
    state, loss = None, torch.zeros(())
    for t, frame in enumerate(frames):
        said, where, state = net.step(frame, state)
        wrong = nn.functional.cross_entropy(said, label[t], reduction="none")
        far = (where - position[t]).norm(dim=-1)
        loss = loss + (asked[t] * (wrong + 8 * far)).mean() / len(frames)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# This is all that PermanenceBench needs: a function of one frame and a state.
entrant = Entrant("snntorch", StepModel(net.step, classes=len(SHAPE_CLASSES)), kind="snntorch")
plan = PermanencePlan(tiers=("blackout", "succession"), hidden=(30,), events=48)
for row in evaluate_permanence(entrant, plan):
    if row["judgement"] == "belief" and row["hidden_frames"]:
        print(
            f"{row['memory']}, {row['tier']}, 30 hidden frames: belief {row['score']:.0%}, class "
            f"{row['class_score']:.0%}, {row['place_error_px']:.1f} px off"
        )
