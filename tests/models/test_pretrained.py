"""A model as a folder: written, read, copied elsewhere, and damaged."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from neurosvt.config import UserError
from neurosvt.models import model_folder
from neurosvt.models.dysvit import DySViT, DySViTConfig
from neurosvt.models.model_folder import is_pretrained_folder
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.models.pretrained import MODEL_TYPES, Pretrained, with_class_rows
from neurosvt.models.saved_folder import load_pretrained

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
        {
            "pre_norm": False,
            "residual_scale": 0.25,
            "nan_guard": False,
            "heads": 2,
            "patch_size": 2,
            "mlp_ratio": 1.5,  # more tokens than a head is wide
        },
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
        ("config.json", lambda b: b"{", "config.json is damaged, or no JSON"),
        ("config.json", lambda b: b"[]", "config.json is damaged: it holds no table"),
        ("config.json", lambda b: b'{"widht": 24}', "unknown setting 'widht'; did you mean"),
        ("config.json", lambda b: b.replace(b"24", b"48"), "the model wants"),
        ("config.json", lambda b: b.replace(b'"depth": 2', b'"depth": 1'), "has unknown 'blocks.1"),
        ("config.json", lambda b: b.replace(b'"dysvit"', b'"dysvitt"'), "mean 'dysvit'"),
        ("config.json", lambda b: b.replace(b'"dysvit"', b"3"), "model_type '3' is unknown"),
        ("config.json", lambda b: b.replace(b"{", b'{"class_names": ["a"],', 1), "be 10 different"),
        ("config.json", lambda b: b.replace(b"{", b'{"class_names": 3,', 1), "json: class_names"),
        ("model.safetensors", lambda b: b[:99], "model.safetensors is damaged"),
        ("model.safetensors", lambda b: b.replace(b"{}", b"{!"), "model.safetensors is damaged"),
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


TEN = [f"class {i}" for i in range(10)]


class Following(NeuroSVT, Pretrained, model_type="following", config_type=NeuroSVTConfig):
    """A NeuroSVT in the form of its siblings."""

    def new_classes(self, classes):
        self.heads.answer = with_class_rows(self.heads.answer, self.heads.classes, classes)
        self.heads.classes = classes


def following():
    torch.manual_seed(0)
    return Following(NeuroSVTConfig(image_size=16, patch_size=4, kernel_size=8, width=16)).eval()


def test_class_names_and_metadata_come_back(tmp_path):
    known = {"step": 7, "score": 0.5, "run": {"data": {"dataset": "cifar10"}}}
    trained().save_pretrained(tmp_path / "model", class_names=TEN, metadata=known)
    again = DySViT.from_pretrained(tmp_path / "model")
    assert again.class_names == tuple(TEN)
    assert again.metadata == known
    assert again.deployed().class_names == tuple(TEN)
    assert again.num_classes == 10


def test_a_checkpoint_reader_understands_the_metadata(tmp_path):
    from neurosvt.training import checkpoint

    trained().save_pretrained(tmp_path / "model", metadata={"step": 7})
    assert checkpoint.read_tensors(tmp_path / "model" / "model.safetensors")[1] == {"step": 7}


def test_what_is_saved_again_keeps_all_but_the_figures(tmp_path):
    """They were those of the weights that were loaded; the weights may have changed since."""
    known = {"license": "cc-by-sa-4.0", "score": 0.5, "results": [{"accuracy": 0.5}]}
    trained().save_pretrained(tmp_path / "model", class_names=TEN, metadata=known)
    DySViT.from_pretrained(tmp_path / "model").save_pretrained(tmp_path / "again")
    again = DySViT.from_pretrained(tmp_path / "again")
    assert again.metadata == {"license": "cc-by-sa-4.0"}
    assert again.class_names == tuple(TEN)


def test_a_folder_of_before_loads_without_names(folder, images):
    """As it was written when `config.json` held settings alone."""
    settings = json.loads((folder / "config.json").read_text())
    assert settings.pop("model_type") == "dysvit"
    (folder / "config.json").write_text(json.dumps(settings))
    for model in (DySViT.from_pretrained(folder), load_pretrained(folder)):
        assert model.class_names is None
        assert torch.equal(model(images), trained_like(folder)(images))


def test_what_the_head_reads_and_the_head_are_the_whole(images):
    model = trained()
    features = model.forward_features(images)
    assert features.shape == (7, 24)
    assert ((features >= 0) & (features <= 1)).all()
    assert torch.equal(model.head(features), model(images))


def test_a_new_head_keeps_all_else(images):
    model = trained()
    model.class_names, model.metadata = tuple(TEN), {"score": 0.5, "license": "apache-2.0"}
    before = {n: t.clone() for n, t in model.state_dict().items()}
    model.reset_classifier(3, ["a", "b", "c"])
    assert model(images).shape == (7, 3)
    assert (model.num_classes, model.class_names) == (3, ("a", "b", "c"))
    assert model.metadata == {"license": "apache-2.0"}
    for name, tensor in model.state_dict().items():
        assert name.startswith("head.") or torch.equal(tensor, before[name])
    model.reset_classifier(4)
    assert model.class_names is None


@pytest.mark.parametrize(
    ("classes", "names", "message"),
    [
        (1, None, "classes must be at least 2"),
        (3, ["a", "b"], "must be 3 different names, got 2"),
        (3, ["a", "b", "a"], "got 3, 2 of them different"),
        (2, ["a", ""], "must be a list of names"),
        (2, "ab", "must be a list of names"),
    ],
)
def test_a_head_that_cannot_be_leaves_the_old_one(classes, names, message, images):
    model = trained()
    scores = model(images)
    with pytest.raises(ValueError, match=message):
        model.reset_classifier(classes, names)
    assert torch.equal(model(images), scores)
    assert model.num_classes == 10


@pytest.mark.parametrize("classes", [2, 8, 13])
def test_new_classes_leave_position_and_presence_as_they_were(classes):
    """Their weights to the bit, in a network that answers with all in one layer; answers up to how
    layers of that many rows are summed."""
    model, frames = following(), torch.rand(6, 2, 2, 16, 16) < 0.2
    kept = model.heads.answer.weight[8:].clone()
    with torch.no_grad():
        before, _ = model(frames)
        model.reset_classifier(classes)
        after, _ = model(frames)
    assert after.class_logits.shape == (6, 2, classes)
    assert torch.equal(model.heads.answer.weight[classes:], kept)
    torch.testing.assert_close(after.position, before.position)
    torch.testing.assert_close(after.presence_logits, before.presence_logits)
    same = min(classes, 8)
    assert not torch.equal(after.class_logits[..., :same], before.class_logits[..., :same])


def test_a_model_that_follows_objects_comes_back(tmp_path):
    model, frames = following(), torch.rand(6, 2, 2, 16, 16) < 0.2
    model.reset_classifier(3)
    model.save_pretrained(tmp_path / "model", class_names=["disc", "ring", "star"])
    again = Following.from_pretrained(tmp_path / "model", backend="reference")
    assert again.backend == "reference"
    assert again.class_names == ("disc", "ring", "star")
    with torch.no_grad():
        for a, b in zip(again(frames)[0], model(frames)[0], strict=True):
            torch.testing.assert_close(a, b)
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == [
        "README.md", "config.json", "model.safetensors",
    ]  # fmt: skip


def test_a_folder_of_any_type_is_loaded_by_what_it_says(folder, tmp_path):
    following().save_pretrained(tmp_path / "other")
    assert type(load_pretrained(folder)) is DySViT
    assert type(load_pretrained(tmp_path / "other", backend="reference")) is Following
    with pytest.raises(UserError, match=r"holds a Following, which Following\.from_pretrained"):
        DySViT.from_pretrained(tmp_path / "other")


def test_a_type_is_registered_once():
    assert MODEL_TYPES["dysvit"] is DySViT
    with pytest.raises(UserError, match="there is a model_type 'dysvit' already"):
        type("Second", (Pretrained,), {}, model_type="dysvit")


def test_a_folder_is_told_from_others(folder, tmp_path):
    assert is_pretrained_folder(folder)
    assert not is_pretrained_folder(folder / "config.json")
    assert not is_pretrained_folder(tmp_path / "nowhere")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "best.safetensors").write_bytes(b"")
    assert not is_pretrained_folder(tmp_path / "run")


def test_without_the_net_nothing_is_fetched(monkeypatch, tmp_path):
    asked = []

    def download(repo, **options):
        asked.append(options)
        raise OSError("not cached")

    monkeypatch.setattr(model_folder, "snapshot_download", download)
    with pytest.raises(FileNotFoundError, match="this machine has no copy of it: not cached"):
        load_pretrained("a/b", local_files_only=True, token="t", cache_dir=tmp_path, revision="v1")
    assert len(asked) == 1
    asked[0].pop("allow_patterns")
    assert asked[0] == {
        "revision": "v1", "token": "t", "cache_dir": tmp_path, "local_files_only": True,
    }  # fmt: skip


def failing(monkeypatch, after):
    """Writing stops with a full disk after so many files."""
    write, written = Path.write_bytes, []

    def write_bytes(path, data):
        if len(written) == after:
            raise OSError(28, "No space left on device")
        written.append(path)
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def test_a_folder_half_written_is_never_left(folder, tmp_path, monkeypatch):
    model, before = trained(width=48), {p: p.read_bytes() for p in folder.iterdir()}
    failing(monkeypatch, after=3)
    for place in (tmp_path / "new", folder):
        with pytest.raises(UserError, match="No space left on device"):
            model.save_pretrained(place)
    assert {p: p.read_bytes() for p in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]


def test_what_else_lies_in_a_folder_stays(folder, images):
    (folder / "notes.txt").write_text("mine")
    (folder / "README.md").write_text("# Mine")
    model = trained(width=48)
    model.save_pretrained(folder)
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "README.md").read_text() == "# Mine"
    assert torch.equal(DySViT.from_pretrained(folder)(images), model(images))


def test_a_card_of_ours_is_written_anew(folder):
    trained(width=48).save_pretrained(folder, metadata={"score": 0.625})
    assert "0.625" in (folder / "README.md").read_text()


def test_metadata_that_no_file_can_hold_are_refused(tmp_path):
    with pytest.raises(UserError, match="metadata must be plain data"):
        trained().save_pretrained(tmp_path / "model", metadata={"model": object()})
    assert not (tmp_path / "model").exists()


def test_a_head_has_to_be_told_how_it_is_exchanged():
    class Headless(Pretrained):
        config = DySViTConfig()

    with pytest.raises(NotImplementedError, match="Headless has no head"):
        Headless().reset_classifier(3)


def test_a_head_put_in_by_hand_is_saved_with_its_classes(tmp_path, images):
    model = trained(classes=4)
    model.class_names = ("a", "b", "c", "d")
    model.head = nn.Linear(24, 7)
    assert model.num_classes == 7
    model.save_pretrained(tmp_path / "model")
    again = DySViT.from_pretrained(tmp_path / "model")
    assert again.config.classes == again.num_classes == 7
    assert again.class_names is None, "those were names of other classes"
    assert torch.equal(again(images), model(images))
    with pytest.raises(UserError, match="class_names must be 7 different names, got 4"):
        model.save_pretrained(tmp_path / "model", class_names=model.class_names)


def test_heads_put_in_by_hand_are_saved_with_their_classes(tmp_path):
    model = following()
    model.heads = model.config.readout.build(model.memory.channels, 5)
    model.save_pretrained(tmp_path / "model")
    again = Following.from_pretrained(tmp_path / "model")
    assert again.config.classes == again.heads.classes == 5


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda m: setattr(m, "head", nn.Sequential(nn.Linear(24, 7))), "lacks 'head.bias'"),
        (lambda m: setattr(m, "head", nn.Linear(24, 7, bias=False)), "lacks 'head.bias'"),
        (lambda m: setattr(m, "head", nn.Linear(24, 1)), "classes must be at least 2, got 1"),
        (lambda m: setattr(m, "blocks", m.blocks[:1]), "lacks 'blocks.1"),
        (lambda m: weight_norm(m.blocks[0].out), "has unknown 'blocks.0.out.parametrizations"),
    ],
    ids=["kind", "no bias", "one class", "depth", "parametrised"],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path, spoil, named):
    model = trained()
    spoil(model)
    with pytest.raises(ValueError, match=named) as error:
        model.save_pretrained(tmp_path / "model")
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_saving_leaves_one_s_own_random_numbers_alone(tmp_path):
    model, state = trained(), torch.get_rng_state()
    model.save_pretrained(tmp_path / "model")
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16])
def test_a_model_of_another_type_is_saved(tmp_path, kind, images):
    model = trained().to(kind)
    model.save_pretrained(tmp_path / "model")
    again = DySViT.from_pretrained(tmp_path / "model")
    assert all(
        torch.equal(t, again.state_dict()[n].to(kind)) for n, t in model.state_dict().items()
    )


def test_weights_with_two_names_are_saved_as_two(tmp_path, images):
    model = trained()
    model.blocks[1].qkv.weight = model.blocks[0].qkv.weight
    model.save_pretrained(tmp_path / "model")
    assert torch.equal(DySViT.from_pretrained(tmp_path / "model")(images), model(images))


def test_a_deployed_network_is_saved_as_such(tmp_path, images):
    plain = trained().deployed()
    plain.save_pretrained(tmp_path / "model")
    again = DySViT.from_pretrained(tmp_path / "model")
    assert again.state_dict().keys() == plain.state_dict().keys()
    assert torch.equal(again(images), plain(images))
