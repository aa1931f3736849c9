"""The layouts of arrays that data sets, simulators and libraries have, made up."""

import numpy as np
import pytest

from neurosvt.config import ConfigError, UserError
from neurosvt.formats import hdf5, read_events
from neurosvt.formats.options import ReadOptions
from neurosvt.formats.summary import summarise

h5py = pytest.importorskip("h5py")


@pytest.fixture
def recording(made_up):
    return made_up(4, 1500, (300, 200), start=1000)


def columns_of(recording):
    return {name: recording.events[name] for name in ("t", "x", "y", "p")}


def matrix(recording, order, t_scale=1.0):
    events = recording.events
    one = {name: events[name].astype(float) for name in "txyp"}
    one["t"] *= t_scale
    return np.stack([one[name] for name in order], 1)


def put(group, recording, names="txyp", **kept):
    for name, ours in zip(names.split(",") if "," in names else names, "txyp", strict=True):
        group.create_dataset(name, data=recording.events[ours], **kept)


def dsec(file, recording):
    put(file.create_group("events"), recording, compression="gzip")
    file["ms_to_idx"] = np.arange(3)
    file["t_offset"] = 57_922_807_588


def m3ed(file, recording):
    for side in ("left", "right"):
        group = file.create_group(f"prophesee/{side}")
        put(group, recording)
        group["ms_map_idx"], group["calib/resolution"] = np.arange(3), [1280, 720]
    file["prophesee/right/t"][...] += 5


def rvt(file, recording):
    put(file.create_group("events"), recording)
    file["events/height"], file["events/width"] = 240, 304


def mvsec(file, recording):
    epoch = recording.events.copy()
    epoch["t"] += 1_504_645_177_420_118
    file["davis/left/image_raw"] = np.zeros((2, 4, 5), np.uint8)
    one = matrix(recording, "xytp")
    one[:, 2] = epoch["t"] / 1e6
    one[:, 3] = 2 * one[:, 3] - 1
    file["davis/left/events"] = one
    file["davis/right/events"] = one[:10]


def v2e(file, recording):
    file["events"] = matrix(recording, "txyp").astype(np.uint32)


def event_utils(file, recording):
    put(file.create_group("events"), recording, "ts,xs,ys,ps")
    del file["events/ts"]
    file["events/ts"] = recording.events["t"] / 1e6
    file.attrs["sensor_resolution"] = [260, 346]


def metavision(file, recording):
    kind = [("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")]
    events = np.empty(len(recording.events), kind)
    for name in events.dtype.names:
        events[name] = recording.events[name]
    file["CD/events"] = events
    file.attrs["geometry"] = "640x480"


CASES = {
    dsec: ("DSEC", None, None, 57_922_807_588),
    m3ed: ("M3ED", "left", (1280, 720), 0),
    rvt: ("RVT", None, (304, 240), 0),
    mvsec: ("MVSEC", "left", None, 1_504_645_177_420_118),
    v2e: ("v2e", None, None, 0),
    event_utils: ("event_utils", None, (346, 260), 0),
    metavision: ("Metavision", None, (640, 480), 0),
}


@pytest.mark.parametrize("layout", CASES, ids=lambda layout: layout.__name__)
def test_each_layout_gives_its_events(layout, recording, tmp_path):
    name, camera, sensor, offset = CASES[layout]
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        layout(file, recording)
    options = ReadOptions(camera=camera)
    found = read_events(path, str, options).events
    wanted = recording.events.copy()
    wanted["t"] += offset
    np.testing.assert_array_equal(found, wanted)
    said = summarise(path, options=options)
    assert (said.layout, said.camera, said.unit_from) == (name, camera, "format")
    assert (said.sensor_from == "file") == (sensor is not None)
    if sensor:
        assert (said.width, said.height) == sensor


def test_of_several_cameras_one_is_chosen(recording, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        m3ed(file, recording)
    with pytest.raises(UserError, match="has 2 cameras: choose with --camera left or right"):
        read_events(tmp_path / "a.h5")
    with pytest.raises(UserError, match="has no camera 'middle': it has left or right"):
        read_events(tmp_path / "a.h5", options=ReadOptions(camera="middle"))
    right = read_events(tmp_path / "a.h5", options=ReadOptions(camera="right"))
    np.testing.assert_array_equal(right.events["t"], recording.events["t"] + 5)


@pytest.mark.parametrize("names", ["t,x,y,p", "timestamp,x,y,polarity", "ts,xs,ys,ps"], ids=str)
def test_columns_are_known_by_several_names(names, recording, tmp_path):
    arrays = dict(zip(names.split(","), columns_of(recording).values(), strict=True))
    np.savez(tmp_path / "a.npz", **arrays)
    found = read_events(tmp_path / "a.npz", str).events
    np.testing.assert_array_equal(found, recording.events)


def test_a_structured_array_is_read_from_a_file_of_its_own(recording, tmp_path):
    kind = [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "<i2")]
    events = np.empty(len(recording.events), kind)
    for name in events.dtype.names:
        events[name] = recording.events[name]
    np.save(tmp_path / "a.npy", events)
    np.testing.assert_array_equal(read_events(tmp_path / "a.npy", str).events, recording.events)
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data[: len(data) // 2])
    told = []
    cut = read_events(tmp_path / "a.npy", told.append)
    assert any("events of 1,500 are missing" in line for line in told)
    np.testing.assert_array_equal(cut.events, recording.events[: len(cut.events)])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((9, 4), int), "is an N x 4 matrix, and does not say which column"),
        (np.zeros(9), "holds no fields t, x, y, p"),
    ],
)
def test_arrays_that_say_too_little_are_refused(array, message, tmp_path):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=message):
        read_events(tmp_path / "a.npy")


def test_a_matrix_in_no_known_order_is_refused(recording, tmp_path):
    np.savez(tmp_path / "a.npz", events=matrix(recording, "xytp"))
    with pytest.raises(UserError, match="events has four columns in no order that is known"):
        read_events(tmp_path / "a.npz")


def test_what_else_is_in_a_file_is_told(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["davis/left/image_raw"] = np.zeros((2, 4, 5), np.uint8)
    with pytest.raises(UserError, match=r"it has davis/left/image_raw \(2 x 4 x 5\)"):
        read_events(tmp_path / "a.h5")


def test_polarity_of_three_values_is_seen_across_slices(recording, tmp_path, monkeypatch):
    monkeypatch.setattr("neurosvt.formats.arrays.SLICE", 100)
    p = recording.events["p"] * 2 - 1
    p[-1] = 0
    np.savez(tmp_path / "a.npz", **columns_of(recording) | {"p": p})
    with pytest.raises(UserError, match="p holds -1 and 0"):
        read_events(tmp_path / "a.npz", str)


def test_a_filter_that_is_missing_is_named(recording, tmp_path, monkeypatch):
    hdf5plugin = pytest.importorskip("hdf5plugin")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        put(file.create_group("events"), recording, compression=hdf5plugin.Blosc(cname="zstd"))
        file["ms_to_idx"] = np.arange(3)
    np.testing.assert_array_equal(read_events(tmp_path / "a.h5", str).events, recording.events)
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda number: False)
    with pytest.raises(ConfigError, match="compressed with Blosc, which is missing: pip install"):
        read_events(tmp_path / "a.h5")


def test_arrays_of_other_files_and_giant_pieces_are_refused(recording, tmp_path, monkeypatch):
    layout = h5py.VirtualLayout((9,), "i8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "b.h5"), "t", (9,))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in "txyp":
            file.create_virtual_dataset(name, layout)
    with pytest.raises(UserError, match="lies in another file"):
        read_events(tmp_path / "a.h5")
    monkeypatch.setattr(hdf5, "LARGEST_CHUNK", 1000)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dsec(file, recording)
    with pytest.raises(UserError, match="is stored in pieces of more than 1,000 bytes"):
        read_events(tmp_path / "a.h5")


def test_a_heap_of_strings_that_hdf5_would_never_get_past_is_refused(recording, tmp_path):
    path = tmp_path / "metavision.hdf5"
    with h5py.File(path, "w") as file:
        file["CD/events"], file.attrs["geometry"] = recording.events, "640x480"
    data = bytearray(path.read_bytes())
    free = data.index(b"640x480") + 8  # the entry behind it, whose size counts its own head
    for size in (0, 8, 1 << 40):
        data[free + 8 : free + 16] = size.to_bytes(8, "little")
        path.write_bytes(data)
        with pytest.raises(UserError, match="a heap of strings does not add up"):
            read_events(path)


@pytest.mark.parametrize("others", [0, 20], ids=["in a header", "in a heap"])
@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_strings_of_any_length_are_found_wherever_hdf5_puts_them(
    recording, tmp_path, version, others
):
    path = tmp_path / "metavision.hdf5"
    with h5py.File(path, "w", libver=version) as file:
        for i in range(others):
            file.attrs[f"other {i}"] = "geometry"
        file["CD/events"], file.attrs["geometry"] = recording.events, "640x480"
    assert read_events(path).width == 640


def test_a_string_that_would_be_longer_than_the_file_is_refused(recording, tmp_path):
    """HDF5 makes room for it: two GiB."""
    path = tmp_path / "metavision.hdf5"
    with h5py.File(path, "w") as file:
        file["CD/events"], file.attrs["geometry"] = recording.events, "640x480"
    data = bytearray(path.read_bytes())
    name = data.index(b"geometry\0")
    length = data.index((7).to_bytes(4, "little"), name)
    data[length + 3] = 0x80
    path.write_bytes(data)
    with pytest.raises(UserError, match="geometry would be longer than the file"):
        read_events(path)
    data[length + 3], data[name - 6] = 0, 99
    path.write_bytes(data)
    with pytest.raises(UserError, match="is damaged"):
        read_events(path)


@pytest.mark.parametrize("offset", [2**62 + 1, -(2**62) - 1, 0.5, [1, 2]])
def test_an_offset_of_times_is_one_whole_number_that_leaves_room(offset, recording, tmp_path):
    path = tmp_path / "dsec.h5"
    with h5py.File(path, "w") as file:
        dsec(file, recording)
        del file["t_offset"]
        file["t_offset"] = offset
    with pytest.raises(UserError, match="t_offset must be one integer"):
        read_events(path)
