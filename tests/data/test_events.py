import contextlib
import io
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.data.events import (
    EVENT,
    Recording,
    fit_to_sensor,
    frames_from_events,
    pack_events,
    read_npz,
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


@pytest.mark.parametrize(
    "arrays",
    [
        COLUMNS,
        COLUMNS | {"p": COLUMNS["p"].astype(bool)},
        COLUMNS | {"p": COLUMNS["p"] * 2 - 1},
        {"events": pack_events(**COLUMNS)},
        {k: v.astype(np.uint32 if k != "p" else np.int8) for k, v in COLUMNS.items()},
    ],
    ids=["ints", "bools", "signs", "structured", "small types"],
)
def test_a_recording_reads_back_as_it_was_written(tmp_path, arrays):
    np.savez(tmp_path / "walk.npz", **arrays)
    recording = read_npz(tmp_path / "walk.npz")
    assert recording.events.dtype == EVENT
    assert recording.events.tolist() == [
        (10, 0, 5, True),
        (30, 3, 0, False),
        (20_010, 2, 1, True),
        (20_010, 2, 1, False),
    ]
    assert (recording.width, recording.height) == (4, 6)
    assert (recording.label, recording.name) == (None, "walk")


def test_the_file_may_tell_its_sensor_and_label(tmp_path):
    np.savez(tmp_path / "a.npz", **COLUMNS, width=346, height=260, label=7)
    recording = read_npz(tmp_path / "a.npz")
    assert (recording.width, recording.height, recording.label) == (346, 260, 7)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "holds no t, x, y, p"),
        ({"t": COLUMNS["t"]}, "holds no x, y, p"),
        ({k: v[:0] for k, v in COLUMNS.items()}, "holds no events"),
        (COLUMNS | {"x": np.arange(3)}, "one length"),
        (COLUMNS | {"t": COLUMNS["t"] / 1e6}, "t must hold integers, got float64 .microseconds"),
        (COLUMNS | {"x": -COLUMNS["x"]}, "x must lie in 0..65535, got -3..0"),
        (COLUMNS | {"y": COLUMNS["y"] + 70_000}, "y must lie in 0..65535"),
        (COLUMNS | {"p": COLUMNS["p"] * 255}, "p must lie in -1..1"),
        (COLUMNS | {"t": COLUMNS["t"].astype(np.uint64) + 2**63}, "t must lie in"),
        (COLUMNS | {"width": 2}, "an event at x = 3 lies outside the sensor of 2 x 6"),
        (COLUMNS | {"width": np.arange(2)}, "width must be one integer"),
        (COLUMNS | {"height": np.array(0)}, "sensor must be at least 1 x 1"),
        ({"events": np.arange(4)}, "holds no t, x, y, p"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_file_is_refused_in_one_line_that_names_it(tmp_path, arrays, message):
    path = tmp_path / "wrong.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message) as caught:
        read_npz(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def _whole(compressed=True):
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(
        file, **{k: np.tile(v, 500) for k, v in COLUMNS.items()}
    )
    return file.getvalue()


def _flipped(at):
    whole = bytearray(_whole())
    whole[at] ^= 0xFF
    return bytes(whole)


def _bare_array():
    file = io.BytesIO()
    np.save(file, np.arange(5))
    return file.getvalue()


def _pickled():
    file = io.BytesIO()
    np.savez(file, **COLUMNS | {"x": np.array([{}, 1, 2, 3], dtype=object)})
    return file.getvalue()


BROKEN = {
    "empty": b"",
    "text": b"t x y p\n1 2 3 1\n",
    "cut in half": _whole()[: len(_whole()) // 2],
    "cut by a byte": _whole()[:-1],
    "a bit off in the data": _flipped(80),
    "a bit off in the first header": _flipped(2),
    "a bare array": _bare_array(),
    "a pickle": pickle.dumps(COLUMNS),
    "an array of objects": _pickled(),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_refused_in_one_line_that_names_it(tmp_path, content):
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a readable npz file, or damaged") as caught:
        read_npz(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@given(at=st.integers(0, 10**6), bits=st.integers(1, 255))
def test_a_file_with_any_damaged_byte_never_fails_otherwise(tmp_path_factory, at, bits):
    """It is refused, or the byte was one that nothing depends on."""
    whole = bytearray(_whole())
    whole[at % len(whole)] ^= bits
    path = tmp_path_factory.mktemp("damaged") / "a.npz"
    path.write_bytes(whole)
    with contextlib.suppress(ValueError):
        read_npz(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(FileNotFoundError, match=str(path)):
            read_npz(path)


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
