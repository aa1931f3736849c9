"""How sharp the surrogate of a neuron is: a number, a learnt number, or a small network's answer.

A slope shapes the backward pass alone. Whatever gives it is used in training and is no part of the
deployed network.

Axes: R rows (tokens of all samples), D channels.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

LEAST, MOST = 1.0, 5.0
"""Between these a learnt slope stays: k = 1 + 4 sigmoid(.), as in the card of Dy-SViT."""


def bounded(x: Float[Tensor, " *n"]) -> Float[Tensor, " *n"]:
    """Any number as a slope in (1, 5); 0 becomes 3."""
    return LEAST + (MOST - LEAST) * torch.sigmoid(x)


class FixedSlope(nn.Module):
    """The same slope for every token, for good."""

    def __init__(self, slope: float):
        super().__init__()
        if not slope > 0:
            raise ValueError(f"slope must be above 0, got {slope}")
        self.slope = slope

    def forward(self, x: Float[Tensor, "R D"]) -> Float[Tensor, "R 1"]:
        return torch.full((len(x), 1), self.slope, device=x.device)


class LayerSlope(nn.Module):
    """One learnt slope for all tokens of a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.raw = nn.Parameter(torch.zeros(1))

    def forward(self, x: Float[Tensor, "R D"]) -> Float[Tensor, "R 1"]:
        return bounded(self.raw).expand(len(x), 1)


class TokenSlope(nn.Module):
    """A slope for every token, which a small network reads from the token's own current.

    What it reads carries no gradient: the network below learns to drive neurons, not to please the
    one that chooses slopes. Its last layer starts at zero, so that all slopes start at 3.

    Args:
        width: channels of the current.
        hidden: neurons (rectified, real-valued) of the network.
    """

    def __init__(self, width: int, hidden: int = 16):
        super().__init__()
        self.hidden = nn.Linear(width, hidden)
        self.answer = nn.Linear(hidden, 1)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def forward(self, x: Float[Tensor, "R D"]) -> Float[Tensor, "R 1"]:
        return bounded(self.answer(F.relu(self.hidden(x.detach()))).float())
