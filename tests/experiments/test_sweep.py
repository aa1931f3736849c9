"""Variants of one run, trained to their end, here and by workers that are killed on the way."""

import json

import pytest

from neurosvt.config import ConfigError, override
from neurosvt.experiments.registry import run_settings
from neurosvt.experiments.sweep import sweep
from tests.tiny_runs import TINY, short_validation


@pytest.fixture(scope="module", autouse=True)
def brief():
    with short_validation():
        yield


@pytest.fixture
def settings():
    return override(run_settings("permanence_stage1"), [f"{k}={v}" for k, v in TINY.items()])


def test_every_combination_is_trained_in_a_folder_that_says_what_is_set(settings, tmp_path):
    over = ["train.seed=0,1", "model.memory.tau_range=[4.0, 9.0],[4.0, 99.0]"]
    rows = list(sweep(settings, over, tmp_path, quiet=True))
    assert [(row["train.seed"], row["model.memory.tau_range"]) for row in rows] == [
        ("0", "[4.0, 9.0]"), ("0", "[4.0, 99.0]"), ("1", "[4.0, 9.0]"), ("1", "[4.0, 99.0]"),
    ]  # fmt: skip
    for row in rows:
        assert 0 <= row["score"] <= 1
        assert row["step"] in (3, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"train.seed={seed},model.memory.tau_range=_4.0,_{tau}_"
        for seed in (0, 1)
        for tau in ("9.0", "99.0")
    ]
    curve = tmp_path / "train.seed=1,model.memory.tau_range=_4.0,_99.0_" / "history.json"
    run = json.loads(curve.read_text())["run"]
    assert (run["train"]["seed"], run["model"]["memory"]["tau_range"]) == (1, [4.0, 99.0])


def test_called_again_it_trains_what_is_missing_alone(settings, tmp_path):
    first = list(sweep(settings, ["train.seed=0"], tmp_path, quiet=True))
    weights = tmp_path / "train.seed=0" / "best.safetensors"
    before = weights.stat().st_mtime_ns
    rows = list(sweep(settings, ["train.seed=0,1"], tmp_path, quiet=True))
    assert rows[0] == first[0]
    assert weights.stat().st_mtime_ns == before
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("over", "named"),
    [
        ("train.seed", "expected key=value,value"),
        ("train.seed=", "expected key=value,value"),
        ("train.sed=0,1", "did you mean 'seed'"),
        ("train.seed=0,no", "train.seed"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_trained(over, named, settings, tmp_path):
    with pytest.raises(ConfigError, match=named):
        list(sweep(settings, [over], tmp_path, quiet=True))
    assert not list(tmp_path.iterdir())
