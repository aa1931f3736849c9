"""Boxes of trackers and annotators."""

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.datasets.boxes import Boxes, read_boxes

MOT = "1,7,10,20,4,6,0.9,-1,-1,-1\n2,7,12,20,4,6,0.9,-1,-1,-1\n2,8,50,50,2,2,0.9,-1,-1,-1\n"


@pytest.fixture
def written(tmp_path):
    def write(text, name="boxes.txt"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_motchallenge_counts_frames_from_one_and_tells_objects_apart(written):
    boxes = read_boxes(written(MOT), fps=10.0, track=7)
    assert boxes.t.tolist() == [0.0, 0.1]
    assert boxes.box.tolist() == [[10, 20, 4, 6], [12, 20, 4, 6]]


def test_otb_has_a_box_a_line_and_named_columns_say_what_they_are(written):
    otb = read_boxes(written("205\t151\t17\t50\n202,150,19,49\n"), fps=25.0)
    assert otb.t.tolist() == [0.0, 0.04]
    assert otb.box[1].tolist() == [202, 150, 19, 49]
    named = "frame,id,bb_left,bb_top,bb_width,bb_height\n20,19,454,232,32.9,85\n"
    assert read_boxes(written(named), fps=7.0).t.tolist() == [19 / 7]
    seconds = read_boxes(written("t_s,left,top,width,height\n0.5,1,2,3,4\n0.25,5,6,7,8\n"))
    assert (seconds.t.tolist(), seconds.box[0].tolist()) == ([0.25, 0.5], [5, 6, 7, 8])


def test_arrays_like_those_of_dsec_have_times_of_their_own(tmp_path):
    kind = [
        ("t", "<u8"),
        ("x", "<f4"),
        ("y", "<f4"),
        ("w", "<f4"),
        ("h", "<f4"),
        ("track_id", "<u4"),
    ]
    rows = np.array([(5_000_000, 1, 2, 3, 4, 0), (5_500_000, 2, 2, 3, 4, 0)], kind)
    np.save(tmp_path / "boxes.npy", rows)
    boxes = read_boxes(tmp_path / "boxes.npy", start_us=4_000_000)
    assert boxes.t.tolist() == [1.0, 1.5]


def test_between_two_boxes_the_middle_moves_evenly_and_beyond_them_it_is_not_known():
    boxes = Boxes(np.array([1.0, 2.0]), np.array([[0.0, 0, 2, 2], [10, 0, 2, 4]]))
    middle = boxes.middle(np.array([0.5, 1.0, 1.5, 2.0, 2.5]))
    assert np.isnan(middle[[0, -1]]).all()
    assert middle[1:-1].tolist() == [[1, 1], [6, 1.5], [11, 2]]


@pytest.mark.parametrize(
    ("text", "options", "named"),
    [
        (MOT, {"fps": 10.0}, "holds 2 objects: track names one of 7, 8"),
        (MOT, {"fps": 10.0, "track": 9}, "no box of track 9"),
        (MOT, {"track": 7}, "fps must say"),
        (MOT, {"track": 7, "fps": float("inf")}, "fps must say"),
        ("1,2,3\n", {}, "3 columns"),
        ("1 2 3 4\n5 6 x 8\n", {"fps": 1.0}, "line 2"),
        ("1 2 3 4\n5 6 7\n", {"fps": 1.0}, "line 2: 3 columns, expected 4"),
        ("t_s,left,top,width\n1,2,3,4\n", {}, "no column for height"),
        ("t_s,left,top,width,height\n1,2,3,4,nan\n", {}, "not finite"),
        ("t_s,left,top,width,height\n1,2,3,-4,5\n", {}, "negative"),
        ("t_s,left,top,width,height\n1,2,3,4,5\n1,2,3,4,5\n", {}, "two boxes at 1 s"),
        ("# nothing\n", {}, "has no box"),
    ],
)
def test_what_is_no_box_is_said_in_a_line(written, text, options, named):
    with pytest.raises(UserError, match=named):
        read_boxes(written(text), **options)


def test_files_of_other_kinds_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_boxes(tmp_path / "none.txt")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UserError, match="is no text"):
        read_boxes(tmp_path / "bytes.txt")
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(UserError, match="is no array"):
        read_boxes(tmp_path / "cut.npy")
    np.save(tmp_path / "plain.npy", np.zeros((3, 4)))
    with pytest.raises(UserError, match="structured array"):
        read_boxes(tmp_path / "plain.npy")


@pytest.mark.parametrize("width", ["f4", "f8"])
def test_numbers_that_signal_are_refused_without_a_warning(tmp_path, width):
    """NaN of the kind at which processors stop: arithmetic and NumPy's casts warn of it."""
    boxes = np.zeros(3, [(name, width) for name in ("t", "x", "y", "w", "h")])
    unsigned = boxes.view("u4" if width == "f4" else "u8")
    unsigned[5] = 0x7FA00000 if width == "f4" else 0x7FF4000000000000  # a time
    np.save(tmp_path / "boxes.npy", boxes)
    with pytest.raises(UserError, match="not finite"):
        read_boxes(tmp_path / "boxes.npy")
