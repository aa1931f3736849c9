"""Recordings of one's own, from an index to tracks."""

import json
from pathlib import Path

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.datasets.described import (
    described,
    described_classes,
    parted,
    prepare_described,
)
from neurosvt.datasets.index import Entry
from neurosvt.datasets.tracks import described_tracks
from neurosvt.events.recording import Recording, pack_events
from neurosvt.formats import write_events

SENSOR = (346, 260)
SECOND = 1_000_000


def moving(seconds=2.0, speed=60.0, x=60.0, y=130.0, start=5 * SECOND):
    """A blob of events that moves to the right on a sensor of 346 x 260 pixels, 20 an instant."""
    rng = np.random.default_rng(0)
    t = np.repeat(np.arange(0, int(seconds * SECOND), 2_000), 20)
    at_x = x + speed * t / SECOND + rng.uniform(-6, 6, len(t))
    at_y = y + rng.uniform(-6, 6, len(t))
    events = pack_events(t + start, at_x.astype(int), at_y.astype(int), rng.integers(0, 2, len(t)))
    return Recording(events, *SENSOR, None, "blob")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with two recordings and an index of them."""
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path / "data"))
    write_events(tmp_path / "cup.npz", moving())
    write_events(tmp_path / "pen.npz", moving(y=60.0))
    (tmp_path / "index.csv").write_text(
        "recording,class,split,hidden\ncup.npz,cup,train,0.5-0.8\npen.npz,pen,train,\n"
    )
    return tmp_path


def test_a_prepared_folder_says_what_its_recordings_show(place):
    assert prepare_described(place / "index.csv", place / "data" / "own")
    assert described_classes("own") == ("cup", "pen")
    cup, pen = described("own", "train")
    assert (cup.label, pen.label, cup.from_s, cup.hidden) == (0, 1, 0.0, ((0.5, 0.8),))
    assert cup.to_s == pytest.approx(0.8 * 2, abs=0.01), "its end validates"
    assert [entry.from_s for entry in described("own", "validation")] == [cup.to_s, pen.to_s]
    with pytest.raises(UserError, match="no recording for test"):
        described("own", "test")


def test_it_is_made_once_and_another_is_not_written_over_it(place):
    own = place / "data" / "own"
    assert prepare_described(place / "index.csv", own)
    assert not prepare_described(place / "index.csv", own)
    (place / "index.csv").write_text("recording,class,split\ncup.npz,cup,train\n")
    with pytest.raises(UserError, match="holds another data set"):
        prepare_described(place / "index.csv", own)


def test_events_tell_where_an_object_is_on_the_models_square(place):
    prepare_described(place / "index.csv", place / "data" / "own")
    cup, _ = described_tracks("own", "train", 64, 10_000)
    assert cup.frames.shape[1:] == (2, 64, 64)
    times = 0.01 * np.arange(1, len(cup.frames) + 1)
    # 346 pixels are blocks of 6 on 58 of 64: three pixels are left out on either side.
    expected = (np.stack([60 + 60 * times, np.full_like(times, 130)], -1) / 6 + (3, 10)) / 64
    np.testing.assert_allclose(cup.position[5:-5], expected[5:-5], atol=0.5 / 64)
    assert cup.hidden.nonzero()[0].tolist() == list(range(50, 80))


def test_boxes_tell_where_it_is_and_are_told_in_the_recordings_time(place):
    (place / "boxes.csv").write_text("t_s,left,top,width,height\n0,50,120,20,20\n2,170,120,20,20\n")
    (place / "index.csv").write_text(
        "recording,class,split,from,boxes\ncup.npz,cup,train,1,boxes.csv\n"
    )
    # Of what comes before one second no box is kept, so the first that is known is the last.
    with_first = "t_s,left,top,width,height\n" + "".join(
        f"{t / 10},{50 + 6 * t},120,20,20\n" for t in range(21)
    )
    (place / "boxes.csv").write_text(with_first)
    prepare_described(place / "index.csv", place / "data" / "own")
    (cup,) = described_tracks("own", "train", 64, 10_000)
    x = cup.position[:, 0] * 64 - 3
    times = 1 + 0.01 * np.arange(1, len(cup.frames) + 1)
    np.testing.assert_allclose(x * 6, 60 + 60 * times, atol=0.5)


def test_an_object_that_rests_is_where_the_index_says(place):
    (place / "index.csv").write_text("recording,class,split,x,y\ncup.npz,cup,train,173,130\n")
    prepare_described(place / "index.csv", place / "data" / "own")
    (cup,) = described_tracks("own", "train", 64, 10_000)
    np.testing.assert_allclose(cup.position, np.full_like(cup.position, 0.5), atol=0.02)


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ("recording,class,to\ncup.npz,cup,9\n", "ends after 1.998 s, before what is said"),
        ("recording,class,hidden\ncup.npz,cup,1-4\n", "before what is said"),
        ("recording,class,from\ncup.npz,cup,7\n", "no event from 7 s on"),
        ("recording,class,x,y\ncup.npz,cup,500,3\n", r"\(500, 3\) lies beside the sensor"),
    ],
)
def test_labels_that_do_not_fit_a_recording_are_told(place, rows, named):
    (place / "index.csv").write_text(rows)
    with pytest.raises(UserError, match=f"line 2.*{named}"):
        prepare_described(place / "index.csv", place / "data" / "own")


def test_sessions_are_parts_where_the_index_leaves_them_open():
    entries = [Entry(Path(f"{s}.raw"), "cup", session=s) for s in "abc"]
    assert [entry.split for entry in parted(entries)] == ["train", "validation", "test"]
    assert [entry.split for entry in parted(entries[:2])] == ["", ""]


def test_without_sessions_every_recordings_end_judges(place):
    (place / "index.csv").write_text("recording,class\ncup.npz,cup\npen.npz,pen\n")
    prepare_described(place / "index.csv", place / "data" / "own")
    parts = [
        [e.from_s for e in described("own", split)] for split in ("train", "validation", "test")
    ]
    assert [round(starts[0], 1) for starts in parts] == [0.0, 1.2, 1.6]


def test_a_folder_that_is_none_or_is_damaged_is_said(place):
    with pytest.raises(FileNotFoundError, match="is no prepared data set"):
        described_classes("nowhere")
    own = place / "data" / "own"
    prepare_described(place / "index.csv", own)
    (own / "dataset.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        described_classes("own")
    (own / "dataset.json").write_text(json.dumps({"version": 7}))
    with pytest.raises(UserError, match="another version"):
        described_classes("own")
