"""Every format: what is written reads back, what is read elsewhere reads the same here."""

import hashlib
import io
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT, Recording
from neurosvt.formats import (
    FORMATS,
    DamageWarning,
    aedat3,
    aedat4,
    arrays,
    convert,
    nmnist,
    open_events,
    read_events,
    source,
    write_events,
)
from neurosvt.formats.options import ReadOptions

LOOSE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
SENSORS = {"aedat2": (346, 260), "nmnist": (34, 34), "evt3": (1280, 720)}
WRITERS = sorted(name for name, module in FORMATS.items() if hasattr(module, "write"))


@pytest.mark.parametrize("name", WRITERS)
@LOOSE
@given(seed=st.integers(0, 99), count=st.integers(0, 300), start=st.sampled_from([0, 77, 2**22]))
def test_what_is_written_reads_back_exactly(
    name, decoder, seed, count, start, made_up, written, decoded
):
    sensor = SENSORS.get(name, (240, 180))
    recording = made_up(seed, count, sensor, start=start)
    events, opened = decoded(name, written(name, recording))
    np.testing.assert_array_equal(events, recording.events)
    assert opened.damage == source.Damage()
    if count:
        assert opened.sensor in (sensor, None)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("block", [64, 1000])
def test_a_file_reads_the_same_in_pieces_of_any_size(
    name, block, decoder, monkeypatch, made_up, written, decoded
):
    recording = made_up(1, 500, SENSORS.get(name, (240, 180)), span=10**8 % 2**23)
    data = written(name, recording)
    monkeypatch.setattr(source, "BLOCK_BYTES", block)
    monkeypatch.setattr(aedat3, "BLOCK_BYTES", block)
    monkeypatch.setattr(aedat4, "BLOCK_BYTES", block)
    monkeypatch.setattr(nmnist, "BLOCK_BYTES", block)
    monkeypatch.setattr(arrays, "SLICE", block)
    events, _ = decoded(name, data)
    np.testing.assert_array_equal(events, recording.events)


@pytest.mark.parametrize("name", ["evt2", "evt2.1", "evt3", "dat", "aedat3"])
def test_clocks_begin_anew(name, decoder, written, decoded):
    """Pauses of minutes, hours and, where there is room, days."""
    limit = {"evt2": 34, "evt2.1": 34, "evt3": 36, "dat": 32, "aedat3": 60}[name]
    t = np.array([0, 5, 2**24 - 1, 2**24, 2**27 + 3, 2**31 - 1, 2**31, 2**limit - 1])
    events = np.zeros(len(t), EVENT)
    events["t"] = t
    found, opened = decoded(name, written(name, Recording(events, 240, 180)))
    np.testing.assert_array_equal(found["t"], t)
    assert opened.damage.time_steps_back == 0


@pytest.mark.parametrize(
    ("name", "bits"), [("evt2", 34), ("evt2.1", 34), ("dat", 32), ("aedat2", 32), ("evt3", 24)]
)
def test_a_clock_that_overflows_goes_on(name, bits, decoder, written, decoded):
    """A camera that has run for hours: its clock begins anew in the middle of a file."""
    before, after = np.zeros(3, EVENT), np.zeros(3, EVENT)
    before["t"], after["t"] = 2**bits - np.array([900, 500, 1]), [0, 1, 700]
    first, second, empty = (
        written(name, Recording(events, 240, 180)) for events in (before, after, before[:0])
    )
    assert first.startswith(empty), "without events it is a header alone"
    found, opened = decoded(name, first + second[len(empty) :])
    assert found["t"].tolist() == [*before["t"], *(after["t"] + 2**bits)]
    assert opened.damage.time_steps_back == 0


@pytest.mark.parametrize("name", sorted(set(WRITERS) - {"evt3"}))
def test_time_that_steps_back_is_kept_and_counted(name, decoder, made_up, written, decoded):
    recording = made_up(2, 60, (34, 34) if name == "nmnist" else (128, 128))
    recording.events["t"][20:40] -= recording.events["t"][20] - recording.events["t"][10]
    if name == "nmnist":  # which is known by times that do not
        return
    found, opened = decoded(name, written(name, recording))
    np.testing.assert_array_equal(found, recording.events)
    assert opened.damage.time_steps_back == (np.diff(recording.events["t"]) < 0).sum() > 0


@pytest.mark.parametrize(
    ("field", "value"),
    [(0, -1), (2, 0), (2, 16), (3, -1), (3, 0), (3, 8), (4, -1), (5, 2), (6, 2), (7, -1), (7, 99)],
)
def test_a_packet_of_aedat3_that_cannot_be_is_not_read(field, value, decoder, made_up, written):
    """Kind, source, size, offset of the time, overflows, capacity, number, number valid."""
    recording = made_up(0, 3, (128, 128))
    data = written("aedat3", recording)
    at = len(data) - 3 * 8 - aedat3.HEAD.size
    head = list(aedat3.HEAD.unpack_from(data, at))
    assert head[4:] == [0, 3, 3, 3]
    head[field] = value
    damaged = data[:at] + aedat3.HEAD.pack(*head) + data[at + aedat3.HEAD.size :]
    source = aedat3.open_source(io.BytesIO(damaged))
    assert [len(part) for part in source.chunks()] == []
    assert source.damage


def test_nmnist_refuses_to_write_a_row_that_means_an_overflow(made_up, written):
    recording = made_up(2, 60, (34, 250))
    recording.events["y"] %= 34
    recording.events["y"][20] = 240
    with pytest.raises(UserError, match="holds rows 0 to 239, got an event at y 240"):
        written("nmnist", recording)
    recording.events["y"][20] = 239
    assert len(written("nmnist", recording)) == 5 * 60


def test_evt3_refuses_to_write_time_that_steps_back(made_up, written):
    recording = made_up(2, 60, (128, 128))
    recording.events["t"][20] = 0
    with pytest.raises(UserError, match="cannot hold times that step back"):
        written("evt3", recording)


@pytest.mark.parametrize("kernel", ["evt2", "evt2.1", "evt3", "dat", "aedat3", "aedat2", "aedat4"])
@LOOSE
@given(seed=st.integers(0, 10**6), length=st.integers(0, 400))
def test_kernels_and_definitions_agree_on_any_bytes(
    kernel, seed, length, monkeypatch, made_up, written, decoded
):
    """Also on words that no camera would send."""
    if source.library() is None:
        pytest.skip("the kernels were not built")
    rng = np.random.default_rng(seed)
    body = rng.integers(0, 256, length, np.uint8).tobytes()
    if kernel in ("aedat3", "aedat4"):  # random headers would end it at once
        whole = bytearray(written(kernel, made_up(seed, 50, (128, 128))))
        for at in rng.integers(60 if kernel == "aedat3" else len(whole) - 50 * 16, len(whole), 3):
            whole[at] = rng.integers(0, 256)
        data = bytes(whole)
    else:
        data = written(kernel, Recording(np.empty(0, EVENT), 346, 260)) + body
    ways = []
    for way in (source.library, lambda: None):
        monkeypatch.setattr(source, "library", way)
        monkeypatch.setattr(source, "BLOCK_BYTES", 128)
        events, opened = decoded(kernel, data)
        ways.append((events, opened.damage))
    np.testing.assert_array_equal(ways[0][0], ways[1][0])
    assert ways[0][1] == ways[1][1]


@pytest.fixture
def camera_files(data_root):
    folder = data_root / "camera_files"
    return folder, json.loads((folder / "expected.json").read_text())


def sha16(column, kind):
    return hashlib.sha256(np.ascontiguousarray(column.astype(kind)).tobytes()).hexdigest()[:16]


def test_real_files_give_what_an_independent_decoder_got(camera_files, decoder):
    folder, expected = camera_files
    seen = 0
    for name, entry in expected.items():
        wanted = entry.get("events") or entry.get("polarity_events")
        if not isinstance(wanted, dict):
            continue
        camera = "davis240" if "translatingSquare" in name else None  # which it does not name
        with open_events(folder / name, ReadOptions(camera=camera)) as file:
            events = np.concatenate(list(file.source.chunks()))
            damage = file.source.damage
        assert len(events) == wanted["n"], name
        assert (events["t"][0], events["t"][-1]) == (wanted["t_first"], wanted["t_last"])
        assert [list(map(int, event)) for event in events[:5].tolist()] == wanted["first5"]
        for column, kind, key in (
            ("t", "<i8", "i64"), ("x", "<i4", "i32"), ("y", "<i4", "i32"), ("p", "u1", "u8"),
        ):  # fmt: skip
            assert sha16(events[column], kind) == wanted[f"sha16_{column}_{key}"], (name, column)
        assert not damage.lines(), name
        assert damage.time_steps_back == (9 if "evt3" in name else 0), name
        seen += 1
    assert seen == 7


def test_small_aedat3_files_give_every_event_of_their_packets(camera_files):
    folder, expected = camera_files
    for name, entry in expected.items():
        if name.startswith("aedat3"):
            wanted = [
                e[:4] for packet in entry["packets"] for e in packet["events_t_x_y_p_validbit"]
            ]
            with open_events(folder / name) as file:
                events = np.concatenate(list(file.source.chunks()))
            assert [list(map(int, event)) for event in events.tolist()] == wanted


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("es/dvs.es", r"Event Stream \(\.es\) is not read"),
        ("mat/st_mnist_sample.mat", "MATLAB files are not read"),
        ("aedat4/synthetic_gray16.aedat4", "holds no events"),
        ("README.md", "is no event file that is known"),
    ],
)
def test_what_is_not_read_is_refused_by_name(camera_files, name, message):
    folder, _ = camera_files
    with pytest.raises(UserError, match=message) as error:
        read_events(folder / name)
    assert str(error.value).startswith(str(folder / name))
    assert "\n" not in str(error.value)


def test_a_recording_of_a_dvs128_stands_upright(data_root):
    """The hand-held camera stores both axes from the far end, and OFF as 1."""
    path = next((data_root / "dvs128_objects" / "aedat").glob("box_rec1.aedat"))
    with open_events(path) as file:
        stored = np.concatenate(list(file.source.chunks()))
    upright = read_events(path).events
    np.testing.assert_array_equal(upright["x"], 127 - stored["x"])
    np.testing.assert_array_equal(upright["y"], 127 - stored["y"])
    np.testing.assert_array_equal(upright["p"], ~stored["p"])


@pytest.mark.filterwarnings("ignore:.*is not stated")
@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("other", WRITERS)
def test_any_format_becomes_any_other(name, other, tmp_path, made_up):
    sensor = (34, 34) if "nmnist" in (name, other) else (240, 180)
    if {name, other} == {"aedat2", "nmnist"}:
        pytest.skip("no camera of AEDAT 2.0 has 34 x 34 pixels")
    if (name, other) == ("npy", "aedat2"):
        pytest.skip("an array has no place for its sensor, which AEDAT 2.0 needs")
    recording = made_up(3, 200, sensor)
    first, second = tmp_path / "first", tmp_path / "second"
    write_events(first, recording, name)
    convert(first, second, other)
    again = read_events(second)
    np.testing.assert_array_equal(again.events, recording.events)


def test_a_converted_file_keeps_its_sensor_where_it_was_stated(tmp_path, made_up):
    recording = Recording(made_up(4, 50, (100, 90)).events, 240, 180)
    write_events(tmp_path / "a.raw", recording, "evt3")
    for name in ("dat", "hdf5", "npz", "aedat2", "evt2"):
        convert(tmp_path / "a.raw", tmp_path / "b", name)
        again = read_events(tmp_path / "b")
        assert (again.width, again.height) == (240, 180), name


@pytest.mark.parametrize(
    ("path", "name", "message"),
    [
        ("a.xyz", None, r"no format ends in '\.xyz'"),
        ("a.raw", None, r"evt2, evt2\.1, evt3, evt4 end in \.raw; name one of them"),
        ("a.bag", None, "rosbag cannot be written"),
        ("a.bin", None, "does not fit: this format has 256 pixels a side"),
        ("a.aedat", "aedat2", "is of cameras with 128 x 128, 240 x 180, 346 x 260 pixels"),
    ],
)
def test_what_cannot_be_written_is_told_and_nothing_is_left(path, name, message, tmp_path, made_up):
    recording = made_up(5, 50, (640, 480))
    (tmp_path / "keep").touch()
    with pytest.raises(UserError, match=message):
        write_events(tmp_path / path, recording, name)
    assert [file.name for file in tmp_path.iterdir()] == ["keep"]


def test_a_recording_that_lacks_something_says_so(tmp_path, made_up):
    path = tmp_path / "a.dat"
    write_events(path, made_up(6, 20, (128, 128)))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.warns(DamageWarning, match="5 bytes at the end could not be read"):
        assert len(read_events(path).events) == 19


def test_a_sound_recording_says_nothing(tmp_path, made_up):
    write_events(tmp_path / "a.dat", made_up(6, 20, (128, 128)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_events(tmp_path / "a.dat")


def test_events_off_the_stated_sensor_are_left_out_and_counted(
    tmp_path, decoder, made_up, written, decoded
):
    recording = made_up(7, 100, (240, 180))
    off = (recording.events["x"] >= 100) | (recording.events["y"] >= 90)
    for name in ("evt2", "evt2.1", "evt3", "dat"):
        data = written(name, recording)
        for old, new in ((b"240x180", b"100x90"), (b"width=240", b"width=100"),
                         (b"height=180", b"height=90"), (b"Width 240", b"Width 100"),
                         (b"Height 180", b"Height 90")):  # fmt: skip
            data = data.replace(old, new)
        events, opened = decoded(name, data)
        assert opened.damage.off_sensor == off.sum() > 0
        np.testing.assert_array_equal(events, recording.events[~off])


def test_missing_and_empty_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none: no such file"):
        read_events(tmp_path / "none")
    (tmp_path / "nothing").touch()
    with pytest.raises(UserError, match="nothing is empty"):
        read_events(tmp_path / "nothing")
    assert Path(tmp_path / "nothing").exists()
