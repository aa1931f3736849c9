import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from neurosvt.classification.edges import correlation
from neurosvt.classification.slopes import measure_slopes
from neurosvt.cli import main
from neurosvt.datasets.any_image import read_named_images
from neurosvt.experiments.checkpoints import load
from neurosvt.training import checkpoint

FIELDS = [
    "model", "dataset", "layer", "slope_low", "slope_mean", "slope_high", "edge_correlation", "low",
    "high", "edge_correlation_in_place", "samples",
]  # fmt: skip


@pytest.fixture
def trained(trained):
    """A tiny run whose slopes differ from token to token, but for the last layer's."""
    path = Path(trained) / "best.safetensors"
    tensors, metadata = checkpoint.read_tensors(path)
    for name, tensor in tensors.items():
        if name.endswith("slope.answer.weight"):
            tensor.copy_(torch.randn_like(tensor) * (not name.startswith("fire.")))
    checkpoint.write_tensors(path, tensors, metadata)
    return trained


@pytest.fixture
def photograph():
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save("thing.png")
    return "thing.png"


def test_every_image_becomes_a_picture(trained, photograph, capsys):
    assert main(["heatmap", trained, photograph, "test:3", photograph, "--grid", "all.png"]) == 0
    written = ["heatmaps/thing.png", "heatmaps/test_3.png", "heatmaps/thing_2.png", "all.png"]
    assert capsys.readouterr().out.splitlines()[:4] == written
    for path in written:
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert np.asarray(image.convert("L")).std() > 10


def test_a_figure_that_does_not_exist_is_no_number(trained, photograph, capsys):
    """Slopes that are all equal correlate with nothing."""
    assert main(["heatmap", trained, photograph]) == 0
    told = capsys.readouterr().out
    assert "nan" not in told
    assert "(none to none)" in told


def test_without_images_all_test_images_are_held_against_edges(trained, rows_of, tmp_path):
    assert main(["heatmap", trained, "--json", "rows.json"]) == 0
    record = rows_of(tmp_path / "rows.json")
    assert record["command"] == "neurosvt heatmap out"
    names, pixels = read_named_images([], 32, print)
    assert names == []
    found = measure_slopes(load(trained).model, pixels)
    assert [row["layer"] for row in record["rows"]] == list(found.slopes)
    for row in record["rows"]:
        assert list(row) == FIELDS
        assert 1 <= row["slope_low"] <= row["slope_high"] <= 5
        assert (row["dataset"], row["samples"]) == ("cifar10", 20)
        value = correlation(found.slopes[row["layer"]], found.edges).value
        none = math.isnan(value)  # slopes that are all alike
        assert row["edge_correlation"] == (None if none else pytest.approx(value))
    assert not Path("heatmaps").exists()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Path("bad.png").write_text("no"), "bad.png is no image, or a damaged one"),
        (lambda: None, "bad.png: no such file"),
    ],
)
def test_a_file_that_is_no_image_is_told_in_one_line(make, message, trained, capsys):
    make()
    assert main(["heatmap", trained, "bad.png"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("heatmaps").exists()


def test_an_image_of_any_size_is_cut_to_its_middle_and_resized(trained, capsys):
    Image.new("RGB", (64, 48), "red").save("photo.png")
    assert main(["heatmap", trained, "photo.png"]) == 0
    assert "photo.png: 64 x 48 pixels; its middle 48 x 48, resized" in capsys.readouterr().err
    assert Path("heatmaps/photo.png").is_file()


@pytest.mark.parametrize("word", ["test:20", "test:-1", "test:one"])
def test_a_test_image_that_is_not_there_is_told(word, trained, capsys):
    assert main(["heatmap", trained, word]) == 2
    assert f"{word}: a test image is test:0 to test:19" in capsys.readouterr().err


def test_a_run_without_slopes_of_tokens_is_told(train_images, capsys):
    assert train_images("--out", "fixed", model__slope=2) == 0
    assert main(["heatmap", "fixed", "test:0"]) == 2
    assert "the model learnt no slopes of tokens" in capsys.readouterr().err


def test_a_file_where_pictures_should_go_is_named(refused, tmp_path):
    (tmp_path / "taken").write_text("")
    line = refused("heatmap", "dysvit", "test:0", "--out", "taken")
    assert "taken is a file; --out names a folder" in line


def test_a_grid_of_nothing_is_refused(refused):
    assert "--grid wants images" in refused("heatmap", "permanence", "--grid", "a.png")
