"""Emptiness, leaving and strangers, made from recordings."""

import numpy as np
import pytest

from neurosvt.datasets.tracks import Track
from neurosvt.presence import Presence
from neurosvt.scenes.presence_tracks import make_scenes_presence, torn, with_emptiness
from neurosvt.scenes.sampling import SceneConfig

SIZE, TOTAL = 64, 90
SILENT = SceneConfig(size=SIZE, noise_hz=0.0)
LENGTHS = {"seen": 12, "hidden": 30, "after": 6}


def cross(label=0, arm=8):
    """A cross that moves to the right and makes every event that its outline could."""
    frames = np.zeros((TOTAL, 2, SIZE, SIZE), bool)
    position = np.zeros((TOTAL, 2), np.float32)
    for step in range(TOTAL):
        x = 20 + step // 6
        frames[step, step % 2, 32, x - arm : x + arm] = True
        frames[step, step % 2, 32 - arm : 32 + arm, x] = True
        position[step] = (x + 0.5) / SIZE, 32.5 / SIZE
    return Track(frames, position, label, "cross")


def made(tier, others=(), batch=6, seed=1):
    return make_scenes_presence(tier, [cross()], others, seed, batch, config=SILENT, **LENGTHS)


def test_emptiness_holds_nothing_but_what_comes_over_it():
    kinds = set()
    for seed in range(12):
        scenes = made("empty", seed=seed)
        assert (scenes.presence == Presence.NOTHING).all()
        assert not scenes.frames[:12].any()
        assert not scenes.frames[28:58].any(), "while all is covered"
        kinds.add(bool(scenes.frames.any()))
    assert kinds == {True, False}, "shutters make events, darkness none"


def test_what_leaves_is_seen_until_it_is_out_and_then_it_is_gone():
    scenes = made("leaves")
    first = scenes.occlusions[0].first
    assert first == 12 + 16
    assert (scenes.presence[:first] == Presence.IN_VIEW).all()
    assert (scenes.presence[first:] == Presence.GONE).all()
    assert not scenes.frames[first:].any()
    assert scenes.frames[12:first].any((0, 2, 3, 4)).all()
    ways = scenes.position[first] - scenes.position[11]
    assert len({tuple(np.sign(way).astype(int)) for way in ways}) > 1, "to several sides"


def test_strangers_are_those_that_are_given_and_objects_torn():
    other = cross(None, arm=3)
    scenes = made("stranger", [other])
    assert (scenes.presence == Presence.STRANGER).all()
    seen = scenes.frames[:12].sum((0, 2, 3, 4))
    assert (seen[1::2] == other.frames[:12].sum()).all(), "every other one is of these"
    assert (seen[::2] != other.frames[:12].sum()).all()
    assert not scenes.frames[28:58].any()


def test_an_object_torn_keeps_its_path_and_loses_its_look():
    whole = cross()
    for seed in range(20):
        frames, position = torn(whole.frames, whole.position, np.random.default_rng(seed))
        assert (position == whole.position).all()
        kept = frames.sum() / whole.frames.sum()
        assert 0.4 < kept <= 1.05, "hardly anything is lost"
        shared = (frames & whole.frames).sum() / (frames | whole.frames).sum()
        assert shared < 0.6, seed
        # The same of it is moved by as much in every frame: it stays one thing that moves.
        for step in (0, 36):
            shifted = np.roll(frames[step], 1, axis=-1)
            assert (shifted == frames[step + 6]).mean() > 0.99


def test_emptiness_comes_before_and_everything_later():
    scenes = made("leaves")
    later = with_emptiness(scenes, 5, 1, SILENT)
    assert (later.presence[:5] == Presence.NOTHING).all()
    assert not later.frames[:5].any()
    assert (later.frames[5:] == scenes.frames).all()
    assert (later.position[:5] == scenes.position[0]).all()
    (before,), (after,) = scenes.occlusions, later.occlusions
    assert (after.first, after.last) == (before.first + 5, before.last + 5)
    assert (after.seen == before.seen + 5).all()
    assert with_emptiness(scenes, 0, 1, SILENT) is scenes
    noisy = with_emptiness(scenes, 5, 1, SceneConfig(size=SIZE, noise_hz=5.0))
    assert noisy.frames[:5].any()


@pytest.mark.parametrize("tier", ["empty", "leaves", "stranger"])
def test_the_same_seed_gives_the_same_bytes(tier):
    one, same, other = made(tier, seed=3), made(tier, seed=3), made(tier, seed=4)
    assert (one.frames == same.frames).all()
    assert tier == "empty" or (one.frames != other.frames).any()
