import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.data.augment import Variety, vary

NONE = Variety(turn=0.0, stretch=0.0, shear=0.0, drop=0.0)
SIDE = 34


def events(lengths=(30, 1, 70), seed=0):
    rng = np.random.default_rng(seed)
    row = np.repeat(np.arange(len(lengths)), lengths)
    x, y = rng.integers(8, SIDE - 8, (2, len(row))).astype(np.uint8)
    return x, y, row


def test_without_variety_every_event_stays():
    x, y, row = events()
    left, top, kept = vary(x, y, row, SIDE, np.random.default_rng(0), NONE)
    assert np.array_equal(left, x)
    assert np.array_equal(top, y)
    assert np.array_equal(kept, np.arange(len(row)))


@given(seed=st.integers(0, 2**16), side=st.sampled_from([34, 35]))
def test_what_comes_out_are_events_of_the_sensor(seed, side):
    x, y, row = events(seed=seed)
    before = x.copy(), y.copy()
    wild = Variety(turn=3.0, stretch=0.9, shear=2.0, drop=0.9)
    left, top, kept = vary(x, y, row, side, np.random.default_rng(seed), wild)
    assert len(left) == len(top) == len(kept)
    assert (np.diff(kept) > 0).all()
    for axis in (left, top):
        assert axis.dtype == np.int64
        assert ((axis >= 0) & (axis < side)).all()
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])


def test_a_recording_is_varied_as_one_and_each_in_its_own_way():
    """Events of one pixel of one recording stay within the pixels that its way can lead to."""
    row = np.repeat([0, 1], 500)
    x, y = np.full(1000, 28, np.uint8), np.full(1000, 17, np.uint8)
    turned = Variety(turn=1.0, stretch=0.0, shear=0.0, drop=0.0)
    left, top, _ = vary(x, y, row, SIDE, np.random.default_rng(3), turned)
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
    wide = Variety(turn=0.0, stretch=0.4, shear=0.0, drop=0.0)
    for seed in range(8):
        left, _, _ = vary(x, x, row, SIDE, np.random.default_rng(seed), wide)
        assert np.array_equal(np.unique(left), np.arange(left.min(), left.max() + 1))


def test_no_more_are_left_out_than_the_limit():
    x, y, row = events(lengths=(4000, 4000, 4000))
    thin = Variety(turn=0.0, stretch=0.0, shear=0.0, drop=0.4)
    _, _, kept = vary(x, y, row, SIDE, np.random.default_rng(1), thin)
    left = np.bincount(row[kept]) / 4000
    assert (left > 0.57).all()
    assert len(np.unique(np.round(left, 2))) == 3


@pytest.mark.parametrize("wrong", [{"turn": -0.1}, {"stretch": 1.0}, {"drop": 1.0}], ids=str)
def test_what_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Variety(**wrong)


def test_no_events_are_no_events():
    none = np.zeros(0, np.int64)
    left, top, kept = vary(none, none, none, SIDE, np.random.default_rng(0), Variety())
    assert len(left) == len(top) == len(kept) == 0
