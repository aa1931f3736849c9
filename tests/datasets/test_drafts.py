"""Draft labels: boxes about events, and a line in an index."""

import csv

import numpy as np
import pytest

from neurosvt.cli import main
from neurosvt.config import UserError
from neurosvt.datasets.boxes import read_boxes
from neurosvt.datasets.drafts import draft_labels, label_file
from neurosvt.datasets.index import read_index
from neurosvt.events.recording import Recording, pack_events
from neurosvt.formats import write_events


def rolling(quiet=(1.0, 1.5), start=3_000_000):
    """A square of 21 pixels that rolls to the right for 2 s and makes no event in between."""
    rng = np.random.default_rng(0)
    t = np.repeat(np.arange(0, 2_000_000, 1_000), 10)
    t = t[(t < quiet[0] * 1e6) | (t >= quiet[1] * 1e6)]
    x = (30 + 50e-6 * t + rng.uniform(-10, 11, len(t))).astype(int)
    y = (40 + rng.uniform(-10, 11, len(t))).astype(int)
    return Recording(pack_events(t + start, x, y, rng.integers(0, 2, len(t))), 346, 260)


def test_boxes_follow_the_events_and_gaps_are_told():
    draft = draft_labels(rolling())
    assert draft.seconds == pytest.approx(2.0, abs=0.01)
    t = draft.boxes.t
    np.testing.assert_allclose(draft.boxes.middle(t)[3:-3, 0], 30 + 50 * t[3:-3], atol=2)
    np.testing.assert_allclose(draft.boxes.box[:, 2:], 20, atol=4)
    ((begin, end),) = draft.hidden
    assert begin == pytest.approx(1.0, abs=0.06)
    assert end == pytest.approx(1.5, abs=0.06)


def test_stray_events_do_not_widen_a_box():
    recording = rolling()
    stray = recording.events[::40].copy()
    stray["x"], stray["y"] = 340, 250
    events = np.sort(np.concatenate([recording.events, stray]), order="t", kind="stable")
    noisy = draft_labels(Recording(events, 346, 260))
    np.testing.assert_allclose(noisy.boxes.box, draft_labels(recording).boxes.box, atol=3)


def test_what_cannot_be_labelled_is_said():
    with pytest.raises(UserError, match="holds no event to label"):
        draft_labels(Recording(rolling().events[:0], 346, 260))
    with pytest.raises(UserError, match="never 10 events within 50 ms"):
        draft_labels(Recording(rolling().events[::2000], 346, 260))


def test_a_draft_is_a_line_of_an_index_that_can_be_prepared(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("cup", "pen"):
        write_events(f"{name}.npz", rolling())
        assert main(["data", "label", f"{name}.npz", "--class", name]) == 0
    assert "without events: 1.0" in capsys.readouterr().out
    cup, pen = read_index("index.csv")
    assert (cup.label, pen.label, len(cup.hidden)) == ("cup", "pen", 1)
    assert cup.boxes == tmp_path.joinpath("cup_boxes.csv").relative_to(tmp_path)
    boxes = read_boxes(cup.boxes)
    np.testing.assert_allclose(boxes.middle(np.array([0.5]))[0], (55, 40), atol=2)
    assert main(["data", "prepare", "index", "index.csv", "own"]) == 0


def test_what_was_corrected_by_hand_is_kept(tmp_path):
    write_events(tmp_path / "cup.npz", rolling())
    index = tmp_path / "index.csv"
    label_file(tmp_path / "cup.npz", "cup", index)
    with pytest.raises(UserError, match=r"has a line for cup\.npz already"):
        label_file(tmp_path / "cup.npz", "cup", index)
    index.write_text(index.read_text().replace(",cup,", ",mug,"))
    write_events(tmp_path / "pen.npz", rolling())
    (tmp_path / "pen_boxes.csv").write_text("t_s,left,top,width,height\n0,1,1,1,1\n")
    with pytest.raises(UserError, match="what was corrected is not written over"):
        label_file(tmp_path / "pen.npz", "pen", index)
    (tmp_path / "pen_boxes.csv").unlink()
    label_file(tmp_path / "pen.npz", "pen", index)
    with index.open() as lines:
        assert [row["class"] for row in csv.DictReader(lines)] == ["mug", "pen"]


def test_an_index_that_is_wrong_is_not_added_to(tmp_path):
    write_events(tmp_path / "cup.npz", rolling())
    for text, said in (
        ("recording,clas\n", "column 'clas' is unknown"),
        ('[{"recording": "cup.npz", "class": "cup"}]', "drafts are lines of CSV"),
    ):
        (tmp_path / "index.csv").write_text(text)
        with pytest.raises(UserError, match=said):
            label_file(tmp_path / "cup.npz", "cup", tmp_path / "index.csv")
        assert (tmp_path / "index.csv").read_text() == text
        assert not (tmp_path / "cup_boxes.csv").exists()
