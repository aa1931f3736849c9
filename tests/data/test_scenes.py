from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.data.scenes import (
    CLASSES,
    TIERS,
    TRANSITION,
    SceneConfig,
    make_scenes,
    split_seed,
)
from neurosvt.data.stage import draw_cast, perform

SILENT = SceneConfig(noise_hz=0.0)
tiers = pytest.mark.parametrize("tier", TIERS)


def same(one, other) -> bool:
    pairs = zip(asdict(one).values(), asdict(other).values(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@tiers
def test_the_same_arguments_give_the_same_bytes(tier):
    arguments = {"seen": 5, "hidden": 7, "after": 6}
    assert same(make_scenes(tier, 4, 3, **arguments), make_scenes(tier, 4, 3, **arguments))


@tiers
@pytest.mark.parametrize("other", [("test", 1, 0), ("train", 2, 0), ("train", 1, 1)], ids=str)
def test_another_split_seed_or_index_gives_other_scenes(tier, other):
    one, two = (
        make_scenes(tier, split_seed(*key), 3, seen=5, hidden=3, after=2)
        for key in (("train", 1, 0), other)
    )
    assert not np.array_equal(one.place, two.place)
    assert not np.array_equal(one.frames, two.frames)


def test_no_two_split_seeds_start_the_same_stream():
    """Seeds beyond 32 bits too, which take several words."""
    keys = [
        (split, seed, index)
        for split in ("train", "validation", "test")
        for seed in (0, 1, 5, 2**32, 5 * 2**32, 1 + 5 * 2**32, 2**64 + 1)
        for index in (0, 1, 5)
    ]
    streams = {np.random.default_rng(split_seed(*key)).bytes(16) for key in keys}
    assert len(streams) == len(keys)


@pytest.mark.parametrize(("seed", "index"), [(-1, 0), (0, -1), (0, 2**32)])
def test_a_split_seed_out_of_range_is_refused(seed, index):
    with pytest.raises(ValueError, match="seed must be"):
        split_seed("train", seed, index)


@tiers
@given(
    seed=st.integers(0, 2**32),
    seen=st.integers(1, 9),
    hidden=st.integers(1, 9),
    after=st.integers(0, 9),
    size=st.sampled_from([32, 33, 64]),
)
def test_exactly_the_hidden_frames_asked_for_are_hidden(tier, seed, seen, hidden, after, size):
    config = SceneConfig(size=size)
    scenes = make_scenes(tier, seed, 2, seen=seen, hidden=hidden, after=after, config=config)
    steps = seen + TRANSITION[tier] + hidden + after
    assert scenes.frames.shape == (steps, 2, 2, size, size)
    assert (scenes.hidden.sum(0) == hidden).all()
    assert scenes.first_hidden == seen + TRANSITION[tier]
    assert scenes.last_hidden == scenes.first_hidden + hidden - 1
    assert scenes.hidden[scenes.first_hidden : scenes.last_hidden + 1].all()
    assert scenes.place.shape == (steps, 2, 2)
    # The whole object stays on the sensor, so its centre keeps the smallest radius from the border.
    assert scenes.place.min() > 0.14
    assert scenes.place.max() < 0.86


@tiers
def test_a_hidden_object_rests_and_a_seen_one_moves(tier):
    scenes = make_scenes(tier, 0, 16, seen=10, hidden=20, after=20)
    moved = np.linalg.norm(np.diff(scenes.place, axis=0), axis=-1) * 64
    assert (moved[:9] > 0.1).all()
    assert (moved[scenes.first_hidden : scenes.last_hidden] == 0).all()
    assert (moved[-3:] > 0.1).all()
    assert moved.max() < 1.3


def test_darkness_without_noise_is_wholly_silent():
    scenes = make_scenes("blackout", 1, 8, seen=6, hidden=40, after=6, config=SILENT)
    assert not scenes.frames[scenes.first_hidden : scenes.last_hidden + 1].any()


def test_the_light_takes_and_gives_an_event_at_every_pixel():
    scenes = make_scenes("blackout", 2, 8, seen=6, hidden=4, after=2, config=SILENT)
    fall, rise = scenes.frames[6], scenes.frames[scenes.last_hidden + 1]
    assert fall[:, 0].all()
    assert not fall[:, 1].any()
    assert rise[:, 1].all()
    assert not rise[:, 0].any()


def test_a_curtain_at_rest_is_silent():
    scenes = make_scenes("curtain", 3, 8, seen=4, hidden=80, after=4, config=SILENT)
    middle = scenes.frames[scenes.first_hidden + 30 : scenes.last_hidden - 20]
    assert not middle.any()


@tiers
def test_hidden_frames_tell_nothing_of_the_class(tier):
    """Two plays that differ in the object's class alone look the same while it is hidden.

    The object never moves, for a pixel that it has passed may remember that in its reference level.
    """
    config = SceneConfig(noise_hz=0.0, speed=(0.0, 0.0))
    seen, hidden, after, n = 3, 12, 6, config.substeps
    clock = _clock(tier, seen, hidden, after, config)
    cast = draw_cast(np.random.default_rng(5), 8, config)
    script = TIERS[tier](cast, clock, np.random.default_rng(6), config)
    plays = []
    for label in (cast.label, (cast.label + 1) % len(CLASSES)):
        frames = np.zeros((clock.end // n, 8, 2, 64, 64), bool)
        perform(replace(cast, label=label), script, frames, np.random.default_rng(7), config)
        plays.append(frames)
    first = seen + TRANSITION[tier]
    assert np.array_equal(plays[0][first : first + hidden], plays[1][first : first + hidden])
    if tier == "curtain":
        assert not np.array_equal(plays[0][:first], plays[1][:first])  # its edge does show it


def _clock(tier, seen, hidden, after, config):
    """The clock that `make_scenes` sets for these lengths."""
    caught = {}

    def spy(cast, clock, rng, config):
        caught["clock"] = clock
        return act(cast, clock, rng, config)

    act = TIERS[tier]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TIERS, tier, spy)
        make_scenes(tier, 0, 1, seen=seen, hidden=hidden, after=after, config=config)
    return caught["clock"]


def test_the_curtain_covers_the_whole_circle_around_a_hidden_object():
    scenes = make_scenes("curtain", 8, 32, seen=4, hidden=9, after=9)
    nx, ny, offset, light = np.moveaxis(scenes.occluder, -1, 0)
    margin = offset - nx * scenes.place[..., 0] - ny * scenes.place[..., 1]
    assert (margin[scenes.hidden] > 0.14).all()
    assert (margin[:4] < -0.14).all()
    assert (margin[scenes.last_hidden + 6 :] < -0.14).all()
    assert (light == 1).all()


def test_the_light_level_is_on_the_record():
    scenes = make_scenes("blackout", 9, 8, seen=4, hidden=5, after=5)
    light = scenes.occluder[..., 3]
    assert (light[:4] == 1).all()
    assert (light[scenes.hidden] <= 0.05).all()
    assert (light[-3:] == 1).all()


@tiers
def test_events_of_a_seen_object_lie_around_its_true_place(tier):
    scenes = make_scenes(tier, 10, 64, seen=8, hidden=2, after=0, config=SILENT)
    for b in range(64):
        _, _, y, x = np.nonzero(scenes.frames[4:8, b : b + 1].any(2, keepdims=True)[:, 0])
        centre = (np.array([x.mean(), y.mean()]) + 0.5) / 64
        assert np.linalg.norm(centre - scenes.place[5, b]) < 0.08
        events = np.stack([x, y], -1) + 0.5
        far = np.linalg.norm(events / 64 - scenes.place[5, b], axis=-1).max()
        assert far < 0.42 / 2 + 0.06


def test_nearly_every_seen_frame_shows_the_object():
    frames = make_scenes("blackout", 11, 64, seen=12, hidden=1, after=0, config=SILENT).frames
    assert (frames[2:12].sum((2, 3, 4)) > 5).mean() > 0.98


def test_noise_in_the_dark_has_the_rate_asked_for():
    """Expected 8 * 4096 pixels * 1 s * 0.5 Hz = 16,384 events, standard deviation 128."""
    config = SceneConfig(noise_hz=0.5)
    scenes = make_scenes("blackout", 12, 8, seen=1, hidden=100, after=0, config=config)
    assert abs(scenes.frames[scenes.first_hidden :].sum() - 16_384) < 5 * 128


def test_a_seed_shows_the_same_objects_whatever_hides_them_and_however_long():
    one = make_scenes("blackout", 13, 4, seen=6, hidden=3, after=2)
    two = make_scenes("curtain", 13, 4, seen=6, hidden=9, after=2)
    assert np.array_equal(one.label, two.label)
    assert np.array_equal(one.place[:6], two.place[:6])


def test_a_longer_rest_of_the_pixels_thins_the_events():
    arguments = {"seed": 14, "batch": 8, "seen": 12, "hidden": 1, "after": 0}
    tired, fresh = (
        make_scenes("blackout", **arguments, config=replace(SILENT, refractory_us=us)).frames[:12]
        for us in (60_000, 1_000)
    )
    assert 0 < tired.sum() < 0.7 * fresh.sum()


def test_all_classes_turn_up_equally_often():
    labels = np.concatenate(
        [
            make_scenes(
                "blackout", i, 256, seen=1, hidden=1, after=0, config=SceneConfig(size=32)
            ).label
            for i in range(4)
        ]
    )
    assert labels.dtype == np.int64
    assert np.bincount(labels, minlength=len(CLASSES)).min() > 90  # of 128; 4 deviations are 42


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 31}, "size must be at least 32"),
        ({"frame_us": 0}, "frame_us must be above 0"),
        ({"substeps": 0}, "substeps must be above 0"),
        ({"contrast_threshold": 0.0}, "contrast_threshold must be above 0"),
        ({"noise_hz": -1.0}, "noise_hz must not be below 0"),
        ({"refractory_us": -1}, "refractory_us must not be below 0"),
        ({"object_px": (0.5, 0.4)}, "object_px must rise"),
        ({"speed": (2.0, 1.0)}, "speed must rise"),
    ],
    ids=str,
)
def test_a_config_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        SceneConfig(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tier": "fog"}, "tier 'fog' is unknown; choose from"),
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"seen": 0}, "seen must be at least 1"),
        ({"hidden": 0}, "hidden must be at least 1"),
        ({"after": -1}, "after must not be below 0"),
    ],
    ids=str,
)
def test_scenes_that_cannot_be_are_refused(change, message):
    arguments = {"tier": "blackout", "seed": 0, "batch": 1, "seen": 1, "hidden": 1, "after": 0}
    with pytest.raises(ValueError, match=message):
        make_scenes(**arguments | change)
