"""A model as a folder: written, read, copied elsewhere, and damaged."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from neurosvt.config import UserError
from neurosvt.models import model_folder
from neurosvt.models.dysvit import DySViT, DySViTConfig

SMALL = {"image_size": 12, "patch_size": 4, "width": 24, "depth": 2, "heads": 3, "mlp_ratio": 2.0}


def trained(**settings):
    """A small model whose every number differs from what it starts with."""
    model = DySViT(config=DySViTConfig(**SMALL | settings))
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.add_(0.2 * torch.rand_like(tensor))
            if name.endswith("bias") and "fire" in name and ".slope." not in name:
                tensor.add_(0.5)
    return model.eval()


@pytest.fixture
def images():
    return torch.randn(7, 3, 12, 12)


@pytest.fixture
def folder(tmp_path):
    trained().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("settings", [{}, {"slope": 2.0, "pre_norm": False}, {"slope": "layer"}])
def test_what_was_saved_comes_back(settings, tmp_path, images):
    model = trained(**settings)
    model.save_pretrained(tmp_path / "model")
    again = DySViT.from_pretrained(tmp_path / "model")
    assert again.config == model.config
    assert not again.training
    assert torch.equal(again(images), model(images))
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)


def test_the_files_for_torch_alone_give_the_deployed_network(folder, images):
    (folder / "model.safetensors").unlink()
    again = DySViT.from_pretrained(folder)
    assert again.config.slope == 1.0
    assert torch.equal(again(images), trained_like(folder)(images))


def trained_like(folder):
    torch.manual_seed(0)
    return trained()


def test_a_folder_without_settings_is_as_published(tmp_path):
    model = DySViT(num_classes=10, dim=256, depth=4)
    model.save_pretrained(tmp_path)
    (tmp_path / "config.json").unlink()
    assert DySViT.from_pretrained(tmp_path).config == model.config


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"pre_norm": False, "residual_scale": 0.25, "nan_guard": False, "heads": 2},
        {"patch_size": 2, "mlp_ratio": 1.5},  # more tokens than a head is wide
    ],
)
def test_the_published_usage_works_inside_with_torch_alone(settings, tmp_path, images):
    """In a process of its own, in which nothing but torch and Python can be imported."""
    model = trained(**settings)
    model.save_pretrained(tmp_path / "model")
    torch.save(images, tmp_path / "images.pt")
    usage = """
import sys
for package in ("neurosvt", "einops", "jaxtyping", "safetensors", "huggingface_hub"):
    sys.modules[package] = None
import torch
from model import DySViT
model = DySViT(num_classes=10, dim=24, depth=2)
model.load_state_dict(torch.load("pytorch_model.bin", map_location="cpu"))
model.eval()
torch.save(model(torch.load("../images.pt")).detach(), "../logits.pt")
"""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run(
        [sys.executable, "-c", usage], cwd=tmp_path / "model", check=True, env=environment
    )
    logits = torch.load(tmp_path / "logits.pt")
    torch.testing.assert_close(logits, model(images))
    assert logits.std(0).min() > 0


def test_the_published_constructor_stands_in_the_exported_file(tmp_path):
    from neurosvt.models.dysvit_standalone import DySViT as Alone

    model = DySViT(num_classes=10, dim=256, depth=4).deployed()
    alone = Alone(num_classes=10, dim=256, depth=4)
    alone.load_state_dict(model.state_dict())
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(alone.eval()(images), model(images))


def test_what_the_exported_file_says_of_images_is_what_training_does():
    from neurosvt.loaders import images
    from neurosvt.models import dysvit_standalone

    assert (dysvit_standalone.MEAN, dysvit_standalone.DEVIATION) == (
        images.CIFAR10_MEAN,
        images.CIFAR10_DEVIATION,
    )


def test_what_the_exported_file_leaves_open_is_as_published():
    from neurosvt.models import dysvit_standalone

    published = DySViTConfig()
    assert {
        name: getattr(published, name) for name in dysvit_standalone.SETTINGS
    } == dysvit_standalone.SETTINGS


def damage(folder: Path, name: str, change):
    path = folder / name
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("config.json", lambda b: b"{", "config.json is not valid JSON"),
        ("config.json", lambda b: b"[]", "config.json holds no table of settings"),
        ("config.json", lambda b: b'{"widht": 24}', "unknown setting 'widht'; did you mean"),
        ("config.json", lambda b: b.replace(b"24", b"48"), "the model wants"),
        ("config.json", lambda b: b.replace(b'"depth": 2', b'"depth": 1'), "has unknown 'blocks.1"),
        ("model.safetensors", lambda b: b[:99], "model.safetensors is damaged"),
    ],
)
def test_a_damaged_folder_is_told_in_one_line(folder, name, change, message):
    damage(folder, name, change)
    with pytest.raises(UserError, match=message) as error:
        DySViT.from_pretrained(folder)
    assert "\n" not in str(error.value)


class Trap:
    """A pickle of it would write a file when read."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("content", ["trap", "cut", "list", "numbers"])
def test_a_file_of_torch_runs_nothing(folder, content, tmp_path):
    (folder / "model.safetensors").unlink()
    path = folder / "pytorch_model.bin"
    if content == "cut":
        damage(folder, path.name, lambda b: b[: len(b) // 2])
    else:
        held = {"trap": {"a": Trap(tmp_path / "mark")}, "list": [1], "numbers": {"a": 1}}[content]
        torch.save(held, path)
    with pytest.raises(UserError, match=r"pytorch_model\.bin (is damaged|holds no table)"):
        DySViT.from_pretrained(folder)
    assert not (tmp_path / "mark").exists()


def test_what_does_not_fit_is_named_one_by_one(folder):
    (folder / "model.safetensors").unlink()
    weights = torch.load(folder / "pytorch_model.bin")
    weights["fc.weight"] = weights.pop("head.weight")
    weights["positions"] = weights["positions"][1:]
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(UserError) as error:
        DySViT.from_pretrained(folder)
    for told in (
        "lacks 'head.weight'", "unknown 'fc.weight'",
        "'positions' is (8, 24), the model wants (9, 24)",
    ):  # fmt: skip
        assert told in str(error.value)


def test_a_folder_without_weights_says_what_would_do(folder):
    for name in ("model.safetensors", "pytorch_model.bin"):
        (folder / name).unlink()
    with pytest.raises(
        FileNotFoundError, match=r"holds neither model\.safetensors nor pytorch_model"
    ):
        DySViT.from_pretrained(folder)


def test_a_file_is_no_place_for_a_model(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(UserError, match="taken is a file"):
        trained().save_pretrained(tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_the_copy_on_this_machine_comes_before_the_net(folder, monkeypatch, images):
    asked = []

    def download(repo, *, local_files_only, **options):
        asked.append((repo, local_files_only))
        return str(folder)

    monkeypatch.setattr(model_folder, "snapshot_download", download)
    assert DySViT.from_pretrained("someone/DySViT")(images).shape == (7, 10)
    assert asked == [("someone/DySViT", True)]


def test_what_is_not_here_is_fetched(folder, monkeypatch, tmp_path, images):
    (tmp_path / "half").mkdir()
    shutil.copy(folder / "config.json", tmp_path / "half")  # an interrupted download

    def download(repo, *, local_files_only, revision, **options):
        assert revision == "v1"
        return str(tmp_path / "half" if local_files_only else folder)

    monkeypatch.setattr(model_folder, "snapshot_download", download)
    again = DySViT.from_pretrained("someone/DySViT", revision="v1")
    assert again(images).shape == (7, 10)


def test_a_name_that_is_nowhere_is_told_in_one_line(monkeypatch):
    def download(repo, **options):
        raise OSError("no such repository\nand much advice")

    monkeypatch.setattr(model_folder, "snapshot_download", download)
    with pytest.raises(
        FileNotFoundError, match="someone/DySViT is no folder, and the hub"
    ) as error:
        DySViT.from_pretrained("someone/DySViT")
    assert "advice" not in str(error.value)


def test_a_name_that_no_repository_can_have_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="a/b/c is no folder"):
        DySViT.from_pretrained("a/b/c")


def test_settings_are_those_of_the_config(folder):
    assert json.loads((folder / "config.json").read_text())["slope"] == "token"
