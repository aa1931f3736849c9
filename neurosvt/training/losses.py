"""What a belief costs when it is wrong, at every step.

Axes: T time steps, B batch, C classes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.config import UserError
from neurosvt.nn.track_heads import ChosenBelief
from neurosvt.presence import Presence
from neurosvt.training.checks import checked_labels


class Truth(NamedTuple):
    """What there was to believe."""

    label: Int[Tensor, "T B"]
    position: Float[Tensor, "T B 2"]
    """x and y of the object's centre, in [0, 1] of the sensor, hidden or not."""
    presence: Int[Tensor, "T B"]
    """By `neurosvt.presence.Presence`."""
    asked: Bool[Tensor, "T B"]
    """Whether class and position are: there is an object of the classes, and it has been seen."""
    within: Bool[Tensor, "T B"]
    """Whether presence is: the sequence has not ended."""

    @property
    def hidden(self) -> Bool[Tensor, "T B"]:
        """Whether there is an object, out of sight."""
        return self.presence == Presence.HIDDEN

    def last_in_view(self) -> Float[Tensor, "T B 2"]:
        """Position at the last step in which the object was in view, or at the first of all."""
        step = torch.arange(len(self.presence), device=self.presence.device)[:, None]
        last = (step * (self.presence == Presence.IN_VIEW)).cummax(0).values
        return self.position.gather(0, last[..., None].expand_as(self.position))


class Parts(NamedTuple):
    """Losses of a belief, each a mean over steps; what is learnt is their sum."""

    label: Tensor
    position: Tensor
    presence: Tensor
    choice: Tensor
    """0 where the position is not chosen among offers, and so is motion."""
    motion: Tensor


@dataclass(frozen=True)
class BeliefLoss:
    """Cross-entropy of the class, error of the position, and cross-entropy of presence.

    A position that is chosen among offers (`nn.track_heads`) is taught as a mixture of experts too
    (Jacobs et al., Neural Computation 1991): what is costly is that no likely offer is right. The
    error of the mean alone would say little about which offer to trust. Half of the offers rest and
    half go on, and whether the object moves is taught by itself: the choice learns it slowly.

    Every step counts, hidden ones included: temporal efficient training (Deng et al., ICLR 2022).
    Sequences have equal weight, and so have their seen and their hidden steps, however many there
    are, so that a long darkness drowns neither what was seen nor what was hidden for less long.
    """

    position_weight: float = 1.0
    presence_weight: float = 0.1
    choice_weight: float = 0.1
    motion_weight: float = 0.3
    position_scale: float = 0.125
    """The position error, in sensor sides, beyond which its cost grows linearly: what
    PermanenceBench calls right."""
    choice_scale: float = 0.03
    """Distance from the truth, in sensor sides, at which an offer is e times less likely right."""
    choice_doubt: float = 2.0
    """What the scores of offers are divided by where they are taught, so that a position is drawn
    to the likely ones by more than their likelihood: a mean of all lies where nothing is."""
    choice_floor: float = 1e-3
    """Likelihood of what no offer can explain, which so costs no more than that."""
    rests_below: float = 0.0016
    """Motion, in sensor sides a step, below which an object rests: a tenth of a pixel of 64."""

    def __call__(self, belief: Any, truth: Truth) -> Parts:
        """Parts of the loss, for `belief` with class_logits, position and presence_logits per step.

        Raises:
            UserError: labels that are none, see `training.checks.checked_labels`; a position,
                presence, asked or within of another shape.
        """
        known = checked_labels(truth.label, belief.class_logits)
        steps = tuple(known.shape)
        shapes = dict.fromkeys(("presence", "asked", "within"), steps) | {"position": (*steps, 2)}
        for name, wanted in shapes.items():
            got = tuple(getattr(truth, name).shape)
            if got != wanted:
                raise UserError(f"{name} must be of shape {wanted}, as labels are; got {got}")
        logits = belief.class_logits.flatten(0, 1)
        label = F.cross_entropy(logits, known.flatten(), reduction="none")
        miss = (belief.position - truth.position) / self.position_scale
        position = F.smooth_l1_loss(miss, torch.zeros_like(miss), reduction="none").sum(-1)
        said = belief.presence_logits.flatten(0, 1)
        presence = F.cross_entropy(said, truth.presence.flatten().long(), reduction="none")
        weight = step_weights(truth.presence, truth.asked, label.dtype)
        of_presence = step_weights(truth.presence, truth.within, label.dtype)
        return Parts(
            (weight * label.reshape(steps)).sum(),
            self.position_weight * (weight * position).sum(),
            self.presence_weight * (of_presence * presence.reshape(steps)).sum(),
            self.choice_weight * (weight * self.choice(belief, truth)).sum(),
            self.motion_weight * (weight * self.motion(belief, truth)).sum(),
        )

    def choice(self, belief: Any, truth: Truth) -> Float[Tensor, "T B"]:
        """How unlikely the truth is among what is offered, in nats; and, while it is hidden, how
        unlikely the place where it was last in view is among those where tracks rest."""
        if not isinstance(belief, ChosenBelief):
            return torch.zeros_like(belief.position[..., 0])
        # Offers learn from their mean's error: from this, those seldom right would learn nothing.
        offered = belief.offered.detach()
        cost = self.among(belief.choice_logits.flatten(-2), offered.flatten(-3, -2), truth.position)
        if belief.origin_logits is None:
            return cost
        rest = offered[..., 0, :, :]
        return cost + truth.hidden * self.among(belief.origin_logits, rest, truth.last_in_view())

    def among(
        self,
        logits: Float[Tensor, "T B O"],
        places: Float[Tensor, "T B O 2"],
        right: Float[Tensor, "T B 2"],
    ) -> Float[Tensor, "T B"]:
        """How unlikely a place is among O others, in nats."""
        far = (places - right[..., None, :]).square().sum(-1).add(1e-8).sqrt()
        near = (logits / self.choice_doubt).log_softmax(-1) - far / self.choice_scale
        floor = torch.full_like(near[..., :1], math.log(self.choice_floor))
        return -torch.cat([near, floor], -1).logsumexp(-1)

    def motion(self, belief: Any, truth: Truth) -> Float[Tensor, "T B"]:
        """How unlikely it is, by the choice, that the object moves if it does, or rests; nats."""
        if not isinstance(belief, ChosenBelief):
            return torch.zeros_like(belief.position[..., 0])
        rest, gone = (belief.choice_logits / self.choice_doubt)[..., :2, :].unbind(-2)
        moved = truth.position.diff(dim=0).norm(dim=-1)
        moves = torch.cat([moved[:1], moved]) > self.rests_below
        odds = gone.logsumexp(-1) - rest.logsumexp(-1)
        return F.binary_cross_entropy_with_logits(odds, moves.to(odds), reduction="none")


@dataclass(frozen=True)
class BeliefObjective:
    """To know what and where an object is, at every step; an `Objective` of `training.loop`.

    A batch is an `OcclusionBatch`, or a sequence of its parts.
    """

    state_noise: float = 0.0
    """Noise on the memory at every step, in thresholds."""
    hidden_steps: bool = True
    """Whether hidden steps teach as well."""
    loss_of: BeliefLoss = BeliefLoss()

    def answer(self, model: nn.Module, batch: Sequence[Any]) -> Any:
        """The model's belief after every frame, from a state of rest."""
        # Each sample starts with nothing seen, so the end state is dropped.
        truth = self.truth(batch)
        asked = truth.asked | truth.within
        told = {"state_noise": self.state_noise}
        if frame_ms := getattr(batch, "frame_ms", None):
            told["frame_ms"] = frame_ms
        belief, _ = model(batch[0], asked=asked, **told)
        return belief

    def loss(self, belief: Any, batch: Sequence[Any]) -> Parts:
        """`loss_of`, of the steps that are asked about."""
        return self.loss_of(belief, self.truth(batch))

    def weigh(self, batch: Sequence[Any]) -> Parts:
        """Sequences that each part of the loss is a mean over."""
        truth = self.truth(batch)
        asked, within = (steps.any(0).sum() for steps in (truth.asked, truth.within))
        return Parts(asked, asked, within, asked, asked)

    def truth(self, batch: Sequence[Any]) -> Truth:
        """What is to be known of a batch."""
        truth = Truth(*batch[1:6])
        if self.hidden_steps:
            return truth
        seen = ~truth.hidden
        return truth._replace(asked=truth.asked & seen, within=truth.within & seen)


def step_weights(
    presence: Int[Tensor, "T B"], asked: Bool[Tensor, "T B"], dtype: torch.dtype = torch.float32
) -> Float[Tensor, "T B"]:
    """Weights that sum to 1, the same for every sequence, and within it for every kind of presence
    that it has: half of its share for its seen steps, half for the hidden, or all for one kind."""
    kinds = torch.stack([(presence == kind) & asked for kind in Presence]).to(dtype)
    counts = kinds.sum(1, keepdim=True)
    share = (counts > 0) / (counts > 0).sum(0, keepdim=True).clamp(min=1)
    weight = (kinds * (share / counts.clamp(min=1))).sum(0)
    return weight / weight.sum().clamp(min=1e-9)
