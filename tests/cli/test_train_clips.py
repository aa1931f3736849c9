"""From raw gestures to a judged model, from the command line, on a made-up data set."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from neurosvt.cli import main
from neurosvt.datasets.dvs128_gesture import GESTURE_CLASSES
from neurosvt.datasets.synthetic_gestures import write_synthetic_gestures
from neurosvt.experiments import recipes
from neurosvt.experiments.checkpoints import load
from neurosvt.training import checkpoint

TINY = {
    "model.patch_size": 32, "model.width": 8, "model.heads": 2, "model.depth": 1,
    "model.memory.channels": 16, "model.readout.width": 8, "data.frames": 4, "train.batch": 4,
    "train.steps": 6, "train.validate_every": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def data_sets(tmp_path_factory):
    """A folder of data sets with prepared gestures of eight people; nobody writes in it."""
    folder = tmp_path_factory.mktemp("data")
    write_synthetic_gestures(folder / "DVS128Gesture" / "download", people=8)
    words = [folder / "DVS128Gesture", folder / "DVS128Gesture_Processed", "--frames", "4"]
    assert main(["data", "prepare", "dvs128", *map(str, words)]) == 0
    return folder


@pytest.fixture
def train(data_sets, tmp_path, monkeypatch):
    """train(option, ..., key=value, ...): trains a tiny model; __ for a dot. Its code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEUROSVT_DATA", str(data_sets))

    def run(*words, name="dvs128", **changes):
        settings = TINY | {key.replace("__", "."): value for key, value in changes.items()}
        pairs = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        return main(["train", name, *words, *pairs])

    return run


def test_it_learns_what_differs_in_order_alone(train, capsys):
    """A start, far enough that chance does not reach it: whoever guesses loses log(11) a clip."""
    longer = {"train__steps": 80, "train__validate_every": 80, "train__batch": 16}
    larger = {"model__width": 32, "model__memory__channels": 64, "model__readout__width": 32}
    assert train("--out", "out", train__rate=1e-2, **longer, **larger) == 0
    assert "time constants, in steps" in capsys.readouterr().out
    history = json.loads(Path("out/history.json").read_text())["history"]
    assert history[-1]["loss"] < math.log(len(GESTURE_CLASSES)) - 0.3


def test_a_training_may_start_from_what_another_learnt(train):
    assert train("--out", "first") == 0
    later = {"train__start": "first", "train__steps": 1, "train__rate": 1e-9}
    assert train("--out", "second", **later) == 0
    one, two = (load(name).model.state_dict() for name in ("first", "second"))
    for name in ("heads.answer.weight", "memory.read.own"):
        torch.testing.assert_close(two[name], one[name], atol=1e-6, rtol=0)
    assert load("second").steps == load("first").steps + 1


def test_hidden_steps_of_what_never_hides_are_refused(refused):
    line = refused("train", "dvs128", "--set", "train.hidden_steps=false")
    assert "train.hidden_steps is false, and nothing hides in dvs128" in line


@pytest.mark.parametrize("in_memory", ["true", "false"])
def test_stopped_and_resumed_equals_uninterrupted(train, in_memory, monkeypatch):
    assert train("--out", "whole", data__in_memory=in_memory) == 0
    judged, looks = recipes.predict_classes, []

    def stop_at_the_second(*args, **options):
        looks.append(args)
        if len(looks) == 2:
            raise KeyboardInterrupt
        return judged(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(recipes, "predict_classes", stop_at_the_second)
        assert train("--out", "cut", data__in_memory=in_memory) == 130
    assert main(["train", "dvs128", "--out", "cut", "--resume"]) == 0
    for name in ("last", "best"):
        one, _ = checkpoint.read_tensors(Path("cut") / f"{name}.safetensors")
        two, _ = checkpoint.read_tensors(Path("whole") / f"{name}.safetensors")
        assert one.keys() == two.keys()
        assert not [n for n in one if not torch.equal(one[n], two[n])]


def test_the_rows_say_how_often_it_was_right_and_what_it_took_for_what(train, rows_of, capsys):
    assert train("--out", "out") == 0
    assert main(["evaluate", "out", "--confusion", "--json", "rows.json"]) == 0
    record = rows_of(Path("rows.json"))
    assert record["command"] == "neurosvt evaluate out --confusion"
    whole, *pairs = record["rows"]
    assert (whole["dataset"], whole["split"], whole["samples"]) == ("dvs128", "test", 44)
    table = np.array([row["samples"] for row in pairs]).reshape(11, 11)
    assert table.sum(1).tolist() == [4] * 11
    assert table.trace() / 44 == whole["accuracy"]
    assert [row["shown"] for row in pairs[::11]] == list(GESTURE_CLASSES)
    assert "11 other_gestures" in capsys.readouterr().out
    assert main(["evaluate", "out", "--engine", "int8"]) == 2
    assert "--engine int8 is for a DySViT, out is none" in capsys.readouterr().err


def test_a_clip_is_judged_alike_alone_and_among_others(train):
    from neurosvt.classification.accuracy import predict_classes

    assert train("--out", "out") == 0
    trained = load("out")
    clips = trained.run.samples("test")
    model = trained.model.on_grid()
    assert (
        predict_classes(model, clips, batch=1).tolist()
        == predict_classes(model, clips, batch=44).tolist()
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model__classes": 8}, "model.classes is 8, dvs128 has 11"),
        ({"model__image_size": 64}, "model.image_size is 64, dvs128 has 128"),
        ({"data__frames": 16}, "holds gestures of 4 frames, not 16; prepare others with"),
        ({"data__dataset": "dvs256"}, "unknown"),
    ],
)
def test_settings_that_do_not_fit_are_named(train, settings, message, capsys):
    assert train("--out", "out", **settings) == 2
    assert message in capsys.readouterr().err
    assert not Path("out").exists()


def test_what_is_not_prepared_says_what_would_do(train, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    assert train("--out", "out") == 2
    assert "neurosvt data prepare dvs128 SOURCE makes it" in capsys.readouterr().err


def test_a_model_of_clips_is_no_model_of_hiding_nor_of_images(train, capsys):
    assert train("--out", "out") == 0
    assert main(["permanence", "out"]) == 2
    assert "was trained to name what is seen" in capsys.readouterr().err
    assert main(["heatmap", "out", "test:0"]) == 2
    assert "names clips of events, not images" in capsys.readouterr().err
