"""The definition of a choice among tracks in whole numbers: `fixed_reference.py`."""

import math
from typing import NamedTuple

from neurosvt.engine.fixed_numbers_reference import (
    LONG_ONE,
    active,
    clipped,
    long_product,
    quotient,
)
from neurosvt.engine.whole_numbers import ACTIVE_POINT, LONG_POINT, POINT


class WholeCourse(NamedTuple):
    """What has been chosen; in `LONG_ONE`."""

    position: list[int]
    places: list[list[int]]
    since: int
    way: list[int]
    heading: list[int]

    @property
    def near(self) -> list[int]:
        """How far the offers lie from their mean, for a dense layer."""
        apart = [
            x - middle
            for place in self.places
            for x, middle in zip(place, self.position, strict=True)
        ]
        return [clipped(active(16 * x, LONG_POINT), 3 << ACTIVE_POINT) for x in apart]

    def corrected(self, wrong: list[int]) -> list[int]:
        """The position, of 65536; `wrong` in `ONE`."""
        found = []
        for axis in range(2):
            still = wrong[axis] << (LONG_POINT - POINT)
            later, ahead = (
                wrong[2 + axis] * self.since >> POINT,
                wrong[5] * self.heading[axis] >> POINT,
            )
            added = (still + later + ahead >> 5) + (wrong[4] * self.way[axis] >> POINT >> 4)
            found.append(self.position[axis] + added >> (LONG_POINT - 16))
        return found


def whole_mean(shares: list[int], pairs: list[list[int]]) -> list[int]:
    """Of pairs of numbers, by how likely each is."""
    return [
        sum(s * x for s, x in zip(shares, xs, strict=True)) >> POINT
        for xs in zip(*pairs, strict=True)
    ]


def on_sensor(x: int) -> int:
    """Within the sensor's edges."""
    return max(0, min(LONG_ONE, x))


def whole_heading(velocity: list[int]) -> list[int]:
    """A unit vector along it, shorter where it is slow."""
    x, y = (clipped(v, 1 << 28) for v in velocity)
    speed = math.isqrt(x * x + y * y + (LONG_ONE // 20) ** 2)
    return [quotient(v * LONG_ONE, speed) for v in (x, y)]


def whole_carried(was: list[int], rest: list[int], velocity: list[int]) -> list[int]:
    """Where a thing that was there has been taken by what went along this way."""
    heading = whole_heading(velocity)
    way = sum(long_product(h, x - w) for h, x, w in zip(heading, rest, was, strict=True))
    return [on_sensor(w + long_product(h, way)) for w, h in zip(was, heading, strict=True)]
