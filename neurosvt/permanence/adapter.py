"""The way into PermanenceBench for any model: a function of one frame.

Axes: T time steps, B batch, C classes.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from neurosvt.nn.heads import Belief
from neurosvt.presence import Presence

Step = Callable[[Tensor, Any], tuple[Tensor, Tensor, Any]]
"""`step(frame, state) -> class, position, state`. The frame is (B, 2, H, W) bool, OFF then ON; the
state is None at the beginning and then whatever the function returned last. The class is (B, C)
scores, the highest of which counts, or (B,) indices; the place is (B, 2), x and y of the object's
centre in [0, 1] of the sensor."""


SURE = 50.0
"""Score of a class that is named by its index: as good as certain."""


class StepModel(nn.Module):
    """A model that PermanenceBench can ask, made of a function of one frame.

    Args:
        step: see `Step`; called without gradients, frame by frame, hidden frames included. Where it
            is a method of a module, that module becomes a part of this one: its weights count, and
            it is put in eval mode while it is judged.
        classes: how many there are to choose from.
    """

    def __init__(self, step: Step, classes: int):
        super().__init__()
        self.step, self.classes = step, classes
        owner = getattr(step, "__self__", None)
        self.owner = owner if isinstance(owner, nn.Module) else None

    def extra_repr(self) -> str:
        return f"step={self.step!r}, classes={self.classes}"

    def forward(
        self, frames: Bool[Tensor, "T B 2 Y X"], state: Any = None, *, state_noise: float = 0.0
    ) -> tuple[Belief, Any]:
        """What `permanence.evaluate.evaluate_cell` calls.

        Raises:
            ValueError: noise on a state that only the model knows, or an answer of a wrong shape.
        """
        if state_noise:
            raise ValueError("state_noise must be 0: what an entry keeps, nobody else can disturb")
        logits, positions = [], []
        for frame in frames:
            label, position, state = self.step(frame, state)
            batch = len(frame)
            if label.shape == (batch,):
                label = SURE * nn.functional.one_hot(label, self.classes)
            if label.shape != (batch, self.classes) or position.shape != (batch, 2):
                raise ValueError(
                    f"step must return classes ({batch}, {self.classes}) or ({batch},) and places "
                    f"({batch}, 2), got {tuple(label.shape)} and {tuple(position.shape)}"
                )
            logits.append(label.float())
            positions.append(position.float())
        # Not a number: it says nothing of presence, and is not judged on it.
        untold = torch.full((*frames.shape[:2], len(Presence)), torch.nan)
        return Belief(torch.stack(logits), torch.stack(positions), untold), state
