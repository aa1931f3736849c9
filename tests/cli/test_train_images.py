"""Training DySViT from the command line, on images that are made up."""

import json
from pathlib import Path

import pytest
import torch

from neurosvt.cli import main
from neurosvt.experiments import recipes
from neurosvt.experiments.checkpoints import load
from neurosvt.training import checkpoint


def test_it_learns_and_keeps_the_best(train_images, capsys):
    assert train_images("--out", "out", train__epochs=30) == 0
    said = capsys.readouterr().out
    assert "parameters when deployed" in said
    found = load("out")
    assert found.metadata["score"] > 0.5
    assert found.run.train.epochs == 30


def test_stopped_and_resumed_equals_uninterrupted(train_images, monkeypatch):
    assert train_images("--out", "whole") == 0
    judged, looks = recipes.predict_classes, []

    def stop_at_the_second(*args, **options):
        looks.append(args)
        if len(looks) == 2:
            raise KeyboardInterrupt
        return judged(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(recipes, "predict_classes", stop_at_the_second)
        assert train_images("--out", "cut") == 130
    assert main(["train", "--out", "cut", "--resume"]) == 0
    for name in ("last", "best"):
        one, _ = checkpoint.read_tensors(Path("cut") / f"{name}.safetensors")
        two, _ = checkpoint.read_tensors(Path("whole") / f"{name}.safetensors")
        assert one.keys() == two.keys()
        assert not [n for n in one if not torch.equal(one[n], two[n])]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train__images": 50}, "train.images is 50, cifar10 has 40"),
        ({"train__epochs": 1}, "warmup_epochs 1 must be fewer than epochs 1"),
        ({"train__batch": 41}, "batch 41 is more than the 40 images there are"),
        ({"train__rate": 0}, "rate must be a number above 0"),
        ({"data__mixup": -1}, "mixup must not be below 0"),
    ],
)
def test_settings_that_do_not_fit_are_named(train_images, settings, message, capsys):
    assert train_images("--out", "out", **settings) == 2
    assert message in capsys.readouterr().err
    assert not Path("out").exists()


def test_nothing_hides_in_single_images(train_images, capsys):
    assert train_images("--out", "out") == 0
    assert main(["permanence", "out"]) == 2
    assert "was trained to name what is seen" in capsys.readouterr().err


def test_where_there_are_no_images_it_says_what_would_do(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    assert main(["train", "dysvit_protocol", "--out", str(tmp_path / "out")]) == 2
    assert "cifar10_train.parquet" in capsys.readouterr().err


def test_a_teacher_is_trained_and_then_taught_by(train_images, capsys):
    dense = {"model.stem": 4, "model.widths": "[8, 8]", "train.epochs": 8}
    dense |= dict.fromkeys(("model.width", "model.depth", "model.heads"))
    dense |= {"model.patch_size": None}
    assert train_images("--out", "dense", name="cifar10_teacher", **dense) == 0
    taught = {"train.teacher": "dense", "train.optimizer": "muon"}
    assert train_images("--out", "taught", **taught) == 0
    assert load("taught").run.train.teacher == "dense"
    one, two = (json.loads(Path(f"{run}/history.json").read_text()) for run in ("dense", "taught"))
    assert one["history"][-1]["score"] > one["history"][0]["score"]
    assert two["history"][-1]["score"] > two["history"][0]["score"]


def test_a_teacher_that_is_not_there_is_named(train_images, capsys):
    assert train_images("--out", "out", train__teacher="nobody") == 2
    assert "train.teacher is nobody, which is not there: no run" in capsys.readouterr().err
    assert train_images("--out", "out", train__teacher="permanence") == 2
    assert "permanence follows objects that hide" in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_setting_that_came_later_has_its_default_in_an_older_checkpoint(train_images, capsys):
    assert train_images("--out", "out") == 0
    path = Path("out/last.safetensors")
    tensors, metadata = checkpoint.read_tensors(path)
    del metadata["run"]["train"]["optimizer"]
    checkpoint.write_tensors(path, tensors, metadata)
    assert train_images("--out", "out", "--resume") == 0
    assert train_images("--out", "out", "--resume", train__optimizer="muon") == 2
    assert "belongs to a run with other settings" in capsys.readouterr().err
