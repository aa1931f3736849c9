"""A model on its way to the hub: what is prepared, what is refused, what is sent."""

import json
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open

from neurosvt import NeuroSVT
from neurosvt.config import UserError
from neurosvt.experiments import hub
from neurosvt.experiments.checkpoints import save_model
from neurosvt.experiments.hub import (
    data_behind,
    license_to_share,
    prepare_parcel,
    pull_model,
    send_parcel,
)
from neurosvt.experiments.registry import load_run, run_files, run_settings
from neurosvt.experiments.runs import build_run
from neurosvt.models.model_card import TRAINING_DATA

MODEL = {
    "image_size": 32, "kernel_size": 8, "width": 8, "heads": 2, "depth": 1,
    "memory": {"channels": 8}, "readout": {"width": 8},
}  # fmt: skip


def train(folder, dataset="scenes", **more):
    """A run folder as training leaves it, without the training; its path."""
    data = {"dataset": dataset}
    classes = len(load_run(dataset).classes) if dataset != "scenes" else 8
    run = build_run({"data": data, "model": {**MODEL, "classes": classes}})
    save_model(folder / "best.safetensors", NeuroSVT(run.model), run, {"step": 4, **more})
    return str(folder)


def test_a_prepared_folder_has_weights_settings_card_licence_and_results(tmp_path):
    name = train(tmp_path / "mine", score=0.5, belief=0.25)
    parcel = prepare_parcel(name, tmp_path / "out", to="me/mine")
    assert sorted(parcel.files) == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert [size for _, size, _ in parcel.contents()] == [
        (tmp_path / "out" / file).stat().st_size for file in parcel.files
    ]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "license: apache-2.0" in card
    assert "from_pretrained('me/mine')" in card
    licence = (tmp_path / "out" / "LICENSE").read_text()
    assert "apache-2.0" in licence
    assert "Trained on scenes" in licence
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == {
        "validation": {"score": 0.5, "belief": 0.25}
    }
    model = NeuroSVT.from_pretrained(tmp_path / "out")
    with safe_open(tmp_path / "mine" / "best.safetensors", "pt") as file:
        assert all(torch.equal(file.get_tensor(n), t) for n, t in model.state_dict().items())


def test_without_figures_there_is_no_file_of_them(tmp_path):
    parcel = prepare_parcel(train(tmp_path / "mine"), tmp_path / "out")
    assert "results.json" not in parcel.files


@pytest.mark.parametrize("dataset", ["dvs128_objects", "hidden_objects", "pendulum"])
def test_weights_of_recordings_without_a_licence_are_refused(dataset, tmp_path):
    metadata = {"run": run_settings(dataset)}
    data = data_behind(metadata)
    with pytest.raises(UserError, match=r"not to be passed on.*state no licence") as error:
        license_to_share("mine", data, "apache-2.0")
    assert "\n" not in str(error.value)


def test_nothing_is_written_of_weights_that_are_refused(tmp_path):
    name = train(tmp_path / "mine", "hidden_objects")
    with pytest.raises(UserError, match="not to be passed on"):
        prepare_parcel(name, tmp_path / "out", license="mit")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("data", "stated", "granted"),
    [
        (("scenes",), None, "apache-2.0"),
        (("scenes",), "mit", "mit"),
        (("nmnist",), None, "cc-by-sa-4.0"),
        (("scenes", "nmnist"), None, "cc-by-sa-4.0"),  # what comes later takes nothing away
        (("cups",), "cc-by-4.0", "cc-by-4.0"),
        (("dvs128",), "cc-by-4.0", "cc-by-4.0"),
        ((), "mit", "mit"),
    ],
)
def test_the_licence_follows_from_the_data_or_is_stated(data, stated, granted):
    assert license_to_share("mine", data, stated) == granted


@pytest.mark.parametrize(
    ("data", "stated", "told"),
    [
        (("nmnist",), "mit", "want cc-by-sa-4.0; license is 'mit'"),
        (("cups",), None, "learnt from cups: --license NAME"),
        (("scenes", "cups"), None, "learnt from scenes, cups: --license NAME"),
        (("dvs128",), None, "--license NAME"),
        ((), None, "data that are not named: --license NAME"),
    ],
)
def test_a_licence_that_cannot_be_is_one_line(data, stated, told):
    with pytest.raises(UserError, match=told):
        license_to_share("mine", data, stated)


def test_what_weights_began_from_counts_as_well(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = {"run": {"data": {"dataset": "scenes"}, "train": {"start": "runs/pendulum"}}}
    assert data_behind(first) == ("scenes", "pendulum"), "by the named run"
    train(tmp_path / "runs" / "pendulum")
    assert data_behind(first) == ("scenes",), "the weights that are here tell what they are of"
    taught = {"run": {"data": {"dataset": "cups"}, "train": {"teacher": "runs/pendulum"}}}
    assert data_behind(taught) == ("cups", "scenes")
    seen = {"run": {"data": {"dataset": "cups"}, "train": {"front_end": "runs/pendulum"}}}
    assert data_behind(seen) == ("cups", "scenes")
    unknown = {"run": {"data": {"dataset": "scenes"}, "train": {"start": "runs/gone"}}}
    with pytest.raises(UserError, match="began from runs/gone, which is not here"):
        data_behind(unknown)


def test_a_folder_of_which_nobody_knows_the_run_needs_a_word(tmp_path):
    NeuroSVT(build_run({"model": MODEL}).model).save_pretrained(tmp_path / "found")
    with pytest.raises(UserError, match="--license NAME"):
        prepare_parcel(str(tmp_path / "found"), tmp_path / "out")


def test_of_the_data_of_every_named_run_it_is_settled_whether_weights_are_shared():
    open_question = {"dvs128", "digits"}  # asked for by --license
    for name in run_files():
        data = load_run(name).data.dataset
        about = TRAINING_DATA.get(data)
        assert (about and (about.license or about.withheld)) or data in open_question, name


@pytest.mark.parametrize("to", ["mine", "a/b/c", "me/", "me/my model", "https://x/y"])
def test_a_name_that_no_repository_can_have_is_refused(to, tmp_path):
    with pytest.raises(UserError, match="OWNER/NAME will do"):
        prepare_parcel("permanence", tmp_path / "out", to=to)
    assert not (tmp_path / "out").exists()


def test_a_model_without_a_folder_form_is_refused(tmp_path, monkeypatch):
    strange = SimpleNamespace(model=torch.nn.Linear(1, 1), metadata={})
    monkeypatch.setattr(hub, "load", lambda name: strange)
    with pytest.raises(UserError, match="mine is a Linear, which has no form as a folder"):
        prepare_parcel("mine", tmp_path / "out")


class Hub:
    """What `HfApi` is asked, and nothing else."""

    def __init__(self):
        self.repositories, self.sent = [], []

    def create_repo(self, to, *, private, exist_ok):
        self.repositories.append((to, private, exist_ok))

    def upload_folder(self, *, repo_id, folder_path, allow_patterns, commit_message):
        self.sent.append((repo_id, folder_path, allow_patterns, commit_message))
        return SimpleNamespace(commit_url=f"https://hub/{repo_id}/commit/1")


@pytest.fixture
def stub(monkeypatch):
    made = Hub()
    monkeypatch.setattr(hub, "HfApi", lambda: made)
    return made


def test_what_is_sent_is_what_was_shown_and_nothing_else(stub, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "diary.txt").write_text("mine")
    parcel = prepare_parcel(train(tmp_path / "mine"), tmp_path / "out", to="me/mine")
    assert stub.sent == []
    assert send_parcel(parcel, "me/mine", private=True) == "https://hub/me/mine/commit/1"
    assert stub.repositories == [("me/mine", True, True)]
    ((_, folder, patterns, _),) = stub.sent
    assert folder == tmp_path / "out"
    assert patterns == [name for name, _, _ in parcel.contents()]
    assert "diary.txt" not in patterns


def test_a_hub_that_refuses_is_one_line(stub, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise ConnectionError("401 Unauthorized\nand much advice")

    monkeypatch.setattr(stub, "create_repo", refuse)
    parcel = prepare_parcel(train(tmp_path / "mine"), tmp_path / "out", to="me/mine")
    with pytest.raises(UserError, match="me/mine: the hub did not take it: 401 Unauth") as error:
        send_parcel(parcel, "me/mine")
    assert "\n" not in str(error.value)
    assert stub.sent == []


def test_pulling_a_repository_is_what_from_pretrained_does(monkeypatch, tmp_path):
    monkeypatch.setattr(hub, "find_folder", lambda name: tmp_path / name)
    assert pull_model("me/mine") == tmp_path / "me" / "mine"
