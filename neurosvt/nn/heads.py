"""What the model holds to be true, read from its memory.

Axes: T time steps, B batch, M memory channels, C classes, P kinds of `Presence`, S = C + 2 + P
numbers of an answer.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.ops.precision import at_least_float32
from neurosvt.ops.rows import gather_rows, scatter_rows
from neurosvt.ops.tracks import TRACK_NUMBERS
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


@dataclass(frozen=True)
class ReadoutConfig:
    """Shape of the heads."""

    width: int = 128
    """Of the hidden layers."""
    depth: int = 1
    """Hidden layers."""
    strengths: int = 0
    """Groups of memory channels whose strength the heads are told, from which they learn how long
    nothing has been seen; 0 for none."""
    by_group: bool = False
    """Channels are read relative to the strength of their own group, not of all together."""
    choice: int = 64
    """Width of the layer that chooses among tracks, where the memory has any."""

    def __post_init__(self) -> None:
        for name in ("width", "depth", "choice"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.strengths < 0:
            raise ValueError(f"strengths must not be below 0, got {self.strengths}")
        if self.by_group and not self.strengths:
            raise ValueError("by_group is for groups of channels, and strengths is 0")

    def build(self, channels: int, classes: int, tracks: int = 0) -> "Heads":
        """Heads that read so many channels, of which the last are tracks, and tell so many classes
        apart."""
        shape = (self.width, classes, self.depth, self.strengths)
        if not tracks:
            return Heads(channels, *shape, by_group=self.by_group)
        return TrackHeads(
            channels, *shape, by_group=self.by_group, tracks=tracks, choice=self.choice
        )


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
    """

    def __init__(
        self,
        channels: int,
        width: int,
        classes: int,
        depth: int = 1,
        strengths: int = 0,
        *,
        by_group: bool = False,
    ):
        super().__init__()
        if strengths and channels % strengths:
            raise ValueError(f"channels {channels} are not a multiple of strengths {strengths}")
        self.classes, self.strengths, self.by_group = classes, strengths, by_group
        self.hidden = nn.Linear(channels + strengths, width)
        self.deeper = nn.ModuleList(nn.Linear(width, width) for _ in range(depth - 1))
        self.answer = nn.Linear(width, classes + BEYOND_CLASSES)

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

    def migrate_weights(self, weights: dict[str, Tensor], prefix: str) -> None:
        """Bring weights of an older version up to date, in place."""
        for name, others in (("weight", 0.0), ("bias", NEVER)):
            key = f"{prefix}answer.{name}"
            if key in weights and len(weights[key]) == self.classes + 3:
                weights[key] = _with_presence(weights[key], others)


class TrackHeads(Heads):
    """Heads that take the position from tracks, and not from channels.

    Every track offers two: where it was when it was last written to, and where it is by now if it
    has gone on. A small network, which reads all that the others read, chooses among them: the
    position is their mean, weighted by how likely each is. So motion that nobody sees is read on in
    closed form, for lengths of time that were never trained on.

    Args:
        channels: of what is read, tracks included, which come last.
        width, classes, depth, strengths, by_group: as of `Heads`.
        tracks: that there are.
        choice: width of the layer that chooses.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        classes: int,
        depth: int = 1,
        strengths: int = 0,
        *,
        by_group: bool = False,
        tracks: int,
        choice: int,
    ):
        own = channels - TRACK_NUMBERS * tracks
        super().__init__(own, width, classes, depth, strengths, by_group=by_group)
        told = self.hidden.in_features + TRACK_NUMBERS * tracks
        self.tracks = tracks
        self.hidden = nn.Linear(told, width)
        self.answer = nn.Linear(width, classes + len(Presence))
        self.choose = nn.Linear(told, choice)
        self.chosen = nn.Linear(choice, 2 * tracks)

    def say(self, charge: Float[Tensor, "... M"]) -> Float[Tensor, "... S"]:
        own, tracks = charge.split(
            [charge.shape[-1] - TRACK_NUMBERS * self.tracks, TRACK_NUMBERS * self.tracks], -1
        )
        tracks = tracks.unflatten(-1, (self.tracks, TRACK_NUMBERS))
        x = torch.cat([self.features(own), told_of(tracks).flatten(-2)], -1)
        x = x.to(self.hidden.weight.dtype)
        share = at_least_float32(self.chosen(F.gelu(self.choose(x)))).softmax(-1)
        position = (share[..., None] * offered(tracks)).sum(-2)
        logits, presence = self.answer_to(x).split([self.classes, len(Presence)], -1)
        return torch.cat([logits, position, presence], -1)

    def belief(self, answer: Float[Tensor, "T B S"]) -> Belief:
        return Belief(*answer.split([self.classes, 2, len(Presence)], dim=-1))


def told_of(tracks: Float[Tensor, "... J 8"]) -> Float[Tensor, "... J 8"]:
    """What a network is told of tracks, in numbers of its own size: position and velocity, how much
    was seen and for how long, and how long ago, twice."""
    strength, _, spread, *_, age = tracks.unbind(-1)
    clock = [
        0.3 * (strength.relu() + 0.1).log(), 0.3 * (spread.relu() + 0.02).log(),
        (1 + 3 * age).log(), (0.5 * age).clamp(max=4),
    ]  # fmt: skip
    moves = [2 * tracks[..., 3:5], (2 * tracks[..., 5:7]).clamp(-3, 3)]
    return torch.cat([*moves, torch.stack(clock, -1)], -1)


def offered(tracks: Float[Tensor, "... J 8"]) -> Float[Tensor, "... 2*J 2"]:
    """The positions that tracks offer, in [0, 1] of the sensor: those they rest at, then those they
    have gone on to, at most to the sensor's edges."""
    rest = tracks[..., 3:5] + 0.5
    gone = (rest + tracks[..., 5:7] * tracks[..., 7:]).clamp(0, 1)
    return torch.cat([rest, gone], -2)


def _with_presence(rows: Float[Tensor, "S ..."], others: float) -> Float[Tensor, "S ..."]:
    """Rows of answers that told hidden from in view alone: nothing else is ever said."""
    rows, unseen = rows[:-1], rows[-1:]
    new = torch.full_like(unseen, others).repeat(len(Presence), *[1] * (rows.ndim - 1))
    new[Presence.IN_VIEW], new[Presence.HIDDEN] = 0, unseen[0]
    return torch.cat([rows, new])
