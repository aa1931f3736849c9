"""The definition of tracks and heads in whole numbers: `fixed_reference.py`.

Axes: N tokens, J tracks.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosvt.engine.fixed_choice_reference import (
    WholeCourse,
    on_sensor,
    whole_carried,
    whole_heading,
    whole_mean,
)
from neurosvt.engine.fixed_numbers_reference import (
    LEAST_STRENGTH,
    LONG_ONE,
    LONGEST_AGE,
    MOST_LONG,
    ONE,
    TABLES,
    active,
    clipped,
    gelu,
    logarithm,
    long_product,
    long_ratio,
    quotient,
    relative,
    table_at,
    whole_shares,
)
from neurosvt.engine.plan import dense_layers, scale_of
from neurosvt.engine.whole_numbers import (
    ACTIVE_POINT,
    LONG_POINT,
    MOST_ACTIVE,
    POINT,
    significant,
    whole_weights,
)
from neurosvt.nn.heads import Heads
from neurosvt.nn.memory import MemoryStep
from neurosvt.nn.track_heads import CORRECTION, TrackHeads
from neurosvt.ops.tracks import UNIT_STEPS
from neurosvt.presence import Presence


class WholeDense:
    """A layer of the heads: numbers in, scores in `ONE` out."""

    def __init__(self, weight: Tensor, bias: Tensor | None, bits: int):
        found = whole_weights(weight.detach()[None], bits, MOST_ACTIVE)
        shift = found.point - (POINT - ACTIVE_POINT)
        self.weights, self.shift = found.numbers[0].numpy(), max(shift, 0)
        self.scale = found.scale.numpy() << max(-shift, 0)
        shown = torch.zeros(len(weight)) if bias is None else bias.detach()
        self.bias = (shown.double() * 2**POINT).round().long().numpy()

    def __call__(self, x: np.ndarray) -> np.ndarray:
        half = 1 << self.shift >> 1
        scores: np.ndarray = ((self.weights @ x * self.scale + half) >> self.shift) + self.bias
        return scores


class FixedTracksReference:
    """Strength, mean age, spread, position and velocity of every track, and when it was written."""

    def __init__(self, lines: Any, bits: int, rate: float, vote: Callable[[np.ndarray], np.ndarray],
                 across: int, patch: int):  # fmt: skip
        self.vote, self.across, self.patch, self.count = vote, across, patch, lines.tracks
        self.unit = round(rate / UNIT_STEPS * LONG_ONE)
        self.bias = (lines.bias.detach().double() * ONE).round().long().tolist()
        step = MemoryStep(rate=rate)
        self.scale, self.forget, self.ridge = (
            (significant(x.detach(), bits) * LONG_ONE).round().long().tolist()
            for x in (scale_of(lines.norm, lines.tracks), lines.forget(step), lines.ridge())
        )
        self.lines, self.written = [[0] * 7 for _ in range(self.count)], [0] * self.count

    def age(self, j: int, clock: int) -> int:
        """Since it was written to; what nothing was ever written to has none."""
        return min((clock - self.written[j]) * self.unit, LONGEST_AGE) if self.lines[j][0] else 0

    def follow(self, clock: int, at: np.ndarray, spikes: np.ndarray, own: np.ndarray, wants: Any,
               anew: Any) -> None:  # fmt: skip
        """The votes of a frame, and what they do to the tracks whose gates are open."""
        told, many = self.vote(spikes), [0] * self.count
        places = [[0, 0] for _ in range(self.count)]
        for token, said, events in zip(at.tolist(), told.tolist(), own.tolist(), strict=True):
            middle = (token % self.across, token // self.across)
            for j in range(self.count):
                say = max(0, min(ONE, ONE // 2 + ((said[j] + self.bias[j]) >> 2)))
                many[j] += say * events[0]
                for axis in range(2):
                    off = said[self.count + 2 * j + axis]
                    off += (2 * middle[axis] + 1 - self.across) * ONE // 2
                    places[j][axis] += say * events[0] * off
                    places[j][axis] += quotient(say * events[1 + axis] * ONE, 2 * self.patch)
        for j in range(self.count):
            weight = many[j] * self.scale[j] >> POINT
            if wants[j] >= 0 and weight > 0:
                by = many[j] * self.across
                place = [quotient(p << (LONG_POINT - POINT), by) for p in places[j]]
                self.write(clock, j, place, weight, bool(anew[j] >= 2 * ONE))

    def write(self, clock: int, j: int, place: list[int], weight: int, anew: bool) -> None:
        """`ops.tracks.fitted_tracks`, in whole numbers."""
        line, kept, age = self.lines[j], 0 if anew else 1, self.age(j, clock)
        strength = long_product(LONG_ONE - self.forget[j], kept * line[0]) + weight + LEAST_STRENGTH
        share = long_ratio(weight, strength)
        reach = min(kept * (line[1] + age), LONGEST_AGE)
        mean = long_product(LONG_ONE - share, reach)
        spread = long_product(
            LONG_ONE - share, kept * line[2] + long_product(share, long_product(reach, reach))
        )
        of_velocity = long_ratio(long_product(share, mean), spread + self.ridge[j])
        of_place = share + long_product(of_velocity, mean)
        ahead = [line[3 + axis] + long_product(line[5 + axis], age) for axis in range(2)]
        miss = [p - a for p, a in zip(place, ahead, strict=True)]
        position = [a + long_product(of_place, m) for a, m in zip(ahead, miss, strict=True)]
        velocity = [kept * line[5 + i] + long_product(of_velocity, miss[i]) for i in range(2)]
        numbers = [strength, mean, spread, *position, *velocity]
        self.lines[j], self.written[j] = [clipped(x, MOST_LONG) for x in numbers], clock

    def told(self, j: int, clock: int) -> list[int]:
        """What a network is told of a track: `nn.track_heads.told_of`."""
        strength, _, spread, *moves = self.lines[j]
        age, one = self.age(j, clock), 1 << ACTIVE_POINT
        places = [active(2 * x, LONG_POINT) for x in moves[:2]]
        speeds = [clipped(active(2 * x, LONG_POINT), 3 * one) for x in moves[2:]]
        logs = [
            active(quotient(3 * logarithm(max(x, 0) + least, LONG_POINT), 10), 16)
            for x, least in ((strength, LONG_ONE // 10), (spread, LONG_ONE // 50))
        ]
        since = active(logarithm(LONG_ONE + 3 * age, LONG_POINT), 16)
        return [*places, *speeds, *logs, since, min(active(age // 2, LONG_POINT), 4 * one)]


class FixedHeadsReference:
    """Class, position and presence of what is remembered."""

    def __init__(self, heads: Heads, bits: int):
        self.classes, self.strengths, self.by_group = heads.classes, heads.strengths, heads.by_group
        dense = {name: WholeDense(x.weight, x.bias, bits) for name, x in dense_layers(heads)}
        self.answer, self.first = dense.pop("answer"), dense.pop("hidden")
        self.chooses = (
            (dense.pop("choose"), dense.pop("chosen")) if isinstance(heads, TrackHeads) else None
        )
        self.deeper = list(dense.values())
        self.kinds, self.corrects = (
            (heads.kinds, heads.corrects) if isinstance(heads, TrackHeads) else (0, False)
        )

    def __call__(
        self, charges: list[int], clock: int, tracks: FixedTracksReference | None
    ) -> list[int]:
        x = self.features(charges)
        if self.chooses:
            assert tracks is not None
            x += [number for j in range(tracks.count) for number in tracks.told(j, clock)]
        course = None
        if self.chooses and tracks is not None:
            course = self.chosen(np.array(x), clock, tracks)
            if self.corrects:
                x += course.near
        read = np.array(x)
        y = np.array([active(gelu(v), POINT) for v in self.first(read).tolist()])
        for layer in self.deeper:
            more = [gelu(v) + (old << (POINT - ACTIVE_POINT)) for v, old in
                    zip(layer(y).tolist(), y.tolist(), strict=True)]  # fmt: skip
            y = np.array([active(v, POINT) for v in more])
        said = self.answer(y).tolist()
        scores, rest = said[: self.classes], said[self.classes :]
        if course is None:
            place, rest = [self.squashed(v) for v in rest[:2]], rest[2:]
        else:
            place = course.corrected(rest[len(Presence) :] if self.corrects else [0] * CORRECTION)
        presence = rest[: len(Presence)]
        return [*scores, *whole_shares(scores), *presence, *whole_shares(presence), *place]

    def features(self, charges: list[int]) -> list[int]:
        """Channels relative to their strength, then the strengths of groups."""
        groups = np.array_split(charges, self.strengths) if self.strengths else []
        least, strengths, found = 268 * 1000, [], []
        for group in map(np.ndarray.tolist, groups):
            power = sum(c * c for c in group) // len(group) + least
            strengths.append(active(quotient(logarithm(power, 2 * POINT), 4), 16))
            if self.by_group:
                found += relative(group, least).tolist()
        return [*(found if self.by_group else relative(charges, 268).tolist()), *strengths]

    @staticmethod
    def squashed(score: int) -> int:
        """A sigmoid, of 65536."""
        within = max(-8 * ONE, min(8 * ONE - 1, score))
        return table_at(TABLES["sigmoid"], (within + 8 * ONE) >> 2)

    def chosen(self, read: np.ndarray, clock: int, tracks: FixedTracksReference) -> "WholeCourse":
        """The mean of what tracks offer, and how it has gone on: `nn.track_heads`."""
        assert self.chooses
        first, second = self.chooses
        hidden = np.array([active(gelu(v), POINT) for v in first(read).tolist()])
        scores, count = second(hidden).tolist(), tracks.count
        moves = [line[5:] for line in tracks.lines]
        ages = [tracks.age(j, clock) for j in range(count)]
        rest = [[x + LONG_ONE // 2 for x in line[3:5]] for line in tracks.lines]
        gone = [
            [on_sensor(x + long_product(v, age)) for x, v in zip(place, speed, strict=True)]
            for place, speed, age in zip(rest, moves, ages, strict=True)
        ]
        places = rest + gone
        if self.kinds > 2:
            was = whole_mean(whole_shares(scores[self.kinds * count :]), rest)
            places = places + [whole_carried(was, x, v) for x, v in zip(rest, moves, strict=True)]
        shares = whole_shares(scores[: self.kinds * count])
        going = shares[count : 2 * count]
        way = [g - r for g, r in zip(whole_mean(going, gone), whole_mean(going, rest), strict=True)]
        since = sum(share * age >> POINT for share, age in zip(going, ages, strict=True))
        return WholeCourse(
            whole_mean(shares, places), places, since, way, whole_heading(whole_mean(going, moves))
        )
