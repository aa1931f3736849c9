"""What a session believes after a step, and what the step cost.

Axes: C classes, P kinds of presence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neurosvt.energy.operations import Operations
from neurosvt.nn.heads import BEYOND_CLASSES
from neurosvt.presence import Presence


@dataclass(frozen=True)
class LiveBelief:
    """What is held to be true after one step."""

    answer: np.ndarray
    """(2 C + 2 + P,) float32: scores, probabilities, x, y, scores of presence."""
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
        x, y = self.answer[2 * self.classes : 2 * self.classes + 2]
        return float(x), float(y)

    @cached_property
    def presence_probabilities(self) -> np.ndarray:
        """(P,) of nothing, in view, hidden, gone and stranger, together 1."""
        return probabilities(self.answer[2 * self.classes + 2 :])

    @property
    def presence(self) -> Presence:
        """Whether there is anything to know of: the most likely."""
        return Presence(int(self.presence_probabilities.argmax()))

    @property
    def hidden(self) -> bool:
        """Whether the object is there, but out of sight."""
        return self.presence is Presence.HIDDEN

    @property
    def hidden_probability(self) -> float:
        """How likely it is."""
        return float(self.presence_probabilities[Presence.HIDDEN])

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


def answer_of(scores: np.ndarray, position: np.ndarray, presence: np.ndarray) -> np.ndarray:
    """(2 C + 2 + P,) an answer from its parts."""
    return np.concatenate([scores, probabilities(scores), position, presence]).astype(np.float32)


def answer_size(classes: int) -> int:
    """Numbers of an answer."""
    return 2 * classes + BEYOND_CLASSES
