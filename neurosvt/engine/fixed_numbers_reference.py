"""Arithmetic of the definition in whole numbers: `fixed_reference.py`."""

import math
from collections.abc import Sequence

import numpy as np

from neurosvt.engine.whole_numbers import ACTIVE_POINT, LONG_POINT, MOST_ACTIVE, POINT, tables

ONE = 1 << POINT
LONG_ONE = 1 << LONG_POINT
LEAST_STRENGTH = 1049
"""A thousandth of `LONG_ONE`."""
LONGEST_AGE = 90 << LONG_POINT
"""Age of a track at most."""
MOST_LONG = 2**31 - 1
TABLES = {name: table.tolist() for name, table in tables().items()}


def table_at(table: Sequence[int], share: int) -> int:
    """A table at a share of 65536 of its range, between its places."""
    i, part = divmod(share, 256)
    return table[i] + ((table[i + 1] - table[i]) * part >> 8)


def quotient(a: int, b: int) -> int:
    """Towards 0, as C has it."""
    return a // b if (a < 0) == (b < 0) else -(-a // b)


def clipped(x: int, most: int) -> int:
    """Within `most` of 0."""
    return max(-most, min(most, x))


def active(x: int, point: int) -> int:
    """What a dense layer reads, of a number with so many bits behind its point."""
    return clipped(x >> (point - ACTIVE_POINT), MOST_ACTIVE)


def logarithm(x: int, point: int) -> int:
    """Natural, of x / 2^point, times 65536."""
    top = x.bit_length() - 1
    share = (x << 16 >> top) & 65535
    return ((top - point) * 65536 + table_at(TABLES["log2"], share)) * 45426 >> 16


def relative(charges: Sequence[int], least: int) -> np.ndarray:
    """Charges by their strength."""
    power = sum(c * c for c in charges) // len(charges) + least
    inverse = 2**32 // math.isqrt(power)
    return np.array([clipped(c * inverse >> (32 - ACTIVE_POINT), MOST_ACTIVE) for c in charges])


def whole_shares(scores: Sequence[int]) -> list[int]:
    """How likely each of several scores makes its own, of `ONE`."""
    powers = []
    for score in scores:
        halvings = (max(scores) - score) * 94548 >> POINT
        whole, share = divmod(halvings, 65536)
        powers.append(0 if whole > 16 else table_at(TABLES["half"], share) >> whole)
    return [(power << POINT) // sum(powers) for power in powers]


def gelu(x: int) -> int:
    """Of a number in `ONE`."""
    if abs(x) >= 4 * ONE:
        return max(x, 0)
    return table_at(TABLES["gelu"], (x + 4 * ONE) >> 1)


def long_product(a: int, b: int) -> int:
    """Of numbers in `LONG_ONE`, to the nearest."""
    return (a * b + LONG_ONE // 2) >> LONG_POINT


def long_ratio(a: int, b: int) -> int:
    """Of numbers in `LONG_ONE`, towards 0."""
    return quotient(a * LONG_ONE, b)
