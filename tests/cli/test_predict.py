import csv

import numpy as np
import pytest
from PIL import Image

from neurosvt import load
from neurosvt.cli import main
from neurosvt.config import UserError
from neurosvt.datasets.cifar10 import CIFAR10_CLASSES
from neurosvt.events.recording import EVENT, Recording
from neurosvt.formats import write_events


def made_up(events=400, side=100):
    rng = np.random.default_rng(0)
    made = np.zeros(events, EVENT)
    made["t"] = np.sort(rng.integers(0, 300_000, events))
    made["x"], made["y"] = rng.integers(0, side, (2, events))
    return Recording(made, side, side, name="cup")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A recording and two images, one of them of the model's size, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    write_events(tmp_path / "cup.npz", made_up())
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (32, 32, 3), np.uint8)).save(tmp_path / "small.png")
    Image.fromarray(rng.integers(0, 255, (50, 80), np.uint8)).save(tmp_path / "large.png")
    return tmp_path


def test_images_get_a_row_each_and_what_was_resized_is_said(files, capsys, rows_of):
    words = ["small.png", "large.png", "--json", "rows.json", "--csv", "rows.csv"]
    assert main(["predict", "dysvit", *words]) == 0
    printed = capsys.readouterr()
    assert "large.png: 80 x 50 pixels; its middle 50 x 50, resized to 32 x 32" in printed.err
    assert "small.png" not in printed.err
    rows = rows_of(files / "rows.json")["rows"]
    assert [row["file"] for row in rows] == ["small.png", "large.png"]
    for row in rows:
        assert row["class"] in printed.out
        shares = {name: row[f"probability_{name}"] for name in CIFAR10_CLASSES}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-4)
        assert row["class"] == max(shares, key=shares.get)
    with open(files / "rows.csv", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [row["class"] for row in table] == [row["class"] for row in rows]


def test_a_recording_gets_a_row_a_window(files, capsys, rows_of):
    assert main(["predict", "permanence", "cup.npz", "--json", "all.json"]) == 0
    assert main(["predict", "permanence", "cup.npz", "--every", "7", "--json", "some.json"]) == 0
    every, some = (rows_of(files / f"{name}.json")["rows"] for name in ("all", "some"))
    assert [row["window"] for row in every] == list(range(30))
    assert sum(row["events"] for row in every) == 400
    assert some == [every[i] for i in (0, 7, 14, 21, 28, 29)], "the model has seen them all"
    assert every[-1]["class"] in capsys.readouterr().out


def test_python_gives_the_same(files, rows_of):
    assert main(["predict", "permanence", "cup.npz", "--json", "all.json"]) == 0
    rows = rows_of(files / "all.json")["rows"]
    for recording in ("cup.npz", made_up()):
        found = load("permanence").predict(recording)
        assert [one.row() for one in found] == [
            {name: value for name, value in row.items() if name not in ("model", "file")}
            for row in rows
        ]
    pixels = np.asarray(Image.open("small.png"))
    (of_file,), (of_array,) = (load("dysvit").predict(it) for it in ("small.png", pixels))
    assert of_file.probabilities == of_array.probabilities


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["permanence", "nowhere.raw"], "nowhere.raw: no such file"),
        (["nowhere", "cup.npz"], "nowhere"),
        (["dysvit", "cup.npz"], "cup.npz is no image"),
        (["permanence", "small.png"], "small.png"),
        (["permanence", "cup.npz", "--every", "0"], "every must be at least 1"),
        (["permanence", "cup.npz", "--csv", "nowhere/rows.csv"], "no folder nowhere"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_one_line(words, names, files, refused):
    assert names in refused("predict", *words)


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 5), np.uint8), np.zeros((4, 5, 3)), np.zeros((2, 4, 5, 2), np.uint8)]
)
def test_an_array_that_is_no_image_is_refused(pixels):
    with pytest.raises(UserError, match="uint8, red, green, blue"):
        load("dysvit").predict(pixels if pixels.ndim != 2 else [pixels])


def test_no_images_are_told():
    with pytest.raises(UserError, match="no images"):
        load("dysvit").predict([])
