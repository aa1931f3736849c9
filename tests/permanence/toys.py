"""Models of a few lines, to judge quickly."""

import torch
from torch import nn

from neurosvt.nn.heads import Belief
from neurosvt.presence import Presence

CLASSES = 8


class Toy(nn.Module):
    """Class and position from a leaky mean of events, which noise disturbs."""

    def __init__(self, seed=0):
        super().__init__()
        self.read = nn.Linear(2, CLASSES + 2)
        draw = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.read.bias.zero_()
            self.read.weight.copy_(20 * torch.randn(CLASSES + 2, 2, generator=draw))

    def forward(self, frames, state=None, *, state_noise=0.0):
        state = (
            frames.new_zeros(frames.shape[1], 2, dtype=torch.float32) if state is None else state
        )
        told = []
        for mean in frames.float().mean((3, 4)):
            state = 0.9 * state + mean
            if state_noise:
                state = state + state_noise * torch.randn_like(state)
            told.append(self.read(state))
        y = torch.stack(told)
        untold = torch.zeros(*y.shape[:2], len(Presence))
        return Belief(y[..., :-2], y[..., -2:].sigmoid(), untold), state


class ToyOfOptions(Toy):
    """The same, which takes note of what it is called with."""

    def __init__(self, seed=0):
        super().__init__(seed)
        self.told = []

    def forward(self, frames, state=None, *, state_noise=0.0, state_bits=32, frame_ms=None):
        self.told.append((state_noise, state_bits, frame_ms, self.training))
        return super().forward(frames, state, state_noise=state_noise)
