"""Heads that take the position from tracks.

Axes: T time steps, B batch, M numbers that are read, C classes, J tracks, K kinds of offers,
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
OFFERS_SCALE = 16.0
"""What offers are told in from their mean: those that are 4 pixels of 64 apart differ by 1."""
SLOW = 0.05
"""Velocity, in sides per unit of time, below which there is hardly a heading."""


class ChosenBelief(Belief):
    """A belief on its way, in training: it also says what its position was chosen among."""

    choice_logits: Float[Tensor, "T B K J"]
    offered: Float[Tensor, "T B K J 2"]
    """x and y, in [0, 1] of the sensor; the kinds are that it rests, has gone on, was carried."""
    origin_logits: Float[Tensor, "T B J"] | None
    """Which track rests where the object was last in view; None where nothing is carried."""


class TrackHeads(Heads):
    """Heads that take the position from tracks, and not from channels.

    Every track offers two: where it was when it was last written to, and where it is by now if it
    has gone on. A small network, which reads all that the others read, chooses among them: the
    position is their mean, weighted by how likely each is. So motion that nobody sees is read on in
    closed form, for lengths of time that were never trained on.

    With `carries` a track offers a third: where a thing that rests is by now if what the track
    follows has taken it along (`carried_places`). No events tell where between long jaws the thing
    is; its own last place and the way of the jaws do.

    With `corrects` the others add what tracks get wrong as a rule (`Course.corrections`), for which
    they are told how far apart the offers lie.

    Args:
        channels: of what is read, tracks included, which come last.
        width, classes, depth, strengths, by_group: as of `Heads`.
        tracks: that there are.
        choice: width of the layer that chooses.
        carries: whether tracks offer a third place.
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
        carries: bool = False,
        corrects: bool = False,
    ):
        self.kinds = 2 + carries
        told, near = TRACK_NUMBERS * tracks, 2 * self.kinds * tracks * corrects
        self.beyond_classes = len(Presence) + CORRECTION * corrects
        super().__init__(
            channels - told, width, classes, depth, strengths, by_group=by_group, told=told + near
        )
        self.tracks, self.corrects = tracks, corrects
        self.choose = nn.Linear(self.hidden.in_features - near, choice)
        self.chosen = nn.Linear(choice, (self.kinds + carries) * tracks)

    @property
    def presence_row(self) -> int:
        return self.classes

    def say(self, charge: Float[Tensor, "... M"]) -> Float[Tensor, "... S"]:
        told = TRACK_NUMBERS * self.tracks
        own, numbers = charge.split([charge.shape[-1] - told, told], -1)
        tracks = FittedLine.of(numbers.unflatten(-1, (self.tracks, TRACK_NUMBERS)))
        x = torch.cat([self.features(own), told_of(tracks).flatten(-2)], -1)
        x = x.to(self.hidden.weight.dtype)
        scores = at_least_float32(self.chosen(F.gelu(self.choose(x))))
        scores = scores.unflatten(-1, (-1, self.tracks))
        choice, places = scores[..., : self.kinds, :], offered(tracks)
        if self.kinds > 2:
            taken = carried_places(tracks, scores[..., self.kinds, :].softmax(-1))
            places = torch.cat([places, taken[..., None, :, :]], -3)
        likely = choice.flatten(-2).softmax(-1).view_as(choice)
        position = (likely[..., None] * places).sum((-3, -2))
        if self.corrects:
            # What is told must not move the offers: it would pull at each through all the others.
            apart = OFFERS_SCALE * (places - position[..., None, None, :]).detach()
            x = torch.cat([x, apart.clamp(-3, 3).flatten(-3).to(x.dtype)], -1)
        logits, presence, wrong = self.answer_to(x).split(
            [self.classes, len(Presence), CORRECTION * self.corrects], -1
        )
        if self.corrects:
            position = position + Course.of(likely, places, tracks).corrections(wrong)
        among = [scores.flatten(-2), places.flatten(-3)] if self.training else []
        return torch.cat([logits, position, presence, *among], -1)

    def belief(self, answer: Float[Tensor, "T B S"]) -> Belief:
        known = [self.classes, 2, len(Presence)]
        if not self.training:
            return Belief(*answer.split(known, dim=-1))
        shape = self.kinds, self.tracks
        told = [self.chosen.out_features, 2 * self.kinds * self.tracks]
        *said, scores, places = answer.split([*known, *told], dim=-1)
        scores = scores.unflatten(-1, (-1, self.tracks))
        belief = ChosenBelief(*said)
        belief.choice_logits = scores[..., : self.kinds, :]
        belief.offered = places.unflatten(-1, (*shape, 2))
        belief.origin_logits = scores[..., self.kinds, :] if self.kinds > 2 else None
        return belief


class Course(NamedTuple):
    """How what goes on has gone on, in the mean of tracks by how likely each is; lengths in sensor
    sides, times as of tracks."""

    since: Float[Tensor, "... 1"]
    """For how long."""
    way: Float[Tensor, "... 2"]
    """How far."""
    heading: Float[Tensor, "... 2"]
    """Where to, as from `heading_of`."""

    @classmethod
    def of(
        cls,
        likely: Float[Tensor, "... K J"],
        places: Float[Tensor, "... K J 2"],
        tracks: FittedLine,
    ) -> "Course":
        """Of offers, by how likely each is; 0 where all is at rest."""
        going = likely[..., 1, :, None]
        return cls(
            (going * tracks.age[..., None]).sum(-2),
            (going * (places[..., 1, :, :] - places[..., 0, :, :])).sum(-2),
            heading_of((going * tracks.velocity).sum(-2)),
        )

    def corrections(self, wrong: Float[Tensor, "... 6"]) -> Float[Tensor, "... 2"]:
        """What is added to a position for what tracks get wrong as a rule.

        Events are not at an object's middle: what is half hidden has them on one side. Where it
        moves, that side is behind, and their centre is slower than the object. So positions and
        velocities are corrected across the sensor, and along the motion by a share of the way and
        by a length. What rests is as far from its track at any age; what goes on is ever farther.
        """
        place, velocity, share, ahead = wrong.split([2, 2, 1, 1], -1)
        of_place, of_velocity, of_way, of_length = UNITS
        across = of_place * place + of_velocity * velocity * self.since
        along = of_way * share * self.way + of_length * ahead * self.heading
        added: Tensor = across + along
        return added


def told_of(tracks: FittedLine) -> Float[Tensor, "... J 8"]:
    """What a network is told of tracks, in numbers of its own size: position and velocity, how much
    was seen and for how long, and how long ago, twice."""
    clock = [
        0.3 * (tracks.strength.relu() + 0.1).log(), 0.3 * (tracks.spread.relu() + 0.02).log(),
        (1 + 3 * tracks.age).log(), (0.5 * tracks.age).clamp(max=4),
    ]  # fmt: skip
    moves = [2 * tracks.position, (2 * tracks.velocity).clamp(-3, 3)]
    return torch.cat([*moves, torch.stack(clock, -1)], -1)


def offered(tracks: FittedLine) -> Float[Tensor, "... 2 J 2"]:
    """The positions that tracks offer, in [0, 1] of the sensor: those they rest at, then those they
    have gone on to, at most to the sensor's edges."""
    rest = tracks.position + 0.5
    gone = (rest + tracks.velocity * tracks.age[..., None]).clamp(0, 1)
    return torch.stack([rest, gone], -3)


def carried_places(tracks: FittedLine, origin: Float[Tensor, "... J"]) -> Float[Tensor, "... J 2"]:
    """Where a thing is by now that each track has taken along, in [0, 1] of the sensor.

    It was where tracks rest, by how likely it is of each that the thing was last in view there, and
    goes along the heading of what carries it until it is beside that. `origin` sums to 1.
    """
    rest = tracks.position + 0.5
    was = (origin[..., None] * rest).sum(-2, keepdim=True)
    heading = heading_of(tracks.velocity)
    way = (heading * (rest - was)).sum(-1, keepdim=True)
    return (was + heading * way).clamp(0, 1)


def heading_of(velocity: Float[Tensor, "... 2"]) -> Float[Tensor, "... 2"]:
    """Unit vectors along velocities, shorter where they hardly have a heading."""
    return velocity / (velocity.square().sum(-1, keepdim=True) + SLOW**2).sqrt()
