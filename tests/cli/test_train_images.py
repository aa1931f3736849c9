"""Training DySViT from the command line, on images that are made up."""

from pathlib import Path

import numpy as np
import pytest
import torch

from neurosvt.cli import courses, main
from neurosvt.data import cifar10
from neurosvt.presets import load_model
from neurosvt.train import checkpoint

TINY = {
    "model.width": 16, "model.depth": 1, "model.heads": 2, "model.patch_size": 8,
    "train.images": 40, "train.batch": 8, "train.epochs": 4, "train.warmup_epochs": 1,
    "train.mixup_off": 1,
}  # fmt: skip


@pytest.fixture
def made_up(monkeypatch, tmp_path):
    """Ten classes that differ in their colour."""
    monkeypatch.chdir(tmp_path)

    def load(split, root=None):
        count = {"train": 40, "validation": 20, "test": 20}[split]
        rng, labels = np.random.default_rng(len(split)), np.arange(count) % 10
        colours = np.random.default_rng(9).integers(0, 200, (10, 3))
        pixels = colours[labels][:, :, None, None] + rng.integers(0, 50, (count, 3, 32, 32))
        return cifar10.Images(pixels.astype(np.uint8), labels)

    monkeypatch.setattr(cifar10, "load", load)


def train(*words, **settings):
    settings = TINY | {name.replace("__", "."): value for name, value in settings.items()}
    pairs = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return main(["train", "dysvit_protocol", *words, *pairs])


def test_it_learns_and_keeps_the_best(made_up, capsys):
    assert train("--out", "out", train__epochs=30) == 0
    said = capsys.readouterr().out
    assert "parameters when deployed" in said
    found = load_model("out")
    assert found.facts["score"] > 0.5
    assert found.run.train.epochs == 30


def test_stopped_and_resumed_equals_uninterrupted(made_up, monkeypatch):
    assert train("--out", "whole") == 0
    judged, looks = courses.right, []

    def stop_at_the_second(*args, **options):
        looks.append(args)
        if len(looks) == 2:
            raise KeyboardInterrupt
        return judged(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(courses, "right", stop_at_the_second)
        assert train("--out", "cut") == 130
    assert train("--out", "cut", "--resume") == 0
    for name in ("last", "best"):
        one, _ = checkpoint.load(Path("cut") / f"{name}.safetensors")
        two, _ = checkpoint.load(Path("whole") / f"{name}.safetensors")
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
def test_settings_that_do_not_fit_are_named(settings, message, made_up, capsys):
    assert train("--out", "out", **settings) == 2
    assert message in capsys.readouterr().err
    assert not Path("out").exists()


def test_nothing_hides_in_single_images(made_up, capsys):
    assert train("--out", "out") == 0
    assert main(["permanence", "out"]) == 2
    assert "classifies single images" in capsys.readouterr().err


def test_where_there_are_no_images_it_says_what_would_do(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    assert main(["train", "dysvit_protocol", "--out", str(tmp_path / "out")]) == 2
    assert "cifar10_train.parquet" in capsys.readouterr().err
