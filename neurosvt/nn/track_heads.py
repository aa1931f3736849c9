"""Heads that take the position from tracks.

Axes: T time steps, B batch, M numbers that are read, C classes, J tracks, O = 2 J offers,
S numbers of an answer.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.nn.heads import Belief, Heads
from neurosvt.ops.precision import at_least_float32
from neurosvt.ops.tracks import TRACK_NUMBERS, FittedLine
from neurosvt.presence import Presence

CORRECTION = 6
"""Numbers of a correction: x and y of position, of velocity, a share of the way, and a length."""
UNITS = (1 / 32, 1 / 32, 1 / 16, 1 / 32)
"""What a correction of 1 is: in sensor sides, in sides per unit of time, in ways that tracks have
gone, in sides. They are small, so that a step of training moves a position by a fraction of a
pixel, as a position needs, and not by many, as a score of a class may."""
NEAR = 16.0
"""What offers are told in from their mean: those that are 4 pixels of 64 apart differ by 1."""
SLOW = 0.05
"""Velocity, in sides per unit of time, below which there is hardly a heading."""


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

    With `corrects` the others add what tracks get wrong as a rule (`Chosen.corrected`), for which
    they are told how far apart the offers lie.

    Args:
        channels: of what is read, tracks included, which come last.
        width, classes, depth, strengths, by_group: as of `Heads`.
        tracks: that there are.
        choice: width of the layer that chooses.
        corrects: whether positions and velocities are corrected.
    """

    beyond_classes = len(Presence)

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
        told, near = TRACK_NUMBERS * tracks, 4 * tracks * corrects
        self.beyond_classes = len(Presence) + CORRECTION * corrects
        super().__init__(
            channels - told, width, classes, depth, strengths, by_group=by_group, told=told + near
        )
        self.tracks, self.corrects = tracks, corrects
        self.choose = nn.Linear(self.hidden.in_features - near, choice)
        self.chosen = nn.Linear(choice, 2 * tracks)

    def say(self, charge: Float[Tensor, "... M"]) -> Float[Tensor, "... S"]:
        told = TRACK_NUMBERS * self.tracks
        own, numbers = charge.split([charge.shape[-1] - told, told], -1)
        tracks = FittedLine.of(numbers.unflatten(-1, (self.tracks, TRACK_NUMBERS)))
        x = torch.cat([self.features(own), told_of(tracks).flatten(-2)], -1)
        x = x.to(self.hidden.weight.dtype)
        choice, places = at_least_float32(self.chosen(F.gelu(self.choose(x)))), offered(tracks)
        chosen = Chosen.of(choice.softmax(-1), places, tracks)
        if self.corrects:
            # What is told must not move the offers: it would pull at each through all the others.
            apart = NEAR * (places - chosen.position[..., None, :]).detach()
            x = torch.cat([x, apart.clamp(-3, 3).flatten(-2).to(x.dtype)], -1)
        logits, presence, wrong = self.answer_to(x).split(
            [self.classes, len(Presence), CORRECTION * self.corrects], -1
        )
        position = chosen.corrected(wrong) if self.corrects else chosen.position
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


class Chosen(NamedTuple):
    """What has been chosen among tracks; lengths in sensor sides, times as of tracks."""

    position: Float[Tensor, "... 2"]
    """Mean of what they offer, by how likely each is."""
    since: Float[Tensor, "... 1"]
    """How long those have gone on that do, in the mean."""
    way: Float[Tensor, "... 2"]
    """How far they have."""
    heading: Float[Tensor, "... 2"]
    """A unit vector along their velocity, shorter where they hardly have one."""

    @classmethod
    def of(
        cls, likely: Float[Tensor, "... O"], places: Float[Tensor, "... O 2"], tracks: FittedLine
    ) -> "Chosen":
        """By how likely each offer is."""
        rest, gone = places.chunk(2, -2)
        going = likely[..., tracks.age.shape[-1] :, None]
        velocity = (going * tracks.velocity).sum(-2)
        speed = (velocity.square().sum(-1, keepdim=True) + SLOW**2).sqrt()
        return cls(
            (likely[..., None] * places).sum(-2),
            (going * tracks.age[..., None]).sum(-2),
            (going * (gone - rest)).sum(-2),
            velocity / speed,
        )

    def corrected(self, wrong: Float[Tensor, "... 6"]) -> Float[Tensor, "... 2"]:
        """The position, with what tracks get wrong as a rule.

        Events are not at an object's middle: what is half hidden has them on one side. Where it
        moves, that side is behind, and their centre is slower than the object. So positions and
        velocities are corrected across the sensor, and along the motion by a share of the way and
        by a length. What rests is as far from its track at any age; what goes on is ever farther.
        """
        place, velocity, share, ahead = wrong.split([2, 2, 1, 1], -1)
        of_place, of_velocity, of_way, of_length = UNITS
        across = of_place * place + of_velocity * velocity * self.since
        along = of_way * share * self.way + of_length * ahead * self.heading
        return self.position + across + along


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
