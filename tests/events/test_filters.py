import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.config import UserError
from neurosvt.events.filters import denoise, limit_rate
from neurosvt.events.recording import Recording, pack_events


def recorded(seed=0, count=300, span=20_000, side=9):
    rng = np.random.default_rng(seed)
    events = pack_events(
        np.sort(rng.integers(0, span, count)), *rng.integers(0, side, (2, count)),
        rng.integers(0, 2, count),
    )  # fmt: skip
    return Recording(events, side, side)


def supported_by_hand(events, support_us):
    """One event after the other, with the last time of every pixel."""
    last, kept = {}, []
    for i, (t, x, y, _) in enumerate(events.tolist()):
        around = [last.get((x + dx, y + dy)) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]
        if any(before is not None and t - before <= support_us for before in around):
            kept.append(i)
        last[x, y] = t
    return kept


@given(seed=st.integers(0, 99), support_us=st.sampled_from([1, 100, 2_000, 10**6]))
def test_what_a_neighbour_supports_stays(seed, support_us):
    recording = recorded(seed)
    kept = supported_by_hand(recording.events, support_us)
    np.testing.assert_array_equal(denoise(recording, support_us).events, recording.events[kept])


def test_neighbours_do_not_reach_around_the_border():
    columns = np.array([0, 1]), np.array([8, 0]), np.array([3, 4]), np.array([1, 1])
    assert len(denoise(Recording(pack_events(*columns), 9, 9), 1000).events) == 0


@pytest.mark.parametrize("per_second", [100.0, 5_000.0, 1e5])
def test_no_window_has_more_than_its_share(per_second):
    recording = recorded(count=2000)
    left = limit_rate(recording, per_second, 1_000).events
    start = recording.events["t"][0]
    before = np.bincount((recording.events["t"] - start) // 1_000)
    after = np.bincount((left["t"] - start) // 1_000, minlength=len(before))
    limit = max(1, int(per_second / 1000))
    np.testing.assert_array_equal(after, np.minimum(before, limit))
    assert (np.diff(left["t"]) >= 0).all()


def test_a_calm_recording_stays_as_it_is():
    recording = recorded()
    np.testing.assert_array_equal(limit_rate(recording, 1e9).events, recording.events)


def test_what_is_kept_is_spread_evenly():
    columns = np.arange(100), np.arange(100) % 9, np.zeros(100, int), np.zeros(100, int)
    left = limit_rate(Recording(pack_events(*columns), 9, 9), 2_500.0, 10_000).events
    assert np.diff(left["t"]).tolist() == [4] * 24


def test_nothing_in_nothing_out():
    empty = Recording(recorded(count=0).events, 9, 9)
    assert len(denoise(empty).events) == len(limit_rate(empty, 1.0).events) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: denoise(r, 0), "support_us must be at least 1"),
        (lambda r: limit_rate(r, 0.0), "per_second must be above 0"),
        (lambda r: limit_rate(r, 10.0, 0), "window_us must be at least 1"),
        (lambda r: denoise(Recording(r.events[::-1], 9, 9)), "times step back; sort the events"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(UserError, match=message):
        call(recorded())
