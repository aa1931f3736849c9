"""Weights that a wheel leaves out: found where they lie, fetched when asked, never mistaken."""

import hashlib
import json
import runpy
import sys
from pathlib import Path

import pytest

from neurosvt.config import UserError
from neurosvt.experiments import checkpoints, elsewhere
from neurosvt.experiments.checkpoints import load, model_file, shipped_names
from neurosvt.experiments.hub import pull_model
from neurosvt.experiments.names import models_table

ROOT = Path(__file__).parents[2]
FILE = checkpoints.WEIGHTS / "nmnist_lif.safetensors"


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """As after `pip install`: nothing in the package, and nothing on the machine; a data folder."""
    (tmp_path / "package").mkdir()
    monkeypatch.setattr(checkpoints, "WEIGHTS", tmp_path / "package")
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(elsewhere, "try_to_load_from_cache", lambda *_, **__: None)

    def no_network(*_, **__):
        raise AssertionError("nobody asked for a download")

    monkeypatch.setattr(elsewhere, "hf_hub_download", no_network)
    return tmp_path / "data" / "weights"


def test_what_is_not_there_is_told_with_the_command_that_brings_it(installed):
    with pytest.raises(FileNotFoundError, match=r"`neurosvt hub pull nmnist_lif` fetches") as error:
        load("nmnist_lif")
    assert "0.2 MB" in str(error.value)
    assert "nmnist_lif" in shipped_names()


def test_the_list_of_models_says_what_is_to_be_fetched(installed):
    rows = dict(zip(*(column.cells for column in models_table().columns[:2]), strict=True))
    assert rows["nmnist_lif"] == "`neurosvt hub pull nmnist_lif` fetches it"
    assert rows.keys() == elsewhere.models_elsewhere().keys()


def test_the_data_folder_serves(installed):
    installed.mkdir(parents=True)
    (installed / FILE.name).write_bytes(FILE.read_bytes())
    found = load("nmnist_lif")
    assert model_file("nmnist_lif") == installed / FILE.name
    assert found.run.data.dataset == "nmnist"
    assert found.metadata["results"], "its card has the committed figures there as well"


def test_what_was_fetched_serves_from_then_on(installed, monkeypatch, tmp_path):
    asked = []

    def download(repository, file, *, revision):
        asked.append((repository, file, revision))
        return str(FILE)

    monkeypatch.setattr(elsewhere, "hf_hub_download", download)
    assert pull_model("nmnist_lif") == FILE
    ((_, file, revision),) = asked
    assert (file, revision[0]) == (FILE.name, "v")
    monkeypatch.setattr(elsewhere, "try_to_load_from_cache", lambda *_, **__: str(FILE))
    assert pull_model("nmnist_lif") == model_file("nmnist_lif") == FILE
    assert len(asked) == 1


def test_another_file_under_that_name_is_refused(installed, monkeypatch):
    installed.mkdir(parents=True)
    (installed / FILE.name).write_bytes(FILE.read_bytes()[:-1] + b"\0")
    with pytest.raises(UserError, match="its hash is another"):
        load("nmnist_lif")
    (installed / FILE.name).unlink()
    other = checkpoints.SHIPPED_RESULTS
    monkeypatch.setattr(elsewhere, "hf_hub_download", lambda *_, **__: str(other))
    with pytest.raises(UserError, match="its hash is another"):
        pull_model("nmnist_lif")


def test_a_hub_that_does_not_answer_is_one_line(installed, monkeypatch):
    def refuse(*_, **__):
        raise OSError("no route\nand much advice")

    monkeypatch.setattr(elsewhere, "hf_hub_download", refuse)
    with pytest.raises(UserError, match=r"nmnist_lif: the hub does not give .*: no route$"):
        pull_model("nmnist_lif")


def test_in_a_checkout_all_are_there_and_none_is_fetched(monkeypatch):
    monkeypatch.setattr(elsewhere, "hf_hub_download", None)
    monkeypatch.setattr(elsewhere, "find_elsewhere", None)
    for name in elsewhere.models_elsewhere():
        assert pull_model(name) == checkpoints.WEIGHTS / f"{name}.safetensors"


def test_the_table_is_that_of_the_files_that_the_wheel_leaves_out(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    script = runpy.run_path(str(ROOT / "benchmarks" / "ship.py"))
    assert script["elsewhere"]() == elsewhere.TABLE.read_text(encoding="utf-8")
    table = json.loads(elsewhere.TABLE.read_text(encoding="utf-8"))["models"]
    assert table["nmnist_lif"]["sha256"] == hashlib.sha256(FILE.read_bytes()).hexdigest()
