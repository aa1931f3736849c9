from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.events.augment import (
    Augmentation,
    augment,
    drop_events,
    flip_polarity,
    jitter_time,
    mirror,
    shift,
)  # fmt: skip
from neurosvt.events.recording import Recording, pack_events

NONE = Augmentation(turn=0.0, stretch=0.0, shear=0.0, drop=0.0)
SIDE = 34


def events(lengths=(30, 1, 70), seed=0):
    rng = np.random.default_rng(seed)
    row = np.repeat(np.arange(len(lengths)), lengths)
    x, y = rng.integers(8, SIDE - 8, (2, len(row))).astype(np.uint8)
    return x, y, row


def test_without_variety_every_event_stays():
    x, y, row = events()
    left, top, kept = augment(x, y, row, SIDE, np.random.default_rng(0), NONE)
    assert np.array_equal(left, x)
    assert np.array_equal(top, y)
    assert np.array_equal(kept, np.arange(len(row)))


@given(seed=st.integers(0, 2**16), side=st.sampled_from([34, 35]))
def test_what_comes_out_are_events_of_the_sensor(seed, side):
    x, y, row = events(seed=seed)
    before = x.copy(), y.copy()
    wild = Augmentation(turn=3.0, stretch=0.9, shear=2.0, drop=0.9)
    left, top, kept = augment(x, y, row, side, np.random.default_rng(seed), wild)
    assert len(left) == len(top) == len(kept)
    assert (np.diff(kept) > 0).all()
    for axis in (left, top):
        assert axis.dtype == np.int64
        assert ((axis >= 0) & (axis < side)).all()
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])


def test_what_would_leave_the_sensor_ends_on_its_border():
    row = np.repeat(np.arange(40), 4)
    x, y = np.tile([0, 33, 0, 33], 40), np.tile([0, 0, 33, 33], 40)
    wide = Augmentation(turn=0.0, stretch=0.9, shear=0.0, drop=0.0)
    left, top, _ = augment(x, y, row, 34, np.random.default_rng(0), wide)
    for axis in (left, top):
        assert (axis.min(), axis.max()) == (0, 33)


def test_a_recording_is_varied_as_one_and_each_in_its_own_way():
    """Events of one pixel of one recording stay within the pixels that its way can lead to."""
    row = np.repeat([0, 1], 500)
    x, y = np.full(1000, 28, np.uint8), np.full(1000, 17, np.uint8)
    turned = Augmentation(turn=1.0, stretch=0.0, shear=0.0, drop=0.0)
    left, top, _ = augment(x, y, row, SIDE, np.random.default_rng(3), turned)
    for r in (0, 1):
        assert np.ptp(left[row == r]) <= 2
        assert np.ptp(top[row == r]) <= 2
    centres = [(left[row == r].mean(), top[row == r].mean()) for r in (0, 1)]
    assert np.linalg.norm(np.subtract(*centres)) > 2
    radius = np.hypot(left + 0.5 - SIDE / 2, top + 0.5 - SIDE / 2)
    assert radius == pytest.approx(np.full(1000, 11.5), abs=1.5)


def test_a_stretched_line_has_no_gaps():
    row = np.zeros(4000, int)
    x = np.tile(np.arange(10, 24), 286)[:4000].astype(np.uint8)
    wide = Augmentation(turn=0.0, stretch=0.4, shear=0.0, drop=0.0)
    for seed in range(8):
        left, _, _ = augment(x, x, row, SIDE, np.random.default_rng(seed), wide)
        assert np.array_equal(np.unique(left), np.arange(left.min(), left.max() + 1))


def test_no_more_are_left_out_than_the_limit():
    x, y, row = events(lengths=(4000, 4000, 4000))
    thin = Augmentation(turn=0.0, stretch=0.0, shear=0.0, drop=0.4)
    _, _, kept = augment(x, y, row, SIDE, np.random.default_rng(1), thin)
    left = np.bincount(row[kept]) / 4000
    assert (left > 0.57).all()
    assert len(np.unique(np.round(left, 2))) == 3


@pytest.mark.parametrize("wrong", [{"turn": -0.1}, {"stretch": 1.0}, {"drop": 1.0}], ids=str)
def test_what_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Augmentation(**wrong)


def test_no_events_are_no_events():
    none = np.zeros(0, np.int64)
    left, top, kept = augment(none, none, none, SIDE, np.random.default_rng(0), Augmentation())
    assert len(left) == len(top) == len(kept) == 0


@pytest.fixture
def recording():
    rng = np.random.default_rng(5)
    columns = np.sort(rng.integers(0, 10**6, 500)), *rng.integers(0, 30, (2, 500))
    return Recording(pack_events(*columns, rng.integers(0, 2, 500)), 30, 30, label=1)


@given(seed=st.integers(0, 2**16))
def test_a_shifted_recording_is_moved_as_one_and_loses_only_what_leaves(seed):
    rng = np.random.default_rng(1)
    middle = pack_events(np.arange(50), *rng.integers(8, 22, (2, 50)), rng.integers(0, 2, 50))
    inner = Recording(middle, 30, 30)
    moved = shift(inner, 8, np.random.default_rng(seed)).events
    assert len(moved) == 50
    for axis in ("x", "y"):
        steps = moved[axis].astype(int) - middle[axis]
        assert len(set(steps)) == 1
        assert abs(steps[0]) <= 8
    edge = Recording(pack_events([0], [0], [29], [1]), 30, 30)
    left = shift(edge, 8, np.random.default_rng(seed)).events
    assert len(left) <= 1
    assert (left["x"] < 30).all()


def test_jittered_events_stay_in_order_and_stay_the_same_events(recording):
    moved = jitter_time(recording, 1000.0, np.random.default_rng(0)).events
    assert (np.diff(moved["t"]) >= 0).all()
    assert 500 < np.abs(np.sort(moved["t"]) - recording.events["t"]).max() < 10_000
    for axis in ("x", "y", "p"):
        assert sorted(moved[axis]) == sorted(recording.events[axis])
    same = jitter_time(recording, 0.0, np.random.default_rng(0)).events
    np.testing.assert_array_equal(same, recording.events)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_events_is_dropped(recording, share):
    left = drop_events(recording, share, np.random.default_rng(0)).events
    assert len(left) == pytest.approx(500 * (1 - share), abs=35)
    assert np.isin(left, recording.events).all()


def test_mirrors_and_flips_undo_themselves(recording):
    sides = {1: 2, 2: 1}
    once = mirror(recording, sides)
    assert (once.label, mirror(once, sides).label) == (2, 1)
    np.testing.assert_array_equal(once.events["x"], 29 - recording.events["x"])
    np.testing.assert_array_equal(mirror(once, sides).events, recording.events)
    np.testing.assert_array_equal(flip_polarity(flip_polarity(recording)).events, recording.events)
    assert (flip_polarity(recording).events["p"] != recording.events["p"]).all()


def test_a_label_without_a_side_stays(recording):
    assert mirror(replace(recording, label=7), {1: 2, 2: 1}).label == 7
    assert mirror(replace(recording, label=None), {1: 2, 2: 1}).label is None


def test_nothing_is_written_to_what_was_given(recording):
    before = recording.events.copy()
    rng = np.random.default_rng(0)
    shift(recording, 1, rng)
    jitter_time(recording, 1.0, rng)
    drop_events(recording, 0.5, rng)
    flip_polarity(recording)
    mirror(recording, {})
    np.testing.assert_array_equal(recording.events, before)
