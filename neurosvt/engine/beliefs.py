"""What a session believes after a step, and what the step cost.

Axes: C classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neurosvt.energy.operations import Operations


@dataclass(frozen=True)
class LiveBelief:
    """What is held to be true after one step."""

    answer: np.ndarray
    """(2 C + 3,) float32: scores, probabilities, x, y, unseen."""
    classes: int
    count: Callable[[], dict[str, Operations]]
    """What the step did, when it is asked for."""
    total: Callable[[], Operations]
    """And all layers together."""

    @property
    def class_logits(self) -> np.ndarray:
        """(C,) scores of the classes."""
        return self.answer[: self.classes]

    @property
    def probabilities(self) -> np.ndarray:
        """(C,) of the classes, together 1."""
        return self.answer[self.classes : 2 * self.classes]

    @cached_property
    def label(self) -> int:
        """The most likely class."""
        return int(self.probabilities.argmax())

    @property
    def position(self) -> tuple[float, float]:
        """x and y of the object's centre, in [0, 1] of the sensor."""
        return float(self.answer[-3]), float(self.answer[-2])

    @property
    def hidden(self) -> bool:
        """Whether the object is there, but out of sight."""
        return bool(self.answer[-1] > 0)

    @property
    def hidden_probability(self) -> float:
        """How likely it is."""
        return float(1 / (1 + np.exp(-self.answer[-1])))

    @cached_property
    def layers(self) -> dict[str, Operations]:
        """What the step did, layer by layer."""
        return self.count()

    @property
    def operations(self) -> Operations:
        """What the step did."""
        return self.total()


def probabilities(scores: np.ndarray) -> np.ndarray:
    """(..., C) softmax of scores."""
    power = np.exp(scores - scores.max(-1, keepdims=True))
    shares: np.ndarray = power / power.sum(-1, keepdims=True)
    return shares


def answer_of(scores: np.ndarray, position: np.ndarray, unseen: float) -> np.ndarray:
    """(2 C + 3,) an answer from its parts."""
    return np.concatenate([scores, probabilities(scores), position, [unseen]]).astype(np.float32)
