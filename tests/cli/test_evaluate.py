import json

import pytest
import torch

from neurosvt.classification.accuracy import predict_classes
from neurosvt.cli import main
from neurosvt.datasets import cifar10
from neurosvt.engine import ImageEngine
from neurosvt.experiments.checkpoints import WEIGHTS, load
from neurosvt.training import checkpoint


@pytest.mark.parametrize("split", ["test", "validation"])
def test_the_row_is_what_was_promised(trained, split, rows_of, tmp_path, capsys):
    assert main(["evaluate", trained, "--split", split, "--json", "row.json"]) == 0
    record = rows_of(tmp_path / "row.json")
    assert record["command"] == f"neurosvt evaluate out --split {split}"
    (row,) = record["rows"]
    assert list(row) == ["model", "dataset", "split", "accuracy", "low", "high", "samples"]
    images = cifar10.load_cifar10(split)
    hits = predict_classes(load(trained).model, images) == images.labels
    assert row["accuracy"] == hits.mean()
    assert row["low"] <= row["accuracy"] <= row["high"]
    assert (row["model"], row["dataset"], row["split"], row["samples"]) == (
        "out", "cifar10", split, 20,
    )  # fmt: skip
    assert f"out: {row['accuracy']:.2%} of 20 samples" in capsys.readouterr().out


def test_a_half_precision_file_says_the_same_twice(trained, tmp_path):
    for name in ("a.json", "b.json"):
        assert main(["evaluate", trained, "--json", name]) == 0
    one, two = (json.loads((tmp_path / name).read_text())["rows"] for name in ("a.json", "b.json"))
    assert one == two


def test_the_engine_and_pytorch_name_the_same(trained, tmp_path, monkeypatch):
    made, rows = [], []

    def watched(model, weights):
        made.append(weights)
        return ImageEngine(model, weights)

    monkeypatch.setattr("neurosvt.engine.images.ImageEngine", watched)
    for more in ([], ["--engine", "none"], ["--engine", "int8"]):
        assert main(["evaluate", trained, "--confusion", "--json", "rows.json", *more]) == 0
        rows.append(json.loads((tmp_path / "rows.json").read_text())["rows"])
    assert made == ["float32", "int8"]
    assert rows[0] == rows[1]
    assert rows[2][0]["accuracy"] >= rows[0][0]["accuracy"] - 0.2


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["permanence"], "`neurosvt permanence` judges it"),
        (["nowhere"], "no run folder, checkpoint or shipped model 'nowhere'"),
        (["permanence", "--split", "half"], "split 'half' is unknown; choose from test"),
        (["permanence", "--json", "no/such/folder.json"], "there is no folder no/such"),
    ],
)
def test_what_cannot_be_judged_is_told_in_one_line(argv, message, refused):
    assert message in refused("evaluate", *argv)


def test_where_there_are_no_images_it_says_what_would_do(trained, monkeypatch, tmp_path, capsys):
    monkeypatch.undo()
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    assert main(["evaluate", str(tmp_path / trained)]) == 2
    assert "cifar10_test.parquet" in capsys.readouterr().err


@pytest.mark.slow
def test_the_shipped_model_is_small_and_as_good_as_its_file_says(data_root):
    """The first 500 test images; `neurosvt evaluate dysvit_protocol` judges all of them."""
    path = WEIGHTS / "dysvit_protocol.safetensors"
    assert path.stat().st_size < 10e6
    tensors, _ = checkpoint.read_tensors(path)
    assert {t.dtype for t in tensors.values()} == {torch.float16}
    images = cifar10.load_cifar10("test")
    some = cifar10.Images(images.pixels[:500], images.labels[:500])
    trained = load("dysvit_protocol")
    said = predict_classes(trained.model, some)
    assert (said == some.labels).mean() > 0.73
    assert (predict_classes(trained.model.deployed(), some) == said).all()
