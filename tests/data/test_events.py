import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.data.events import (
    Recording,
    fit_to_sensor,
    frames_from_events,
    pack_events,
)

COLUMNS = {
    "t": np.array([10, 30, 20_010, 20_010]),
    "x": np.array([0, 3, 2, 2]),
    "y": np.array([5, 0, 1, 1]),
    "p": np.array([1, 0, 1, 0]),
}


def random_events(seed, count, width, height, span):
    rng = np.random.default_rng(seed)
    return pack_events(
        np.sort(rng.integers(0, span, count)),
        rng.integers(0, width, count),
        rng.integers(0, height, count),
        rng.integers(0, 2, count),
    )


@given(
    seed=st.integers(0, 99),
    count=st.integers(0, 60),
    frame_us=st.sampled_from([1, 7, 1_000, 10_000]),
    start=st.integers(0, 30),
)
def test_frames_hold_every_event_where_and_when_it_was_and_nothing_else(
    seed, count, frame_us, start
):
    events = random_events(seed, count, 5, 7, 50)
    events["t"] += start
    frames = frames_from_events(events, 7, frame_us, start_us=start)
    told = {(int(t - start) // frame_us, int(p), int(y), int(x)) for t, x, y, p in events}
    assert {tuple(int(i) for i in hit) for hit in np.argwhere(frames)} == told
    assert frames.shape[1:] == (2, 7, 7)


def test_the_first_frame_starts_with_the_first_event_unless_told_otherwise():
    events = pack_events(**COLUMNS)
    assert len(frames_from_events(events, 8, 10_000)) == 3
    assert len(frames_from_events(events[::-1], 8, 10_000)) == 3
    assert len(frames_from_events(events, 8, 10_000, start_us=-10_000)) == 4
    assert len(frames_from_events(events, 8, 10_000, frames=9)) == 9
    assert frames_from_events(events[:0], 8, 10_000).shape == (0, 2, 8, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 5}, "events need a sensor of 6 pixels, got 5; use fit_to_sensor"),
        ({"frame_us": 0}, "frame_us must be at least 1"),
        ({"frames": 2}, "events span 3 frames of 10000 us, more than frames 2"),
        ({"start_us": 11}, "start_us 11 comes after the first event at 10"),
        ({"frame_us": 1, "start_us": -(2**50)}, "cut the recording or take longer frames"),
    ],
    ids=str,
)
def test_frames_that_would_lose_events_or_the_machine_are_refused(change, message):
    arguments = {"size": 8, "frame_us": 10_000} | change
    with pytest.raises(ValueError, match=message):
        frames_from_events(pack_events(**COLUMNS), **arguments)


@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    size=st.sampled_from([1, 33, 64, 128]),
)
def test_any_camera_fits_any_sensor_without_losing_an_event(width, height, size):
    recording = Recording(random_events(1, 200, width, height, 1_000), width, height)
    fitted = fit_to_sensor(recording, size)
    assert (fitted.width, fitted.height) == (size, size)
    assert len(fitted.events) == 200
    assert np.array_equal(fitted.events["t"], recording.events["t"])
    assert np.array_equal(fitted.events["p"], recording.events["p"])


def test_a_large_camera_is_binned_by_an_integer_and_lies_in_the_middle():
    """346 x 260 on 64: blocks of 6 make 58 x 44, with 3 columns and 10 rows free before them."""
    corners = pack_events([0, 1], [0, 345], [0, 259], [0, 1])
    fitted = fit_to_sensor(Recording(corners, 346, 260), 64).events
    assert [(int(e["x"]), int(e["y"])) for e in fitted] == [(3, 10), (60, 53)]


def test_a_small_camera_is_only_moved_to_the_middle():
    fitted = fit_to_sensor(Recording(pack_events([0], [0], [33], [1]), 34, 34), 64).events
    assert fitted.tolist() == [(0, 15, 48, True)]


def test_a_recording_holds_only_events_on_its_sensor():
    with pytest.raises(ValueError, match="hand: an event at y = 5 lies outside"):
        Recording(pack_events(**COLUMNS), 6, 5, name="hand")
    with pytest.raises(ValueError, match="events must have dtype"):
        Recording(np.zeros(3), 6, 5)
