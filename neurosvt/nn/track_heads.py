"""Heads that take the position from tracks.

Axes: T time steps, B batch, M numbers that are read, C classes, J tracks, O = 2 J offers,
S numbers of an answer.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.nn.heads import Belief, Heads
from neurosvt.ops.precision import at_least_float32
from neurosvt.ops.tracks import TRACK_NUMBERS, FittedLine
from neurosvt.presence import Presence


class ChosenBelief(Belief):
    """A belief on its way, in training: it also says what its position was chosen among."""

    choice_logits: Float[Tensor, "T B O"]
    offered: Float[Tensor, "T B O 2"]
    """x and y, in [0, 1] of the sensor."""


class TrackHeads(Heads):
    """Heads that take the position from tracks, and not from channels.

    Every track offers two: where it was when it was last written to, and where it is by now if it
    has gone on. A small network, which reads all that the others read, chooses among them: the
    position is their mean, weighted by how likely each is. So motion that nobody sees is read on in
    closed form, for lengths of time that were never trained on.

    With `corrects` the others add what tracks get wrong as a rule: how far the object is from the
    centre of its events, and how much faster it is than they, while they are not renewed.

    Args:
        channels: of what is read, tracks included, which come last.
        width, classes, depth, strengths, by_group: as of `Heads`.
        tracks: that there are.
        choice: width of the layer that chooses.
        corrects: whether positions and velocities are corrected.
    """

    beyond_classes = len(Presence)
    correction = 4
    """Numbers of a correction: of position, in sensor sides, and of velocity, per unit of time."""

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
        corrects: bool = False,
    ):
        told = TRACK_NUMBERS * tracks
        self.beyond_classes = len(Presence) + self.correction * corrects
        super().__init__(
            channels - told, width, classes, depth, strengths, by_group=by_group, told=told
        )
        self.tracks, self.corrects = tracks, corrects
        self.choose = nn.Linear(self.hidden.in_features, choice)
        self.chosen = nn.Linear(choice, 2 * tracks)

    def say(self, charge: Float[Tensor, "... M"]) -> Float[Tensor, "... S"]:
        told = TRACK_NUMBERS * self.tracks
        own, numbers = charge.split([charge.shape[-1] - told, told], -1)
        tracks = FittedLine.of(numbers.unflatten(-1, (self.tracks, TRACK_NUMBERS)))
        x = torch.cat([self.features(own), told_of(tracks).flatten(-2)], -1)
        x = x.to(self.hidden.weight.dtype)
        choice, places = at_least_float32(self.chosen(F.gelu(self.choose(x)))), offered(tracks)
        likely = choice.softmax(-1)
        position = (likely[..., None] * places).sum(-2)
        logits, presence, wrong = self.answer_to(x).split(
            [self.classes, len(Presence), self.correction * self.corrects], -1
        )
        if self.corrects:
            # What rests is as far from its track at any age; only what goes on is ever farther.
            since = (likely[..., self.tracks :] * tracks.age).sum(-1, keepdim=True)
            position = position + wrong[..., :2] + wrong[..., 2:] * since
        among = [choice, places.flatten(-2)] if self.training else []
        return torch.cat([logits, position, presence, *among], -1)

    def belief(self, answer: Float[Tensor, "T B S"]) -> Belief:
        known = [self.classes, 2, len(Presence)]
        if not self.training:
            return Belief(*answer.split(known, dim=-1))
        many = 2 * self.tracks
        *said, choice, places = answer.split([*known, many, 2 * many], dim=-1)
        belief = ChosenBelief(*said)
        belief.choice_logits, belief.offered = choice, places.unflatten(-1, (many, 2))
        return belief

    def migrate_weights(self, weights: dict[str, Tensor], prefix: str) -> None:
        """Bring weights of heads that corrected nothing up to date, in place: they still do not."""
        size = self.classes + len(Presence)
        for name in ("weight", "bias"):
            old = weights.get(f"{prefix}answer.{name}")
            if self.corrects and old is not None and len(old) == size:
                more = old.new_zeros(self.correction, *old.shape[1:])
                weights[f"{prefix}answer.{name}"] = torch.cat([old, more])


def told_of(tracks: FittedLine) -> Float[Tensor, "... J 8"]:
    """What a network is told of tracks, in numbers of its own size: position and velocity, how much
    was seen and for how long, and how long ago, twice."""
    clock = [
        0.3 * (tracks.strength.relu() + 0.1).log(), 0.3 * (tracks.spread.relu() + 0.02).log(),
        (1 + 3 * tracks.age).log(), (0.5 * tracks.age).clamp(max=4),
    ]  # fmt: skip
    moves = [2 * tracks.position, (2 * tracks.velocity).clamp(-3, 3)]
    return torch.cat([*moves, torch.stack(clock, -1)], -1)


def offered(tracks: FittedLine) -> Float[Tensor, "... O 2"]:
    """The positions that tracks offer, in [0, 1] of the sensor: those they rest at, then those they
    have gone on to, at most to the sensor's edges."""
    rest = tracks.position + 0.5
    gone = (rest + tracks.velocity * tracks.age[..., None]).clamp(0, 1)
    return torch.cat([rest, gone], -2)
