"""Scenes on sensors that are no squares, and on cameras that a model sees in blocks."""

import numpy as np
import pytest

from neurosvt.events.recording import Fitting, pack_events
from neurosvt.presence import Presence
from neurosvt.scenes.sampling import SceneConfig
from neurosvt.scenes.scenes import make_scenes
from neurosvt.scenes.tiers import TIERS

WIDE = SceneConfig(size=(80, 48), noise_hz=0.0)


def scenes_of(tier, config, batch=6):
    return make_scenes(tier, 3, batch, seen=12, hidden=10, after=6, config=config)


def middles(scenes, frames):
    """Where events are in the median, in [0, 1], and the truth, where there are enough of them."""
    height, width = scenes.frames.shape[-2:]
    told = []
    for t in frames:
        for b in range(scenes.frames.shape[1]):
            _, y, x = scenes.frames[t, b].nonzero()
            if len(x) >= 20:
                middle = (np.median(x) + 0.5) / width, (np.median(y) + 0.5) / height
                told.append((middle, scenes.position[t, b]))
    return np.array(told).transpose(1, 0, 2)


@pytest.mark.parametrize("size", [(80, 48), (48, 80)])
@pytest.mark.parametrize("tier", ["blackout", "tunnel", "curtain_moving"])
def test_events_are_where_the_object_is(tier, size):
    scenes = scenes_of(tier, SceneConfig(size=size, noise_hz=0.0))
    assert scenes.frames.shape[2:] == (2, size[1], size[0])
    assert scenes.extent == (size[0] / 48, size[1] / 48)
    middle, truth = middles(scenes, range(2, int(scenes.occlusions[0].seen.min())))
    off = np.linalg.norm((middle - truth) * scenes.extent, axis=-1)
    assert len(off) > 20
    assert np.median(off) < 0.06
    assert off.max() < 0.25


@pytest.mark.parametrize("tier", sorted(TIERS))
def test_every_tier_has_a_wide_sensor(tier):
    scenes = scenes_of(tier, WIDE)
    there = np.isin(scenes.presence, (Presence.IN_VIEW, Presence.HIDDEN))
    if tier != "leaves":  # whose middle is beyond the edge before its end is
        assert ((scenes.position >= 0) & (scenes.position <= 1))[there].all()
    assert scenes.frames.any() or tier == "empty"
    if tier not in ("empty", "stranger", "leaves"):
        # The longer side is used: objects come closer to its ends than those of a square would.
        assert np.ptp(scenes.position[..., 0] * 80) > 32


def test_objects_leave_across_any_edge():
    scenes = make_scenes("leaves", 5, 40, seen=12, hidden=10, after=4, config=WIDE)
    gone = scenes.position[scenes.occlusions[0].first]
    beyond = (gone < 0) | (gone > 1)
    assert beyond.any(1).all()
    assert beyond.any(0).all()
    assert not scenes.frames[scenes.occlusions[0].first : scenes.occlusions[0].last].any()


def test_what_covers_is_told_in_shares_of_each_side():
    """A point is covered where the bands of `Scenes.occluder` say so: no events come from there."""
    scenes = make_scenes("curtain", 2, 8, seen=8, hidden=20, after=0, config=WIDE)
    y, x = (np.mgrid[:48, :80] + 0.5) / np.array([48, 80])[:, None, None]
    last = scenes.occlusions[0].last
    for b in range(8):
        nx, ny, _, low, high, *_ = scenes.occluder[last, b]
        along = nx * x + ny * y
        at = scenes.position[last, b]
        assert low <= nx * at[0] + ny * at[1] < high
        assert ((along >= low) & (along < high)).any()


def test_a_camera_is_seen_in_blocks():
    seen = SceneConfig(size=(176, 132), shown=(48, 40), noise_hz=0.0)
    fitting = seen.fitting
    assert (fitting.factor, fitting.margin, fitting.least) == (4, (2, 3), 2)
    scenes = scenes_of("blackout", seen)
    assert scenes.frames.shape[2:] == (2, 40, 48)
    assert not scenes.frames[..., :3, :].any()
    assert not scenes.frames[..., 36:, :].any()
    middle, truth = middles(scenes, range(2, 10))
    off = np.linalg.norm((middle - truth) * scenes.extent, axis=-1)
    assert np.median(off) < 0.06
    # The unit is the camera's shorter side, however many blocks of it are empty.
    assert scenes.extent == (48 * 4 / 132, 40 * 4 / 132)


def test_frames_and_events_are_fitted_alike():
    rng = np.random.default_rng(0)
    fitting = Fitting(176, 132, (48, 40))
    frames = rng.random((5, 2, 132, 176)) < 0.15
    step, p, y, x = frames.nonzero()
    events = fitting.fit(pack_events(step, x, y, p))
    shown = np.zeros((5, 2, 40, 48), bool)
    kept = fitting.crowded(events, step)
    shown[kept["t"], kept["p"].astype(int), kept["y"], kept["x"]] = True
    assert np.array_equal(fitting.frames(frames), shown)
    one = fitting.crowded(events[step == 2])
    assert np.array_equal(one, kept[kept["t"] == 2])
    assert 0 < len(kept) < len(events)


def test_noise_does_not_fill_the_blocks_of_a_large_camera():
    """5 Hz a pixel, frames of 10 ms, blocks of 144 pixels: each has 3.6 events of a polarity."""
    rng = np.random.default_rng(1)
    fitting = Fitting(1280, 720, (112, 64))
    noise = rng.random((2, 2, 720, 1280)) < 0.025
    assert fitting.factor == 12
    assert fitting.frames(noise).mean() < 0.2
    edge = np.zeros((1, 2, 720, 1280), bool)
    edge[0, 1, :, 600:602] = True
    assert fitting.frames(edge)[0, 1, :, 52].sum() == 60
