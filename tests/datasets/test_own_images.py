"""Photographs of one's own: a folder per class, any size."""

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.datasets.described import described_classes
from neurosvt.datasets.index import class_folders
from neurosvt.datasets.own_images import holds_images, images_table, own_images, prepare_images
from neurosvt.experiments.registry import load_run

Image = pytest.importorskip("PIL.Image", reason="needs the extra data")
COLOURS = {"red": (220, 20, 20), "green": (20, 200, 30), "blue": (30, 20, 230)}


def photographs(place, count=20, parts=("",)):
    """Folders of images of one colour each and of many sizes."""
    for part in parts:
        for name, colour in COLOURS.items():
            (place / part / name).mkdir(parents=True)
            for number in range(count):
                size = (40 + 7 * number, 90 - number)
                Image.new("RGB", size, colour).save(place / part / name / f"{number:02}.png")
    return place


@pytest.fixture
def place(tmp_path):
    return photographs(tmp_path / "photographs")


def test_images_of_any_size_become_squares_with_parts_of_their_own(place, tmp_path):
    assert holds_images(place)
    assert prepare_images(place, tmp_path / "own")
    assert not prepare_images(place, tmp_path / "own"), "once"
    table = images_table(tmp_path / "own")
    assert table["classes"] == ["blue", "green", "red"]
    assert table["images"] == {"train": 48, "validation": 6, "test": 6}
    images = own_images(tmp_path / "own", "test", 64)
    assert images.pixels.shape == (6, 3, 64, 64)
    assert images.labels.tolist() == [0, 0, 1, 1, 2, 2]
    colours = [COLOURS[table["classes"][label]] for label in images.labels]
    np.testing.assert_array_equal(images.pixels[:, :, 32, 32], colours)
    small = own_images(tmp_path / "own", "train", 24)
    assert small.pixels.shape == (48, 3, 24, 24)


def test_parts_that_there_are_are_kept(tmp_path):
    place = photographs(tmp_path / "photographs", 10, ("train", "val", "test"))
    prepare_images(place, tmp_path / "own")
    assert images_table(tmp_path / "own")["images"] == dict.fromkeys(
        ("train", "validation", "test"), 30
    )
    place = photographs(tmp_path / "two", 10, ("train", "test"))
    prepare_images(place, tmp_path / "other")
    assert images_table(tmp_path / "other")["images"] == {
        "train": 27, "validation": 3, "test": 30,
    }  # fmt: skip


def test_what_is_wrong_is_said(place, tmp_path):
    with pytest.raises(FileNotFoundError, match="is no prepared data set"):
        images_table(tmp_path / "none")
    (place / "red" / "05.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"05\.png is no image"):
        prepare_images(place, tmp_path / "own")
    assert not (tmp_path / "own" / "dataset.json").exists()
    (place / "red" / "05.png").unlink()
    prepare_images(place, tmp_path / "own")
    (place / "red" / "06.png").unlink()
    with pytest.raises(UserError, match="holds another data set"):
        prepare_images(place, tmp_path / "own")
    with pytest.raises(UserError, match="split"):
        own_images(tmp_path / "own", "all", 32)
    (tmp_path / "alone" / "red").mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(tmp_path / "alone" / "red" / "a.png")
    with pytest.raises(UserError, match="one class alone: red"):
        prepare_images(tmp_path / "alone", tmp_path / "never")


def test_a_folder_with_other_files_is_of_recordings(place):
    assert len(class_folders(place)) == 60
    (place / "red" / "a.raw").write_bytes(b"% evt 3.0\n")
    assert not holds_images(place)
    assert not holds_images(place / "nowhere")


def test_a_folder_stands_for_a_run(place, tmp_path):
    prepare_images(place, tmp_path / "own")
    run = load_run(str(tmp_path / "own"))
    assert run.classes == ("blue", "green", "red")
    assert (run.model.kind, run.model.classes) == ("dysvit", 3)
    assert (run.train.start, run.train.images, run.train.batch) == ("dysvit", 48, 48)
    assert len(run.samples("validation")) == 6


def test_a_folder_of_another_kind_or_a_damaged_one_is_said(place, tmp_path):
    own = tmp_path / "own"
    prepare_images(place, own)
    with pytest.raises(UserError, match="is of images, not of recordings"):
        described_classes(own)
    (own / "dataset.json").write_text("{")
    for touched in (
        lambda: images_table(own),
        lambda: load_run(str(own)),
        lambda: prepare_images(place, own),
    ):
        with pytest.raises(UserError, match="is damaged"):
            touched()
