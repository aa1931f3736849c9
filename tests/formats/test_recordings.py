import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.events.frames import by_time, make_frames
from neurosvt.events.recording import fit_to_sensor
from neurosvt.events.windows import TimeWindows
from neurosvt.formats import read_events, write_events
from neurosvt.formats.recordings import open_recording


@pytest.mark.parametrize("name", ["aedat2", "evt2", "evt3", "dat", "npz"])
def test_the_windows_of_a_file_are_the_frames_of_its_recording(name, made_up, tmp_path):
    path = tmp_path / "cup"
    write_events(path, made_up(3, 5_000, (128, 128)), name)
    whole = read_events(path)
    fitted = fit_to_sensor(whole, 64)
    with open_recording(path) as opened:
        found = [window.frame(64) for window in opened.windows(TimeWindows(10_000), 64)]
    assert np.array_equal(np.stack(found), make_frames(fitted, by_time(fitted.events, 10_000)))
    assert opened.sensor == (whole.width, whole.height)
    assert opened.damage() == []


def test_a_file_that_states_no_sensor_has_one_that_its_events_need(made_up, tmp_path):
    events = made_up(3, 500, (120, 100)).events
    np.savez(tmp_path / "cup.npz", **{name: events[name] for name in ("t", "x", "y", "p")})
    with open_recording(tmp_path / "cup.npz") as opened:
        assert opened.sensor == (events["x"].max() + 1, events["y"].max() + 1)


def test_a_recording_in_memory_is_read_as_it_is(made_up):
    recording = made_up(3, 500, (12, 10))
    with open_recording(recording) as opened:
        assert np.array_equal(np.concatenate(list(opened.chunks())), recording.events)


def test_a_file_without_events_is_refused(made_up, tmp_path):
    write_events(tmp_path / "cup.npz", made_up(3, 0, (12, 10)))
    with (
        pytest.raises(UserError, match=r"cup\.npz: holds no events"),
        open_recording(tmp_path / "cup.npz") as opened,
    ):
        list(opened.chunks())
