import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.scenes.sampling import SceneConfig, sample_distractor, sample_objects
from neurosvt.scenes.trajectories import Trajectory, bounce, fastest, reflect, turned, wander

CONFIG = SceneConfig()


def objects(batch=64, seed=0):
    return sample_objects(np.random.default_rng(seed), batch, CONFIG)


@given(path=st.floats(-1e4, 1e4), low=st.floats(-5, 5), room=st.floats(0.5, 50))
def test_what_is_thrown_back_stays_between_the_walls_and_is_untouched_there(path, low, room):
    position = reflect(np.array([path]), np.array([low]), np.array([low + room]))[0]
    assert low - 1e-6 <= position <= low + room + 1e-6
    if low <= path <= low + room:
        assert position == pytest.approx(path, abs=1e-6)


def test_objects_bounce_inside_and_rest_while_they_do_not_move():
    who = objects()
    moves = np.ones((400, 64), bool)
    moves[100:150] = False
    position = bounce(who, moves, CONFIG)
    low = who.radius[:, None] + 0.5
    assert (position >= low - 1e-6).all()
    assert (position <= 64 - low + 1e-6).all()
    assert (position[100:150] == position[99]).all()
    assert (np.linalg.norm(np.diff(position[150:], axis=0), axis=-1) > 0).all()


@pytest.mark.parametrize("least", [0.0, 30.0])
def test_a_straight_way_keeps_the_whole_object_inside(least):
    who = objects()
    trajectory = Trajectory.draw(who, np.random.default_rng(1), CONFIG, least=least)
    assert trajectory.length.min() >= max(least, 1)
    share = np.linspace(0, 1, 9)[:, None]
    position = trajectory.at(share * trajectory.length)
    low = who.radius[:, None] + 0.5
    assert (position >= low - 1e-6).all()
    assert (position <= 64 - low + 1e-6).all()
    steps = np.linalg.norm(position[-1] - position[0], axis=-1)
    np.testing.assert_allclose(steps, trajectory.length)


def test_ways_head_everywhere():
    trajectory = Trajectory.draw(objects(4000), np.random.default_rng(2), CONFIG)
    assert np.abs(trajectory.heading.mean(0)).max() < 0.05


def test_distractors_wait_outside_come_in_and_leave_again():
    appearance = sample_distractor(np.random.default_rng(0), 64, CONFIG)
    begins = np.full(64, 10)
    position = wander(appearance, begins, 1500, np.random.default_rng(1), CONFIG)
    out = appearance.radius[:, None]
    outside = ((position < -out) | (position > 64 + out)).any(-1)
    inside = ((position > out) & (position < 64 - out)).all(-1)
    assert outside[:11].all()
    assert inside.any(0).all()
    assert (outside[200:].any(0)).mean() > 0.9


def test_a_turn_is_a_turn():
    right = np.array([[1.0, 0.0], [0.0, 2.0]])
    np.testing.assert_allclose(turned(right, np.full(2, np.pi / 2)), [[0, 1], [-2, 0]], atol=1e-12)


def test_nothing_is_faster_than_3_sides_a_second_whatever_a_frame_lasts():
    assert fastest(CONFIG) == pytest.approx(2.048)
    assert fastest(SceneConfig(frame_us=5_000)) == pytest.approx(1.024)
