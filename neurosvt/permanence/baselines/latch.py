"""What NeuroSVT is compared with.

Axes: T time steps, B batch.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_state import State
from neurosvt.nn.heads import Belief


class LatchState(NamedTuple):
    """The memoryless model's state, and the answer that is held."""

    model: State
    held: Belief


class Latch(nn.Module):
    """A memoryless model that holds its last answer while it judges the object unseen.

    Two lines of software: the most that can be done without a memory in the network. It solves
    darkness at rest, and is led astray by whatever makes the model think that it sees.

    Args:
        model: a NeuroSVT without memory.
        threshold: logit of "unseen" above which the answer is held; tuned on validation scenes.
    """

    def __init__(self, model: NeuroSVT, threshold: float):
        super().__init__()
        if model.config.memory.kind != "none":
            raise ValueError(
                f"a latch holds a model without memory, not {model.config.memory.kind!r}"
            )
        self.model = model
        self.threshold = threshold

    def extra_repr(self) -> str:
        return f"threshold={self.threshold!r}"

    def forward(
        self, frames: Tensor, state: LatchState | None = None, **options: Any
    ) -> tuple[Belief, LatchState]:
        belief, inner = self.model(frames, None if state is None else state.model, **options)
        held = hold(belief, self.threshold, None if state is None else state.held)
        return held, LatchState(inner, Belief(*(part[-1] for part in held)))

    def deployed(self) -> "Latch":
        """The same latch on the deployed form of its model."""
        return Latch(self.model.deployed(), self.threshold)


def hold(belief: Belief, threshold: float, held: Belief | None = None) -> Belief:
    """Class and place as of the latest step at which the object was judged seen.

    Args:
        belief: what the memoryless model says at every step.
        threshold: logit of "unseen" above which the answer before is held.
        held: the answer before the first step, without the time axis; None for none yet.
    """
    logits, positions = [], []
    before = (belief.class_logits[0], belief.position[0]) if held is None else held[:2]
    unseen = belief.unseen_logit
    for logit, position, out_of_sight in zip(
        belief.class_logits, belief.position, unseen > threshold, strict=True
    ):
        keep = out_of_sight[:, None]
        before = torch.where(keep, before[0], logit), torch.where(keep, before[1], position)
        logits.append(before[0])
        positions.append(before[1])
    return Belief(torch.stack(logits), torch.stack(positions), belief.presence_logits)
