"""Learning to name what a clip shows.

Axes: T time steps, B batch, C classes.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.loaders.clips import ClipBatch
from neurosvt.training.checks import NOT_ASKED, checked_labels


class ClipParts(NamedTuple):
    """Loss of an answer, mean over clips and steps."""

    label: Tensor


@dataclass(frozen=True)
class ClipObjective:
    """To say what a clip shows, at every step of it; an `Objective` of `training.loop`.

    Source: a loss at every step, Deng et al., "Temporal Efficient Training of Spiking Neural
    Network via Gradient Re-weighting", ICLR 2022, sec. 4.
    """

    state_noise: float = 0.0
    """Noise on the memory at every step, in thresholds."""

    def answer(self, model: nn.Module, batch: ClipBatch) -> Any:
        """The model's belief after every frame, from a state of rest."""
        belief, _ = model(batch.frames, state_noise=self.state_noise)
        return belief

    def weigh(self, batch: ClipBatch) -> ClipParts:
        """Clips that the loss is a mean over."""
        return ClipParts((batch.label != NOT_ASKED).sum())

    def loss(self, belief: Any, batch: ClipBatch) -> ClipParts:
        """Cross-entropy of the class at every step.

        Raises:
            UserError: labels that are none; see `training.checks.checked_labels`.
        """
        logits = belief.class_logits
        label = checked_labels(batch.label, logits[0])
        return ClipParts(F.cross_entropy(logits.flatten(0, 1), label.repeat(len(logits))))
