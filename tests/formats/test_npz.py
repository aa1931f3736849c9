"""NumPy archives, as people write them and as they break."""

import contextlib
import io
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.events.recording import EVENT, pack_events
from neurosvt.formats import DamageWarning, read_events

pytestmark = pytest.mark.filterwarnings("ignore:.*is not stated")

COLUMNS = {
    "t": np.array([10, 30, 20_010, 20_010]),
    "x": np.array([0, 3, 2, 2]),
    "y": np.array([5, 0, 1, 1]),
    "p": np.array([1, 0, 1, 0]),
}


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
    recording = read_events(tmp_path / "walk.npz")
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
    recording = read_events(tmp_path / "a.npz")
    assert (recording.width, recording.height, recording.label) == (346, 260, 7)


def test_an_event_off_the_stated_sensor_is_left_out_and_told(tmp_path):
    np.savez(tmp_path / "a.npz", **COLUMNS | {"width": 3})
    with pytest.warns(DamageWarning, match="1 events lie off the sensor"):
        recording = read_events(tmp_path / "a.npz")
    assert recording.events["x"].tolist() == [0, 2, 2]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "holds no t, x, y, p"),
        ({"t": COLUMNS["t"]}, "holds no x, y, p"),
        ({k: v[:0] for k, v in COLUMNS.items()}, "holds no events"),
        (COLUMNS | {"x": np.arange(3)}, "one length"),
        (COLUMNS | {"t": COLUMNS["t"] / 1e6}, "t holds float64, as seconds do: say its unit"),
        (COLUMNS | {"x": -COLUMNS["x"]}, "x must lie in 0..65535, got -3..0"),
        (COLUMNS | {"y": COLUMNS["y"] + 70_000}, "y must lie in 0..65535"),
        (COLUMNS | {"p": COLUMNS["p"] * 255}, "p must lie in -1..1"),
        (COLUMNS | {"t": COLUMNS["t"].astype(np.uint64) + 2**63}, "t must lie in"),
        (COLUMNS | {"width": np.arange(2)}, "width must be one integer"),
        (COLUMNS | {"height": np.array(0)}, "states a sensor of 4 x 0 pixels"),
        ({"events": np.arange(4)}, "holds no t, x, y, p"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_file_is_refused_in_one_line_that_names_it(tmp_path, arrays, message):
    path = tmp_path / "wrong.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message) as caught:
        read_events(path)
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
    "text": b"t x y p\none 2 3 1\n",
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
    with pytest.raises(
        ValueError,
        match=r"not a readable npz file|no event file that is known|is empty|holds no fields",
    ) as caught:
        read_events(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@given(at=st.integers(0, 10**6), bits=st.integers(1, 255))
def test_a_file_with_any_damaged_byte_never_fails_otherwise(tmp_path_factory, at, bits):
    """It is refused, or the byte was one that nothing depends on."""
    whole = bytearray(_whole())
    whole[at % len(whole)] ^= bits
    path = tmp_path_factory.mktemp("damaged") / "a.npz"
    path.write_bytes(whole)
    with contextlib.suppress(ValueError), warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        read_events(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(FileNotFoundError, match=str(path)):
            read_events(path)
