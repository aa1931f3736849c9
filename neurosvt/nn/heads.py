"""What the model holds to be true, read from its memory.

Axes: T time steps, B batch, M memory channels, C classes.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.ops.precision import at_least_float32


class Belief(NamedTuple):
    """What the model holds to be true after every step."""

    class_logits: Float[Tensor, "T B C"]
    place: Float[Tensor, "T B 2"]
    """x and y of the object's centre, in [0, 1] of the sensor."""
    unseen_logit: Float[Tensor, "T B"]
    """Above 0: the object is there, but hidden."""


class Heads(nn.Module):
    """Class, place and unseen-or-not, from the memory alone.

    The charge is read relative to its own strength: as it leaks, it fades but goes on saying the
    same. Real-valued, so its multiplications are real and are charged for.
    """

    def __init__(self, channels: int, width: int, classes: int):
        super().__init__()
        self.classes = classes
        self.hidden = nn.Linear(channels, width)
        self.answer = nn.Linear(width, classes + 3)

    def forward(self, charge: Float[Tensor, "T B M"]) -> Belief:
        strength = charge.square().mean(-1, keepdim=True).add(1e-6).rsqrt()
        answer = at_least_float32(self.answer(F.gelu(self.hidden(charge * strength))))
        logits, place_logits, unseen = answer.split([self.classes, 2, 1], dim=-1)
        return Belief(logits, torch.sigmoid(place_logits), unseen[..., 0])
