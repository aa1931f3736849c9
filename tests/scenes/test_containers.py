"""What carries an object off: it is where its container is, and not where it was last seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.scenes.containers import HASTE, LEAST_CONTRAST
from neurosvt.scenes.sampling import SceneConfig
from neurosvt.scenes.scenes import make_scenes
from neurosvt.scenes.trajectories import fastest
from tests.scenes.staged import staged

CARRYING = ("carried", "contained")
carrying = pytest.mark.parametrize("tier", CARRYING)


def ways(scenes):
    """How far from where each was last seen it is at the end, and from where it was hidden."""
    (o,) = scenes.occlusions
    end, every = scenes.position[o.last], np.arange(scenes.label.shape[1])
    since = [scenes.position[o.seen, every], scenes.position[o.first - 1]]
    return [np.linalg.norm(end - begin, axis=-1) for begin in since]


@carrying
@pytest.mark.parametrize("frame_us", [5_000, 10_000, 20_000])
@pytest.mark.parametrize("hidden", [30, 60])
def test_where_it_was_last_seen_is_wrong(tier, hidden, frame_us):
    config = SceneConfig(frame_us=frame_us, noise_hz=0.0)
    settings = {"seen": config.frames(24), "hidden": config.frames(hidden), "after": 0}
    since_seen, since_hidden = ways(make_scenes(tier, 1, 60, **settings, config=config))
    assert since_hidden.min() > 0.2
    assert np.median(since_hidden) > 0.3
    assert (since_seen > 1 / 8).mean() > 0.95


@carrying
@given(
    seed=st.integers(0, 2**32),
    hidden=st.integers(1, 40),
    size=st.sampled_from([32, 33, 64]),
    frame_us=st.sampled_from([5_000, 10_000, 20_000]),
)
def test_a_container_moves_no_faster_than_anything_and_stays_with_its_object_inside(
    tier, seed, hidden, size, frame_us
):
    config = SceneConfig(size=size, frame_us=frame_us)
    scene = staged(tier, 4, hidden=hidden, seed=seed, config=config)
    position, clock = scene.timeline.position, scene.clock
    low = scene.objects.radius[:, None] + 0.5
    assert (position >= low - 1e-6).all()
    assert (position <= size - low + 1e-6).all()
    steps = np.linalg.norm(np.diff(position, axis=0), axis=-1)
    most = fastest(config) / config.substeps
    assert steps.max() <= most * (1 + 1e-6)
    rests = np.concatenate([position[clock.hidden], position[clock.back]])
    assert np.isfinite(rests).all()
    if tier == "contained":
        ((cup, path),) = scene.timeline.distractors
        inside = slice(clock.hidden, clock.back + 1)
        assert np.abs(path - position)[inside].max() < 1e-9
        outside = np.maximum(np.abs(path - size / 2) - size / 2, 0).max(-1)
        assert (outside[0] >= cup.radius).all()


@carrying
def test_it_is_carried_smoothly_between_two_rests_however_long_it_is_hidden(tier):
    config = SceneConfig()
    for hidden in (60, 1000):
        scenes = make_scenes(tier, 2, 12, seen=12, hidden=hidden, after=0)
        (o,) = scenes.occlusions
        within = scenes.position[o.first - 1 : o.last + 1] * config.size
        steps = np.linalg.norm(np.diff(within, axis=0), axis=-1)
        moves = steps > 1e-4
        assert not moves[:3].any()
        assert not moves[-3:].any()
        assert (np.abs(np.diff(moves.astype(int), axis=0)).sum(0) == 2).all()  # once on, once off
        assert (moves.sum(0) <= 0.5 + 64 * 1.5 / (config.speed[0] * 0.64)).all()
        assert (steps.max(0) < 1.1 * HASTE * steps.sum(0) / moves.sum(0)).all()


def test_jaws_that_carry_stand_out_and_close_across_their_way():
    scene = staged("carried", 64, hidden=40)
    assert scene.timeline.curtain is not None
    assert (np.abs(scene.timeline.curtain[:, 0]) >= LEAST_CONTRAST).all()
    assert (np.sign(scene.timeline.curtain[:, 0]) == np.sign(scene.objects.curtain[:, 0])).all()
    clock, position = scene.clock, scene.timeline.position
    way = position[clock.back] - position[clock.hidden]
    across = np.abs(way * scene.timeline.normal).sum(-1)
    along = (way * scene.timeline.normal).sum(-1)
    np.testing.assert_allclose(along, np.linalg.norm(way, axis=-1))
    assert across.min() > 0
    # Closed jaws go with the object: its place along them is their middle, and always covered.
    centre = (position * scene.timeline.normal).sum(-1)[..., None]
    ends = scene.timeline.bands[clock.hidden : clock.back + 1].reshape(
        clock.back - clock.hidden + 1, 64, 4
    )
    away = ends - centre[clock.hidden : clock.back + 1]
    np.testing.assert_allclose(away, np.broadcast_to(away[:1], away.shape), atol=1e-9)
    assert (away[..., 0] < -scene.objects.radius).all()
    assert (away[..., 3] > scene.objects.radius).all()
    assert (away[..., 1] > away[..., 2]).all()


def test_a_cup_comes_from_outside_and_leaves_alone():
    scene = staged("contained", 64, seen=10, hidden=40, after=60)
    ((cup, path),) = scene.timeline.distractors
    position, clock = scene.timeline.position, scene.clock
    apart = np.linalg.norm(path - position, axis=-1)
    body = apart[clock.hidden]
    assert (body < 1e-9).all()
    assert (apart[clock.back + 1] > 0).all()
    assert (apart[-1] > scene.objects.radius + cup.radius).all()
    moved = np.linalg.norm(np.diff(position[-6:], axis=0), axis=-1)
    assert (moved > 0).all()  # set free, it goes on
    returns = scene.timeline.returns
    assert returns is not None
    late = np.ceil(returns).astype(int)
    free = apart[late, np.arange(64)]
    assert (free >= 2 * scene.objects.radius).all()
    assert (returns <= clock.back + 8 * clock.substeps).all()


@carrying
@pytest.mark.parametrize("frame_us", [5_000, 20_000])
def test_a_way_takes_as_long_in_frames_of_another_length(tier, frame_us):
    lasts = []
    for config in (SceneConfig(), SceneConfig(frame_us=frame_us)):
        settings = {"seen": config.frames(12), "hidden": config.frames(100), "after": 0}
        scenes = make_scenes(tier, 3, 24, **settings, config=config)
        (o,) = scenes.occlusions
        moves = (np.diff(scenes.position[o.first - 1 : o.last + 1], axis=0) != 0).any(-1)
        lasts.append(moves.sum(0).mean() * config.frame_us)
    assert lasts[1] == pytest.approx(lasts[0], rel=0.15)
