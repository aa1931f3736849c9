"""Prophesee's raw files: EVT 4.0, and the two orders of EVT 2.1."""

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.events.recording import Recording
from neurosvt.formats import read_events
from neurosvt.formats.evt4 import decode
from neurosvt.formats.options import ReadOptions
from neurosvt.formats.source import STATE
from neurosvt.formats.summary import summarise

TIME, ON, OFF_ROW, ON_ROW = 14 << 28, 11 << 28, 12 << 28, 13 << 28


def evt4_events(*words, cut=None):
    state = np.zeros((), STATE)
    state["width"] = state["height"] = 1 << 11
    state["last"] = -(2**63)
    data, found = np.array(words, "<u4"), []
    for part in (data[:cut], data[cut:]) if cut is not None else (data,):
        found += decode(part.tobytes(), len(part), state).tolist()
    return found


@pytest.mark.parametrize("cut", [None, 1, 2, 3, 4, 5, 6])
def test_second_halves_of_evt4_are_no_words_of_their_own(cut):
    """Whatever their bits look like, and wherever a block ends."""
    words = [
        TIME | 2, ON_ROW | 5 << 22 | 64 << 11 | 9, ON_ROW,  # a mask that looks like a first half
        ON | 6 << 22 | 7 << 11 | 8, OFF_ROW | 7 << 22 | 3 << 11 | 4, TIME | 1,
        0xFFFFFFFF,
    ]  # fmt: skip
    found = evt4_events(*words, cut=cut)
    of_mask = [(133, 64 + bit, 9, True) for bit in range(32) if ON_ROW >> bit & 1]
    of_other = [(135, 3 + bit, 4, False) for bit in range(32) if (TIME | 1) >> bit & 1]
    assert found == [*of_mask, (134, 7, 8, True), *of_other]


@pytest.fixture
def swapped(made_up, written, tmp_path):
    """An EVT 2.1 file as an IMX636 sends it, and its recording; the header is to be completed."""
    recording = made_up(8, 400, (1280, 720), start=10_000)
    header, body = written("evt2.1", recording).split(b"% end\n", 1)
    header = header.replace(b"% endianness little\n", b"")
    halves = np.frombuffer(body, "<u4").reshape(-1, 2)[:, ::-1].tobytes()
    return recording, header, body, halves


@pytest.mark.parametrize("stated", ["", "% endianness legacy\n", "camera"])
def test_both_orders_of_evt21_are_told_apart(stated, swapped, tmp_path):
    recording, header, body, halves = swapped
    path = tmp_path / "a.raw"
    options = ReadOptions(camera="imx636" if stated == "camera" else None)
    path.write_bytes(header + stated.encode() * (stated != "camera") + b"% end\n" + halves)
    np.testing.assert_array_equal(read_events(path, options=options).events, recording.events)
    path.write_bytes(header + b"% end\n" + body)
    np.testing.assert_array_equal(read_events(path).events, recording.events)


def test_an_order_that_nothing_decides_is_asked_for(swapped, tmp_path):
    _, header, *_ = swapped
    path = tmp_path / "a.raw"
    path.write_bytes(header + b"% end\n" + bytes(80))  # words of both orders, without a time
    with pytest.raises(UserError, match="--camera imx636 or --camera genx320"):
        summarise(path)
    with pytest.raises(UserError, match="comes from imx636 or genx320, not left"):
        summarise(path, options=ReadOptions(camera="left"))
    path.write_bytes(header + b"% endianness big\n% end\n" + bytes(80))
    with pytest.raises(UserError, match="has words in the order 'big'"):
        summarise(path)


@pytest.mark.parametrize(("stated", "what"), [("HISTO3D", "counts"), ("DIFF3D", "differences")])
def test_frames_in_a_raw_file_are_named(stated, what, tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(f"% format {stated};height=320;width=320\n% end\n".encode() + bytes(64))
    with pytest.raises(UserError, match=f"holds frames of {what} .{stated}., not events"):
        read_events(path)


def test_a_pair_that_is_cut_is_counted(written, made_up, tmp_path):
    recording = made_up(9, 1, (240, 180))
    row = np.repeat(recording.events, 5)
    row["x"] = np.arange(5)
    data = written("evt4", Recording(row, 240, 180))
    (tmp_path / "a.raw").write_bytes(data + data[-8:-4])  # a first half, and nothing behind it
    assert summarise(tmp_path / "a.raw").lost_bytes == 4
