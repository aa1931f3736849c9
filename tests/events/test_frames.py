import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.config import UserError
from neurosvt.events.frames import (
    by_count,
    by_time,
    into_counts,
    into_times,
    make_frames,
)
from neurosvt.events.recording import Recording, pack_events

CUTS = {
    "by_time": lambda events, n: by_time(events, 7 * n),
    "by_count": by_count,
    "into_times": into_times,
    "into_counts": into_counts,
}


def recorded(seed=0, count=60, span=50, start=0, width=5, height=7):
    rng = np.random.default_rng(seed)
    events = pack_events(
        start + np.sort(rng.integers(0, span, count)),
        rng.integers(0, width, count),
        rng.integers(0, height, count),
        rng.integers(0, 2, count),
    )
    return Recording(events, width, height)


@pytest.mark.parametrize("cut", CUTS)
@given(
    seed=st.integers(0, 99),
    count=st.integers(0, 60),
    n=st.integers(1, 20),
    span=st.sampled_from([1, 3, 50, 10**9]),
)
def test_no_event_is_lost_or_counted_twice(cut, seed, count, n, span):
    recording = recorded(seed, count, span, start=10**12)
    if cut == "by_time":
        n *= max(span // 100, 1)
    found = CUTS[cut](recording.events, n)
    assert ((found.index >= 0) & (found.index < max(found.frames, 1))).all()
    frames = make_frames(recording, found, counted=True)
    assert frames.shape == (found.frames, 2, 7, 5)
    assert frames.sum() == count
    per_frame = np.bincount(found.index, minlength=found.frames)
    assert (frames.sum((1, 2, 3)) == per_frame).all()
    for p in (0, 1):
        assert frames[:, p].sum() == (recording.events["p"] == p).sum()
    assert (make_frames(recording, found) == (frames > 0)).all()


@given(
    seed=st.integers(0, 99),
    count=st.integers(0, 60),
    frame_us=st.sampled_from([1, 7, 1_000, 10_000]),
    start=st.integers(0, 30),
)
def test_frames_hold_every_event_where_and_when_it_was_and_nothing_else(
    seed, count, frame_us, start
):
    recording = recorded(seed, count, start=start)
    frames = make_frames(recording, by_time(recording.events, frame_us, start_us=start))
    told = {(int(t - start) // frame_us, int(p), int(y), int(x)) for t, x, y, p in recording.events}
    assert {tuple(int(i) for i in hit) for hit in np.argwhere(frames)} == told


@pytest.mark.parametrize("bins", [1, 3, 16, 60, 200])
def test_bins_are_equal_as_nearly_as_can_be(bins):
    recording = recorded(span=10_000)
    sizes = np.bincount(into_counts(recording.events, bins).index, minlength=bins)
    assert sizes.max() - sizes.min() <= 1
    t = recording.events["t"]
    index = into_times(recording.events, bins).index
    expected = (t - t[0]) * bins // (t[-1] - t[0] + 1)
    assert np.abs(index - expected).max() <= 1
    assert (index[0], index[-1]) == (0, bins - 1)


def test_frames_of_equally_many_events_leave_the_rest_for_the_last():
    cut = by_count(recorded(count=23).events, 10)
    assert cut.frames == 3
    assert np.bincount(cut.index).tolist() == [10, 10, 3]


def test_the_first_frame_starts_with_the_first_event_unless_told_otherwise():
    events = pack_events(
        np.array([10, 30, 20_010]), np.zeros(3, int), np.zeros(3, int), np.zeros(3, int)
    )
    assert by_time(events, 10_000).frames == 3
    assert by_time(events[::-1], 10_000).frames == 3
    assert by_time(events, 10_000, start_us=-10_000).frames == 4
    assert by_time(events, 10_000, frames=9).frames == 9
    assert by_time(events[:0], 10_000).frames == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e: by_time(e, 0), "frame_us must be at least 1"),
        (lambda e: by_time(e, 10, frames=2), "frames of 10 us, more than frames 2"),
        (lambda e: by_time(e, 10, start_us=40), "start_us 40 comes after the first event"),
        (lambda e: by_count(e, 0), "count must be at least 1"),
        (lambda e: into_times(e, 0), "bins must be at least 1"),
        (lambda e: into_counts(e, 0), "bins must be at least 1"),
    ],
)
def test_cuts_that_cannot_be_are_refused(call, message):
    with pytest.raises(UserError, match=message):
        call(recorded().events)


def test_frames_that_no_machine_holds_are_refused():
    recording = recorded(span=10**12)
    with pytest.raises(UserError, match="cut the recording or take longer frames"):
        make_frames(recording, by_time(recording.events, 1))


def test_a_pixel_that_counts_further_than_it_can_is_told():
    events = np.repeat(recorded(count=1).events, 70_000)
    recording = Recording(events, 5, 7)
    with pytest.raises(UserError, match="a pixel has 70000 events in one frame"):
        make_frames(recording, by_time(events, 10), counted=True)
    assert make_frames(recording, by_time(events, 10)).sum() == 1
