"""Heads that take the position from tracks.

Axes: T time steps, B batch, M numbers that are read, C classes, J tracks, S numbers of an answer.
"""

from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.nn.heads import Belief, Heads
from neurosvt.ops.precision import at_least_float32
from neurosvt.ops.tracks import TRACK_NUMBERS
from neurosvt.presence import Presence


class ChosenBelief(NamedTuple):
    """A belief on its way, in training: it also says what its position was chosen among."""

    class_logits: Float[Tensor, "T B C"]
    position: Float[Tensor, "T B 2"]
    presence_logits: Float[Tensor, "T B P"]
    choice_logits: Float[Tensor, "T B 2*J"]
    offered: Float[Tensor, "T B 2*J 2"]
    """x and y, in [0, 1] of the sensor."""


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
        choice, places = at_least_float32(self.chosen(F.gelu(self.choose(x)))), offered(tracks)
        position = (choice.softmax(-1)[..., None] * places).sum(-2)
        logits, presence = self.answer_to(x).split([self.classes, len(Presence)], -1)
        among = [choice, places.flatten(-2)] if self.training else []
        return torch.cat([logits, position, presence, *among], -1)

    def belief(self, answer: Float[Tensor, "T B S"]) -> Belief:
        known = [self.classes, 2, len(Presence)]
        if not self.training:
            return Belief(*answer.split(known, dim=-1))
        many = 2 * self.tracks
        *said, choice, places = answer.split([*known, many, 2 * many], dim=-1)
        # Read by what teaches, which asks for no more than a belief's names.
        return cast(Belief, ChosenBelief(*said, choice, places.unflatten(-1, (many, 2))))


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
