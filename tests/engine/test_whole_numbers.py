"""Pieces of the engine's whole numbers, against the functions they stand for."""

import math

import numpy as np
import pytest

from neurosvt.engine.fixed_choice_reference import whole_carried, whole_heading
from neurosvt.engine.fixed_layout import FixedModel
from neurosvt.engine.fixed_numbers_reference import LONG_ONE, whole_shares
from neurosvt.engine.fixed_state import state_parts
from neurosvt.engine.whole_numbers import POINT, tables


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("half", lambda x: 65536 * 2**-x),
        ("log2", lambda x: 65536 * math.log2(1 + x)),
        ("gelu", lambda x: 2**POINT * (8 * x - 4) * (1 + math.erf((8 * x - 4) / 2**0.5)) / 2),
        ("sigmoid", lambda x: 65536 / (1 + math.exp(8 - 16 * x))),
    ],
)
def test_a_table_is_its_function_to_half_a_unit(name, of):
    wanted = [of(place / 256) for place in range(257)]
    np.testing.assert_allclose(tables()[name], wanted, rtol=0, atol=0.51)


def test_shares_are_those_of_a_softmax():
    scores = [3.0, 1.5, -2.0]
    wanted = np.exp(scores) / np.exp(scores).sum()
    found = np.array(whole_shares([round(x * 2**POINT) for x in scores])) / 2**POINT
    np.testing.assert_allclose(found, wanted, atol=2e-3)


# Beyond 2^28 an axis counts as 2^28: so squares stay within 64 bits.
@pytest.mark.parametrize(
    ("velocity", "direction"),
    [
        ((2**26, 2**26), (1, 1)),
        ((2**28, 2**27), (2, 1)),
        ((2**29, 2**27), (2, 1)),
        ((2**29, -(2**30)), (1, -1)),
    ],
)
def test_a_heading_is_of_length_one_whatever_the_speed(velocity, direction):
    way = np.array(direction) / np.hypot(*direction)
    found = np.array(whole_heading([*velocity])) / LONG_ONE
    np.testing.assert_allclose(found, way, atol=0.02)


def test_what_is_carried_stays_on_the_line_that_its_carrier_moved_along():
    was, rest = (round(0.25 * LONG_ONE),) * 2, (round(0.75 * LONG_ONE), round(0.5 * LONG_ONE))
    x, y = whole_carried([*was], [*rest], [2**27, 0])
    assert x / LONG_ONE == pytest.approx(0.75, abs=0.01)
    assert y == was[1]


def test_the_state_has_room_for_all_that_the_heads_say():
    c = FixedModel()
    c.patches, c.side, c.memory.tracks.count, c.head.kinds = 4, 2, 8, 9
    c.heads = 1  # by which the width is divided
    c.memory.tracks.vote.outputs = 16
    assert state_parts(c, "int16")["told"][1] >= (4 * 9 + 1) * 8
    c.memory.tracks.vote.outputs = 1000
    assert state_parts(c, "int16")["told"][1] >= 1000
