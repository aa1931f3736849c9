import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.events.recording import (
    Fitting,
    Recording,
    fit_to_sensor,
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


@pytest.mark.parametrize(
    ("width", "height"), [(346, 260), (34, 34), (64, 64), (7, 200), (1280, 720)]
)
def test_a_place_on_the_square_is_found_again_on_the_sensor(width, height):
    """Within the block of pixels that became one."""
    fitting = Fitting(width, height, 64)
    events = pack_events([0, 0], [0, width - 1], [0, height - 1], [0, 1])
    for event, fitted in zip(events, fitting.fit(events), strict=True):
        position = (fitted["x"] + 0.5) / 64, (fitted["y"] + 0.5) / 64
        for found, axis in zip(fitting.pixel(position), "xy", strict=True):
            assert abs(found - event[axis]) <= fitting.factor


def test_a_place_beside_the_sensor_is_moved_to_its_edge():
    assert Fitting(64, 32, 64).pixel((0.5, 0.0)) == (32.0, 0.0)
    assert Fitting(64, 32, 64).pixel((1.0, 1.0)) == (64.0, 32.0)
