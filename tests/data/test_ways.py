import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.data.cast import SceneConfig, draw_cast, draw_distractor
from neurosvt.data.ways import Way, bounce, fastest, reflect, turned, wander

CONFIG = SceneConfig()


def cast(batch=64, seed=0):
    return draw_cast(np.random.default_rng(seed), batch, CONFIG)


@given(path=st.floats(-1e4, 1e4), low=st.floats(-5, 5), room=st.floats(0.5, 50))
def test_what_is_thrown_back_stays_between_the_walls_and_is_untouched_there(path, low, room):
    place = reflect(np.array([path]), np.array([low]), np.array([low + room]))[0]
    assert low - 1e-6 <= place <= low + room + 1e-6
    if low <= path <= low + room:
        assert place == pytest.approx(path, abs=1e-6)


def test_objects_bounce_inside_and_rest_while_they_do_not_move():
    who = cast()
    moves = np.ones((400, 64), bool)
    moves[100:150] = False
    place = bounce(who, moves, CONFIG)
    low = who.radius[:, None] + 0.5
    assert (place >= low - 1e-6).all()
    assert (place <= 64 - low + 1e-6).all()
    assert (place[100:150] == place[99]).all()
    assert (np.linalg.norm(np.diff(place[150:], axis=0), axis=-1) > 0).all()


@pytest.mark.parametrize("least", [0.0, 30.0])
def test_a_straight_way_keeps_the_whole_object_inside(least):
    who = cast()
    way = Way.draw(who, np.random.default_rng(1), CONFIG, least=least)
    assert way.length.min() >= max(least, 1)
    share = np.linspace(0, 1, 9)[:, None]
    place = way.at(share * way.length)
    low = who.radius[:, None] + 0.5
    assert (place >= low - 1e-6).all()
    assert (place <= 64 - low + 1e-6).all()
    steps = np.linalg.norm(place[-1] - place[0], axis=-1)
    np.testing.assert_allclose(steps, way.length)


def test_ways_head_everywhere():
    way = Way.draw(cast(4000), np.random.default_rng(2), CONFIG)
    assert np.abs(way.heading.mean(0)).max() < 0.05


def test_distractors_wait_outside_come_in_and_leave_again():
    look = draw_distractor(np.random.default_rng(0), 64, CONFIG)
    begins = np.full(64, 10)
    place = wander(look, begins, 1500, np.random.default_rng(1), CONFIG)
    out = look.radius[:, None]
    outside = ((place < -out) | (place > 64 + out)).any(-1)
    inside = ((place > out) & (place < 64 - out)).all(-1)
    assert outside[:11].all()
    assert inside.any(0).all()
    assert (outside[200:].any(0)).mean() > 0.9


def test_a_turn_is_a_turn():
    right = np.array([[1.0, 0.0], [0.0, 2.0]])
    np.testing.assert_allclose(turned(right, np.full(2, np.pi / 2)), [[0, 1], [-2, 0]], atol=1e-12)


def test_nothing_is_faster_than_3_sides_a_second_whatever_a_frame_lasts():
    assert fastest(CONFIG) == pytest.approx(2.048)
    assert fastest(SceneConfig(frame_us=5_000)) == pytest.approx(1.024)
