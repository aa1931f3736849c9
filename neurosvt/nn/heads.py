"""What the model holds to be true, read from its memory.

Axes: T time steps, B batch, M memory channels, C classes, P kinds of `Presence`, S = C + 2 + P
numbers of an answer.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.ops.precision import at_least_float32
from neurosvt.ops.rows import gather_rows, scatter_rows
from neurosvt.presence import Presence


class Belief(NamedTuple):
    """What the model holds to be true after every step."""

    class_logits: Float[Tensor, "T B C"]
    position: Float[Tensor, "T B 2"]
    """x and y of the object's centre, in [0, 1] of the sensor."""
    presence_logits: Float[Tensor, "T B P"]
    """Scores of what there is to know of at all, by `neurosvt.presence.Presence`."""

    @property
    def unseen_logit(self) -> Float[Tensor, "T B"]:
        """Above 0: the object is sooner hidden than in view."""
        said = self.presence_logits
        return said[..., Presence.HIDDEN] - said[..., Presence.IN_VIEW]


BEYOND_CLASSES = 2 + len(Presence)
"""Numbers of an answer that are no class: x and y, and presence."""
NEVER = -30.0
"""Score of what weights that were never taught it do not say."""

torch.serialization.add_safe_globals([Belief])  # plain data, which `torch.load` need not distrust


class Heads(nn.Module):
    """Class, position and presence, from the memory alone.

    The charge is read relative to its own strength: as it leaks, it fades but goes on saying the
    same. Real-valued, so its multiplications are real and are charged for. Where channels leak at
    rates far apart, what is said still turns as the quick ones fade beside the slow ones; relative
    to groups of like rates it does not.

    Channels that leak at different rates also tell how long nothing has been seen: the logarithm
    of a group's strength falls in proportion to the time and the faster, the shorter its time
    constants (Shankar & Howard, Neural Computation 2012). Where an object goes on moving while it
    is hidden, that is what has to be known beside its position and its velocity.

    Args:
        channels: of the memory, in the order of their time constants.
        width: of the hidden layers.
        classes: that there are.
        depth: hidden layers; those behind the first add to what comes in.
        strengths: groups of channels whose strength is told apart; 0 for none.
        by_group: read channels relative to the strength of their own group.
        told: numbers that the first layer reads beside them.
    """

    beyond_classes = BEYOND_CLASSES
    """Numbers that the last layer says beside the classes."""

    def __init__(
        self,
        channels: int,
        width: int,
        classes: int,
        depth: int = 1,
        strengths: int = 0,
        *,
        by_group: bool = False,
        told: int = 0,
    ):
        super().__init__()
        if strengths and channels % strengths:
            raise ValueError(f"channels {channels} are not a multiple of strengths {strengths}")
        self.classes, self.strengths, self.by_group = classes, strengths, by_group
        self.hidden = nn.Linear(channels + strengths + told, width)
        self.deeper = nn.ModuleList(nn.Linear(width, width) for _ in range(depth - 1))
        self.answer = nn.Linear(width, classes + self.beyond_classes)

    def forward(
        self, charge: Float[Tensor, "T B M"], asked: Bool[Tensor, "T B"] | None = None
    ) -> Belief:
        """Beliefs of every step; where not `asked`, which saves the work, they mean nothing.

        Raises:
            ValueError: `asked` is not of these steps and samples.
        """
        if asked is None:
            return self.belief(self.say(charge))
        if asked.shape != charge.shape[:2]:
            raise ValueError(
                f"asked must be (T, B) {tuple(charge.shape[:2])}, got {tuple(asked.shape)}"
            )
        at = asked.flatten().nonzero()[:, 0]
        said = self.say(gather_rows(charge.flatten(0, 1), at))
        return self.belief(scatter_rows(said, at, asked.numel()).unflatten(0, asked.shape))

    def say(self, charge: Float[Tensor, "... M"]) -> Float[Tensor, "... S"]:
        """What the network answers: classes, position, presence."""
        x = self.features(charge).to(self.hidden.weight.dtype)
        return self.answer_to(x)

    def answer_to(self, x: Float[Tensor, "... I"]) -> Float[Tensor, "... S"]:
        """Through the layers."""
        x = F.gelu(self.hidden(x))
        for layer in self.deeper:
            x = x + F.gelu(layer(x))
        return at_least_float32(self.answer(x))

    def features(self, charge: Float[Tensor, "... M"]) -> Float[Tensor, "... I"]:
        """Channels relative to their strength, and the strengths of groups."""
        power = charge.square()
        if not self.by_group:
            x = charge * power.mean(-1, keepdim=True).add(1e-6).rsqrt()
        if self.strengths:
            # A thousandth is what noise of 1 % of a threshold leaves of a charge that is gone.
            groups = power.unflatten(-1, (self.strengths, -1)).mean(-1).add(1e-3)
            if self.by_group:
                x = (
                    charge.unflatten(-1, (self.strengths, -1)) * groups.rsqrt()[..., None]
                ).flatten(-2)
            x = torch.cat([x, 0.25 * groups.log()], -1)
        return x

    def belief(self, answer: Float[Tensor, "T B S"]) -> Belief:
        """What an answer means."""
        logits, position_logits, presence = answer.split([self.classes, 2, len(Presence)], dim=-1)
        return Belief(logits, torch.sigmoid(position_logits), presence)

    @property
    def presence_row(self) -> int:
        """The first of those rows of the last layer that score presence."""
        return self.classes + 2

    @torch.no_grad()
    def raise_presence(self, kind: Presence, by: float) -> None:
        """Add to the score of one kind of presence, in place and for good."""
        self.answer.bias[self.presence_row + kind] += by

    def migrate_weights(self, weights: dict[str, Tensor], prefix: str) -> None:
        """Bring weights of an older version up to date, in place."""
        for name, others in (("weight", 0.0), ("bias", NEVER)):
            teach_presence(weights, f"{prefix}answer.{name}", self.classes, others)


def teach_presence(weights: dict[str, Tensor], key: str, classes: int, others: float) -> None:
    """Rows of answers that told hidden from in view alone, in place: they still say the same, and
    what they were never taught scores `others`."""
    if key not in weights or len(weights[key]) != classes + 3:
        return
    known, unseen = weights[key].split([classes + 2, 1])
    presence = torch.full_like(unseen, others).repeat(len(Presence), *[1] * (unseen.ndim - 1))
    presence[Presence.IN_VIEW], presence[Presence.HIDDEN] = 0, unseen[0]
    weights[key] = torch.cat([known, presence])
