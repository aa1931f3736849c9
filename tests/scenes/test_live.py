from itertools import pairwise

import numpy as np
import pytest

from neurosvt.scenes import SceneConfig
from neurosvt.scenes.live import DARK, LiveScene
from neurosvt.scenes.simulate import simulate
from neurosvt.scenes.timeline import Timeline
from neurosvt.scenes.trajectories import bounce

QUIET = SceneConfig(noise_hz=0.0)


def test_frame_by_frame_it_is_what_the_simulator_makes_of_the_whole():
    """Curtain and motion included: the definition is `simulate`, on a timeline that knows all."""
    scene, count, n = LiveScene(4, 7, QUIET), 40, QUIET.substeps
    bands = [None if t < 10 else (-1.0, 0.02 * t) for t in range(count)]
    seen = [scene.step(band) for band in bands]
    ends = np.array([(-2.0, -1.0)] + [band or (-2.0, -1.0) for band in bands])
    share = np.linspace(0, 1, n + 1)[1:, None]
    steps = [ends[:1]] + [a + share * (b - a) for a, b in pairwise(ends)]
    band = np.concatenate(steps)[:, None, None] * QUIET.side
    total = count * n + 1
    timeline = Timeline(
        bounce(scene.objects, np.ones((total, 1), bool), QUIET), np.ones((total, 1)),
        np.array([[1.0, 0.0]]), band,
    )  # fmt: skip
    frames = np.zeros((count, 1, 2, 64, 64), bool)
    _, sensing, _ = np.random.default_rng(7).spawn(3)
    simulate(scene.objects, timeline, frames, sensing, QUIET)
    np.testing.assert_array_equal(np.stack([s.frame for s in seen]), frames[:, 0])


def test_what_a_curtain_covers_is_hidden_and_makes_no_events():
    scene = LiveScene(0, 1, QUIET)
    for x in np.linspace(-0.5, 1.5, 60):
        last = scene.step((-1.0, float(x)))
    assert last.hidden
    assert not any(scene.step((-1.0, 1.5)).frame.any() for _ in range(20)), "it moves on unseen"
    assert not scene.step(None).hidden


def test_in_the_dark_nothing_moves_and_nothing_is_seen():
    scene = LiveScene(3, 2, QUIET)
    for _ in range(10):
        scene.step()
    for _ in range(12):
        dark = scene.step(lit=False)
    assert dark.hidden
    assert dark.light == pytest.approx(DARK, abs=1e-3)
    resting = [scene.step(lit=False) for _ in range(20)]
    assert not any(one.frame.any() for one in resting)
    assert {one.position for one in resting} == {dark.position}
    lit = [scene.step() for _ in range(12)]
    assert lit[0].frame.any()
    assert not lit[-1].hidden
    assert lit[-1].position != dark.position


def test_it_never_leaves_and_rests_when_told():
    scene = LiveScene(6, 5, QUIET)
    places = np.array([scene.step().position for _ in range(2000)])
    assert (np.abs(places - 0.5) < 0.5).all()
    assert np.ptp(places, axis=0).min() > 0.1
    at = scene.step(moves=False).position
    assert scene.step(moves=False).position == at


@pytest.mark.parametrize(
    ("label", "config", "line"),
    [(8, QUIET, "label must be below 8"), (0, SceneConfig(size=(64, 48)), "a square sensor")],
)
def test_what_cannot_be_is_said(label, config, line):
    with pytest.raises(ValueError, match=line):
        LiveScene(label, 0, config)


@pytest.mark.parametrize("label", range(8))
def test_hidden_is_what_nobody_sees_and_not_its_circle(label):
    """A star or a bar is out of sight before the circle around it is."""
    scene, said = LiveScene(label, seed=label), {}
    for edge in np.linspace(-0.2, 1.2, 60):
        glimpse = scene.step((-1.0, float(edge)), moves=False)
        said[edge] = (glimpse.hidden, scene.seen())
    seen = [share for _, share in said.values()]
    assert seen[0] == pytest.approx(1)
    assert seen[-1] == 0
    assert all(now <= before + 1e-6 for before, now in pairwise(seen))
    assert all(hidden == (share < 0.05) for hidden, share in said.values())


def test_a_curtain_that_is_near_is_told():
    scene = LiveScene(0, seed=1)
    x = scene.position[0]
    reach = float(scene.objects.radius[0] + 2.5) / 64
    assert scene.reaches((x - 0.01, x + 0.01))
    assert scene.reaches((x + reach - 0.01, 2.0))
    assert not scene.reaches((x + reach + 0.01, 2.0))
    assert not scene.reaches((-2.0, x - reach - 0.01))
    assert not scene.reaches(None)
