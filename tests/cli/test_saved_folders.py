"""Every command takes a folder that `save_pretrained` wrote."""

import json

import numpy as np
import pytest
from PIL import Image

from neurosvt import DySViT, DySViTConfig, load
from neurosvt.cli import main
from neurosvt.experiments.energy_baselines import ENERGY_BASELINES


@pytest.fixture
def folder(family, tmp_path):
    """A tiny NeuroSVT as a folder, beside that of its sibling without memory."""
    for name in ("tiny", "tiny_none"):
        load(family / name).model.save_pretrained(tmp_path / name)
    return tmp_path / "tiny"


def rows_of_command(words, path):
    assert main([*map(str, words), "--json", str(path)]) == 0
    return json.loads(path.read_text())["rows"]


def test_a_folder_knows_its_run_and_its_classes(folder, family):
    one, other = load(folder), load(family / "tiny")
    assert one.run == other.run
    assert one.model.class_names == other.run.classes == one.run.classes


def test_permanence_takes_a_folder(folder, family, tmp_path):
    asked = ["--hidden", 3, "--events", 4, "--memory", "leaky", "--tiers", "blackout"]
    mine = rows_of_command(["permanence", folder, *asked], tmp_path / "one.json")
    theirs = rows_of_command(["permanence", family / "tiny", *asked], tmp_path / "two.json")
    drop = ("train_steps",)  # a folder keeps no step that it was found at
    assert [{k: v for k, v in row.items() if k not in drop} for row in mine] == [
        {k: v for k, v in row.items() if k not in drop} for row in theirs
    ]


@pytest.mark.slow
def test_energy_takes_a_folder(folder, tmp_path, monkeypatch):
    for name in set(ENERGY_BASELINES) - {"dense-twin-active"}:  # one is enough, and quicker
        monkeypatch.delitem(ENERGY_BASELINES, name)
    asked = ["--hidden", 3, "--events", 2, "--samples", 1]
    rows = rows_of_command(["energy", folder, *asked], tmp_path / "energy.json")
    assert {row["model"] for row in rows} == {"neurosvt", "dense-twin-active"}


def test_the_demo_takes_a_folder(folder, family, tmp_path):
    from neurosvt.events.recording import Recording, pack_events
    from neurosvt.formats import write_events

    t = np.arange(200) * 400
    events = pack_events(t, t // 400 % 32, t // 800 % 32, t // 400 % 2)
    write_events(tmp_path / "some.npz", Recording(events, 32, 32))
    words = ["demo", "--input", str(tmp_path / "some.npz"), "--model", str(folder), "--frames", "4"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "report.html").is_file()


def test_evaluate_and_heatmap_take_a_folder(made_up, tmp_path, capsys):
    config = DySViTConfig(width=8, depth=1, heads=2)
    DySViT(config=config).save_pretrained(tmp_path / "saved")
    (row,) = rows_of_command(["evaluate", tmp_path / "saved"], tmp_path / "rows.json")
    assert row["samples"] == 20
    Image.fromarray(np.full((32, 32, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    words = ["heatmap", str(tmp_path / "saved"), str(tmp_path / "grey.png")]
    assert main([*words, "--out", str(tmp_path / "maps")]) == 0
    assert (tmp_path / "maps" / "grey.png").is_file()
