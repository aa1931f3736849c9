"""Photographs of one's own, all the way."""

import json
from pathlib import Path

import pytest

from neurosvt import load
from neurosvt.cli import main
from tests.datasets.test_own_images import photographs


def test_photographs_are_prepared_learnt_and_told_apart(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    photographs(tmp_path / "photographs", 10)
    assert main(["data", "prepare", "folder", "photographs", "own"]) == 0
    few = ["--set", "train.epochs=3", "--set", "train.batch=8", "--threads", "1"]
    assert main(["train", "own", *few]) == 0
    assert main(["evaluate", "runs/own", "--json", "rows.json"]) == 0
    (row,) = json.loads(Path("rows.json").read_text())["rows"]
    assert row["samples"] == 3
    assert row["accuracy"] == 1, "colours are easily told apart"
    said = load("runs/own").predict("photographs/blue/03.png")
    assert said[0].class_name == "blue"
    before, after = load("dysvit").model.state_dict(), load("runs/own").model.state_dict()
    kept = [name for name in after if after[name].shape == before[name].shape]
    assert len(kept) > 0.9 * len(after)
    capsys.readouterr()
    assert main(["train", "own", "--set", "data.source="]) == 2
    assert "source names the folder of own_images" in capsys.readouterr().err
    assert main(["permanence", "runs/own"]) == 2


pytest.importorskip("PIL.Image", reason="needs the extra data")
