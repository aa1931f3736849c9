from dataclasses import replace

import pytest
import torch

from neurosvt.config import UserError, as_plain
from neurosvt.experiments import checkpoints
from neurosvt.experiments.checkpoints import load, model_file, save_model
from neurosvt.experiments.family import sibling
from neurosvt.experiments.runs import Run, build_run
from neurosvt.models.dysvit import DySViT
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.nn.short_memories import NoMemoryConfig
from neurosvt.training import checkpoint
from neurosvt.training.loop import Training
from neurosvt.training.settings import TrainConfig

TINY = Run(
    model=NeuroSVTConfig(
        image_size=32,
        kernel_size=8,
        width=8,
        heads=2,
        depth=1,
        memory=LeakyMemoryConfig(channels=8),
        readout=ReadoutConfig(width=8),
    ),
    train=TrainConfig(steps=4, batch=2),
)


@pytest.fixture(autouse=True)
def no_shipped_models(monkeypatch, tmp_path):
    """What the package ships is not what is tested here, and comes and goes."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setattr(checkpoints, "WEIGHTS", folder)
    monkeypatch.setattr(checkpoints, "models_elsewhere", dict)
    return folder


def test_an_image_model_comes_back_from_its_file(tmp_path):
    run = build_run({"data": {"dataset": "cifar10"}, "model": {"width": 8, "depth": 1}})
    model = DySViT(config=run.model)
    save_model(tmp_path / "best.safetensors", model, run, {"score": 0.5})
    found = load(str(tmp_path))
    assert found.run == run
    assert isinstance(found.model, DySViT)
    assert same_weights(found.model, model)


@pytest.fixture
def trained(tmp_path):
    """A run folder with a tiny model; the model."""
    torch.manual_seed(1)
    model = NeuroSVT(TINY.model)
    save_model(tmp_path / "runs" / "tiny" / "best.safetensors", model, TINY, {"score": 0.5})
    return model


def same_weights(one, two):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


@pytest.mark.parametrize("which", ["runs/tiny", "runs/tiny/", "runs/tiny/best.safetensors"])
def test_a_saved_model_comes_back_ready_to_use(trained, tmp_path, monkeypatch, which):
    monkeypatch.chdir(tmp_path)
    found = load(which)
    assert same_weights(found.model, trained)
    assert not found.model.training
    assert found.run == TINY
    assert found.metadata["score"] == 0.5


def test_a_checkpoint_of_training_serves_as_a_model(tmp_path):
    torch.manual_seed(1)
    training = Training(NeuroSVT(TINY.model), TINY.train)
    path = tmp_path / "last.safetensors"
    training.save(path, {"run": as_plain(TINY)})
    assert same_weights(load(str(path)).model, training.model)


def test_a_shipped_model_is_called_by_its_name(no_shipped_models, trained, tmp_path):
    save_model(no_shipped_models / "permanence.safetensors", trained, TINY, {})
    assert model_file("permanence") == no_shipped_models / "permanence.safetensors"
    assert same_weights(load("permanence").model, trained)


def test_a_model_that_is_not_there_is_told_with_those_that_are(no_shipped_models, trained):
    save_model(no_shipped_models / "permanence.safetensors", trained, TINY, {})
    with pytest.raises(FileNotFoundError, match=r"'nowhere' \(permanence\)"):
        load("nowhere")


def test_a_run_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"best\.safetensors"):
        load(str(tmp_path))


def test_weights_that_do_not_fit_their_own_run_are_refused(trained, tmp_path):
    wrong = replace(TINY, model=replace(TINY.model, width=16))
    path = tmp_path / "wrong.safetensors"
    save_model(path, trained, wrong, {})
    with pytest.raises(UserError, match="the model wants") as error:
        load(str(path))
    assert str(path) in str(error.value)


@pytest.mark.parametrize("metadata", [{}, {"run": {"modle": {}}}], ids=str)
def test_a_file_that_tells_no_run_is_refused(trained, tmp_path, metadata):
    path = tmp_path / "a.safetensors"
    checkpoint.write_tensors(path, trained.state_dict(), metadata)
    with pytest.raises(UserError) as error:
        load(str(path))
    assert "\n" not in str(error.value)


def test_the_latch_of_a_model_takes_the_threshold_found_in_training(tmp_path):
    run = replace(TINY, model=replace(TINY.model, memory=NoMemoryConfig(channels=8)))
    path = tmp_path / "none.safetensors"
    save_model(path, NeuroSVT(run.model), run, {"latch_threshold": -2.0})
    latch = load(str(path)).latch()
    assert latch.threshold == -2.0
    assert not latch.training


def test_a_model_without_a_threshold_has_no_latch(trained, tmp_path):
    with pytest.raises(UserError, match="latch_threshold"):
        load(str(tmp_path / "runs" / "tiny")).latch()


@pytest.mark.parametrize(
    ("name", "memory", "expected"),
    [
        ("permanence", "leaky", "permanence"),
        ("permanence", "lif", "permanence_lif"),
        ("runs/a/", "none", "runs/a_none"),
    ],
)
def test_siblings_are_called_by_their_memory(name, memory, expected):
    assert sibling(name, memory) == expected
