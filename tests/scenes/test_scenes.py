from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.scenes.hiding import blackout
from neurosvt.scenes.sampling import sample_objects
from neurosvt.scenes.scenes import (
    RECOVERY,
    SHAPE_CLASSES,
    TIERS,
    SceneConfig,
    make_scenes,
    split_seed,
)
from neurosvt.scenes.simulate import simulate
from neurosvt.scenes.tiers import Tier
from neurosvt.scenes.timeline import Clock

SILENT = SceneConfig(noise_hz=0.0)
RESTING = ("blackout", "curtain", "gripper", "distractor")
MOVING = ("curtain_moving", "tunnel")
HIDING = [name for name, tier in TIERS.items() if tier.judged == "belief"]
CARRYING = ("carried", "contained")
tiers = pytest.mark.parametrize("tier", TIERS)
hiding = pytest.mark.parametrize("tier", HIDING)


def same(one, other) -> bool:
    arrays = ("frames", "label", "position", "presence", "occluder")
    occlusions = [[asdict(o) for o in scenes.occlusions] for scenes in (one, other)]
    return all(np.array_equal(getattr(one, n), getattr(other, n)) for n in arrays) and all(
        np.array_equal(a[n], b[n]) for a, b in zip(*occlusions, strict=True) for n in a
    )


@tiers
def test_the_same_arguments_give_the_same_bytes(tier):
    arguments = {"seen": 5, "hidden": 7, "after": 6}
    assert same(make_scenes(tier, 4, 3, **arguments), make_scenes(tier, 4, 3, **arguments))


def test_a_tier_without_a_name_makes_the_scenes_of_its_twin_that_has_one():
    settings = {"seen": 5, "hidden": 7, "after": 6}
    nameless = make_scenes(Tier(blackout, frames_to_hide=2), 4, 3, **settings)
    assert same(nameless, make_scenes("blackout", 4, 3, **settings))


@tiers
@pytest.mark.parametrize("other", [("test", 1, 0), ("train", 2, 0), ("train", 1, 1)], ids=str)
def test_another_split_seed_or_index_gives_other_scenes(tier, other):
    one, two = (
        make_scenes(tier, split_seed(*key), 3, seen=5, hidden=3, after=2)
        for key in (("train", 1, 0), other)
    )
    assert tier == "empty" or not np.array_equal(one.position, two.position)
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


@hiding
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
    first = seen + TIERS[tier].transition(seen, hidden)
    steps = first + hidden + after
    assert scenes.frames.shape == (steps, 2, 2, size, size)
    (occlusion,) = scenes.occlusions
    assert (occlusion.first, occlusion.last) == (first, first + hidden - 1)
    assert np.array_equal(np.flatnonzero(scenes.hidden.all(1)), np.arange(first, first + hidden))
    assert (scenes.hidden.sum(0) == hidden).all()
    assert (occlusion.seen < first).all()
    assert (occlusion.recovered >= first + hidden - 1 + RECOVERY).all()
    assert scenes.label.shape == (steps, 2)
    assert (scenes.label == scenes.label[0]).all()
    assert scenes.position.shape == (steps, 2, 2)
    # The whole object stays on the sensor, so its centre keeps the smallest radius from the border.
    least = TIERS[tier].scale * 0.16
    assert scenes.position.min() > least
    assert scenes.position.max() < 1 - least


@pytest.mark.parametrize("tier", RESTING)
def test_a_hidden_object_rests_and_a_seen_one_moves(tier):
    scenes = make_scenes(tier, 0, 16, seen=10, hidden=20, after=20)
    moved = np.linalg.norm(np.diff(scenes.position, axis=0), axis=-1) * 64
    (occlusion,) = scenes.occlusions
    assert (moved[:9] > 0.1).all()
    assert (moved[occlusion.first : occlusion.last] == 0).all()
    assert (moved[-3:] > 0.1).all()
    assert moved.max() < 1.3


@pytest.mark.parametrize("tier", MOVING)
@pytest.mark.parametrize("hidden", [30, 60])
def test_an_object_goes_straight_on_while_it_is_hidden(tier, hidden):
    """By more than a right answer may be off, or its last position would do."""
    scenes = make_scenes(tier, 1, 64, seen=24, hidden=hidden, after=0)
    (occlusion,) = scenes.occlusions
    unseen = scenes.position[occlusion.seen.max() : occlusion.last + 1]
    steps = np.diff(unseen, axis=0) * 64
    assert np.abs(np.diff(steps, axis=0)).max() < 1e-3
    gone = np.linalg.norm(
        scenes.position[occlusion.last] - scenes.position[occlusion.first], axis=-1
    )
    assert np.median(gone) > 1 / 8
    if tier == "tunnel":
        last_seen = scenes.position[occlusion.seen, np.arange(64)]
        gone = np.linalg.norm(scenes.position[occlusion.last] - last_seen, axis=-1)
        assert gone.min() > 2 / 8


def test_what_would_have_to_crawl_is_refused():
    with pytest.raises(ValueError, match="hidden must be at most 120 here, got 121"):
        make_scenes("tunnel", 0, 1, seen=4, hidden=121, after=0)


def test_darkness_without_noise_is_wholly_silent():
    scenes = make_scenes("blackout", 1, 8, seen=6, hidden=40, after=6, config=SILENT)
    assert not scenes.frames[scenes.hidden[:, 0]].any()


def test_the_light_takes_and_gives_an_event_at_every_pixel():
    scenes = make_scenes("blackout", 2, 8, seen=6, hidden=4, after=2, config=SILENT)
    fall, rise = scenes.frames[6], scenes.frames[scenes.occlusions[0].last + 1]
    assert fall[:, 0].all()
    assert not fall[:, 1].any()
    assert rise[:, 1].all()
    assert not rise[:, 0].any()


def test_a_curtain_at_rest_is_silent():
    scenes = make_scenes("curtain", 3, 8, seen=4, hidden=80, after=4, config=SILENT)
    middle = scenes.frames[scenes.occlusions[0].first + 30 : scenes.occlusions[0].last - 20]
    assert not middle.any()


def test_a_tunnel_is_silent_while_something_passes_through():
    scenes = make_scenes("tunnel", 3, 32, seen=4, hidden=40, after=4, config=SILENT)
    assert not scenes.frames[scenes.hidden[:, 0]].any()


@hiding
def test_hidden_frames_tell_nothing_of_the_class(tier):
    """Two scenes that differ in the object's class alone look the same while it is hidden.

    An object that rests does so all the time: a pixel that it has passed may remember that in its
    reference level. One that moves is looked for where it has not passed in view.
    """
    config = SceneConfig(noise_hz=0.0, speed=(0.0, 0.0))
    seen, hidden, after, n = 3, 12, 6, config.substeps
    first = seen + TIERS[tier].transition(seen, hidden)
    phases = [n * begin for begin in (seen, first, first + hidden, first + hidden + after)]
    clock = Clock(*phases, n, config.frame_us / n / 1000)
    objects = sample_objects(np.random.default_rng(5), 8, config)
    timeline = TIERS[tier].timeline(objects, clock, np.random.default_rng(6), config)
    made = []
    for label in (objects.label, (objects.label + 1) % len(SHAPE_CLASSES)):
        frames = np.zeros((clock.end // n, 8, 2, 64, 64), bool)
        simulate(replace(objects, label=label), timeline, frames, np.random.default_rng(7), config)
        made.append(frames)
    one, two = (frames[first : first + hidden] for frames in made)
    if tier in ("curtain_moving", *CARRYING):
        # A pixel that has seen the object may remember it in its reference level, and tells when
        # the hiding place has moved on: of an edge, or of all that a container has left.
        assert (one != two).mean() < (1e-2 if tier in CARRYING else 1e-4)
    else:
        assert np.array_equal(one, two)
    if tier != "blackout":
        assert not np.array_equal(made[0][:first], made[1][:first])  # an edge does show it


@pytest.mark.parametrize("tier", [tier for tier in TIERS if tier != "empty"])
def test_without_its_object_a_scene_is_the_same_whatever_the_class(tier):
    """To the event, and truth and occluder are those of the scene with its object."""
    seeds = {"seen": 6, "hidden": 12, "after": 6}
    seen, blind = (
        make_scenes(tier, 6, 8, **seeds, config=SceneConfig(blind=hides)) for hides in (False, True)
    )
    for name in ("label", "position", "presence", "occluder"):
        assert np.array_equal(getattr(seen, name), getattr(blind, name))
    assert not np.array_equal(seen.frames, blind.frames)
    config = SceneConfig(blind=True)
    objects = sample_objects(np.random.default_rng(5), 8, config)
    first = 6 + TIERS[tier].transition(6, 12)
    clock = Clock(*(2 * begin for begin in (6, first, first + 12, first + 18)), 2, 5.0)
    timeline = TIERS[tier].timeline(objects, clock, np.random.default_rng(6), config)
    made = []
    for label in (objects.label, (objects.label + 3) % len(SHAPE_CLASSES)):
        frames = np.zeros((clock.end // 2, 8, 2, 64, 64), bool)
        simulate(replace(objects, label=label), timeline, frames, np.random.default_rng(7), config)
        made.append(frames)
    assert np.array_equal(*made)


def test_nothing_about_a_scene_but_its_object_goes_with_the_class():
    """So that whoever is shown the occluder alone does no better than the best constant class."""
    batch = 40_000
    objects = sample_objects(np.random.default_rng(0), batch, SceneConfig())
    facts = [
        objects.radius,
        objects.angle,
        objects.brightness,
        *objects.start.T,
        *objects.velocity.T,
    ]
    facts += [*objects.grating.T, *objects.curtain.T, *objects.background.reshape(batch, -1).T]
    for fact in facts:
        spread = fact.std() / (batch / len(SHAPE_CLASSES)) ** 0.5
        means = [fact[objects.label == label].mean() for label in range(len(SHAPE_CLASSES))]
        assert np.abs(np.array(means) - fact.mean()).max() < 5 * spread


@pytest.mark.parametrize("tier", [tier for tier in HIDING if tier not in ("blackout", "contained")])
def test_bands_cover_the_whole_circle_around_a_hidden_object(tier):
    scenes = make_scenes(tier, 8, 32, seen=4, hidden=9, after=9)
    nx, ny, light, *ends = np.moveaxis(scenes.occluder.astype(float), -1, 0)
    along = nx * scenes.position[..., 0] + ny * scenes.position[..., 1]
    least = TIERS[tier].scale * 0.16
    low, high = (np.stack(ends[i::2]) for i in (0, 1))
    # Jaws meet in its middle, and leave no gap.
    bottom, top = np.where(high > low, low, 9).min(0), np.where(high > low, high, -9).max(0)
    hidden = scenes.hidden
    assert (along - bottom > least)[hidden].all()
    assert (top - along > least)[hidden].all()
    gap = np.where((high > low).all(0), low[1] - high[0], 0)
    assert (gap[hidden] <= 0).all()
    whole = np.arange(len(hidden))[:, None] <= scenes.occlusions[0].seen
    outside = (along - high > least) | (low - along > least) | (high <= low)
    assert outside.all(0)[whole].all()
    assert (light == 1).all()


def test_distractors_pass_in_front_of_a_curtain_at_rest():
    scenes = make_scenes("distractor", 4, 16, seen=4, hidden=120, after=0, config=SILENT)
    still = scenes.frames[scenes.occlusions[0].first + 30 :]
    busy = still.any((2, 3, 4)).mean(0)
    assert (busy > 0.3).mean() > 0.7
    plain = make_scenes("curtain", 4, 16, seen=4, hidden=120, after=0, config=SILENT)
    assert np.array_equal(scenes.position, plain.position)
    assert np.array_equal(scenes.occluder, plain.occluder)


def test_distractors_come_with_more_noise_and_hot_pixels():
    quiet, loud = (
        make_scenes(tier, 5, 8, seen=30, hidden=1, after=0, config=SceneConfig(speed=(0.0, 0.0)))
        for tier in ("curtain", "distractor")
    )
    rate = [scenes.frames[:30].sum() / (30 * 8 * 64 * 64 * 0.01) for scenes in (quiet, loud)]
    assert rate[0] < 0.2
    assert 0.9 < rate[1] < 1.2
    often = loud.frames[:30].any(2).mean(0) > 0.25
    assert (often.sum((1, 2)) == 4).mean() > 0.7  # two may share a pixel


def test_the_light_level_is_on_the_record():
    scenes = make_scenes("blackout", 9, 8, seen=4, hidden=5, after=5)
    light = scenes.occluder[..., 2]
    assert (light[:4] == 1).all()
    assert (light[scenes.hidden] <= 0.05).all()
    assert (light[-3:] == 1).all()


@pytest.mark.parametrize(
    "tier", [tier for tier in TIERS if tier not in ("tunnel", "screen", "empty")]
)
def test_events_of_a_seen_object_lie_around_its_true_position(tier):
    scenes = make_scenes(tier, 10, 64, seen=8, hidden=2, after=0, config=SILENT)
    for b in range(64):
        _, _, y, x = np.nonzero(scenes.frames[4:8, b : b + 1].any(2, keepdims=True)[:, 0])
        centre = (np.array([x.mean(), y.mean()]) + 0.5) / 64
        assert np.linalg.norm(centre - scenes.position[5, b]) < 0.08
        events = np.stack([x, y], -1) + 0.5
        far = np.linalg.norm(events / 64 - scenes.position[5, b], axis=-1).max()
        assert far < 0.45 / 2 + 0.06


def test_nearly_every_seen_frame_shows_the_object():
    frames = make_scenes("blackout", 11, 64, seen=12, hidden=1, after=0, config=SILENT).frames
    assert (frames[2:12].sum((2, 3, 4)) > 5).mean() > 0.98


def test_noise_in_the_dark_has_the_rate_asked_for():
    """Expected 8 * 4096 pixels * 1 s * 0.5 Hz = 16,384 events, standard deviation 128."""
    config = SceneConfig(noise_hz=0.5)
    scenes = make_scenes("blackout", 12, 8, seen=1, hidden=100, after=0, config=config)
    assert abs(scenes.frames[scenes.occlusions[0].first :].sum() - 16_384) < 5 * 128


def test_a_seed_shows_the_same_objects_whatever_hides_them_and_however_long():
    one = make_scenes("blackout", 13, 4, seen=6, hidden=3, after=2)
    two = make_scenes("curtain", 13, 4, seen=6, hidden=9, after=2)
    assert np.array_equal(one.label[0], two.label[0])
    assert np.array_equal(one.position[:6], two.position[:6])


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
            ).label[0]
            for i in range(4)
        ]
    )
    assert labels.dtype == np.int64
    counts = np.bincount(labels, minlength=len(SHAPE_CLASSES))
    assert counts.min() > 90  # of 128; 4 deviations are 42


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
        ({"unfamiliar": 1.5}, r"unfamiliar must lie in \[0, 1\], got 1.5"),
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
        ({"tier": "courtain"}, "tier 'courtain' is unknown; did you mean 'curtain'"),
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"seen": 0}, "seen must be at least 1"),
        ({"hidden": 0}, "hidden must be at least 1"),
        ({"after": -1}, "after must not be below 0"),
        ({"before": -1}, "before must not be below 0"),
    ],
    ids=str,
)
def test_scenes_that_cannot_be_are_refused(change, message):
    arguments = {"tier": "blackout", "seed": 0, "batch": 1, "seen": 1, "hidden": 1, "after": 0}
    with pytest.raises(ValueError, match=message):
        make_scenes(**arguments | change)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("frame_us", [5_000, 20_000])
def test_what_hides_takes_as_long_in_frames_of_another_length(tier, frame_us):
    lasts = []
    for config in (SceneConfig(), SceneConfig(frame_us=frame_us)):
        seen, hidden = config.frames(20), config.frames(40)
        scenes = make_scenes(tier, 0, 2, seen=seen, hidden=hidden, after=0, config=config)
        lasts.append((scenes.occlusions[0].first - seen) * config.frame_us)
    assert lasts[1] == pytest.approx(lasts[0], abs=20_000)


def test_a_screen_is_seen_to_come_from_ahead_and_stays():
    scenes = make_scenes("screen", 3, 16, seen=24, hidden=30, after=20, config=SILENT)
    (occlusion,) = scenes.occlusions
    low, high = scenes.occluder[..., 3], scenes.occluder[..., 4]
    for b in range(16):
        (moving,) = np.nonzero(np.diff(low[:, b]))
        assert len(moving), "it comes"
        assert moving[-1] < occlusion.first, "and rests before anything is hidden"
        assert (np.diff(low[:, b])[moving] < 0).all(), "towards the object"
        assert np.allclose(high[:, b] - low[:, b], (high - low)[0, b]), "all of it"
        normal = scenes.occluder[0, b, :2]
        along = scenes.position[:, b] @ normal
        seen = ~scenes.hidden[: occlusion.first, b]
        assert (along[: occlusion.first][seen] < high[: occlusion.first, b][seen]).all()
        assert scenes.frames[moving[0] : moving[-1], b].sum() > 50, "and its edge makes events"
    assert not scenes.hidden[occlusion.last + 1 :].any(), "the object comes out"
