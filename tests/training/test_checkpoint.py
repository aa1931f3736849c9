import contextlib
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from neurosvt.config import UserError
from neurosvt.training import checkpoint
from neurosvt.training.optimizers import OPTIMIZERS

FACTS = {"step": 3, "history": [{"loss": 0.1 + 0.2}], "run": {"name": "ü", "tau": None}}


@pytest.fixture
def tensors():
    return {
        "weight": torch.randn(3, 5).t(),  # not contiguous
        "half": torch.randn(4).bfloat16(),
        "rng": torch.get_rng_state(),
        "step": torch.tensor(7.0),
        "empty": torch.zeros(0, 3),
    }


@pytest.fixture
def saved(tmp_path, tensors) -> Path:
    path = tmp_path / "run" / "last.safetensors"
    checkpoint.write_tensors(path, tensors, FACTS)
    return path


def test_tensors_and_facts_come_back_as_they_went_in(saved, tensors):
    again, metadata = checkpoint.read_tensors(saved)
    assert metadata == FACTS
    assert again.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert again[name].dtype == tensor.dtype
        assert torch.equal(again[name], tensor)


def test_every_bit_that_is_turned_is_told(saved):
    """In the numbers and in the facts; of the names around them, the format itself tells."""
    whole = saved.read_bytes()
    for at in range(8, len(whole), 37):
        spoilt = bytearray(whole)
        spoilt[at] ^= 4
        saved.write_bytes(spoilt)
        with pytest.raises(UserError, match=r"is damaged|is cut or is no checkpoint"):
            checkpoint.read_tensors(saved)


def test_a_checkpoint_without_a_digest_is_read(tmp_path, tensors):
    """As all were before."""
    path = tmp_path / "old.safetensors"
    save_file({"a": torch.ones(2)}, path, {"facts": json.dumps(FACTS)})
    assert checkpoint.read_tensors(path)[1] == FACTS


def test_what_was_loaded_does_not_hang_on_the_file(saved, tensors):
    again, _ = checkpoint.read_tensors(saved)
    checkpoint.write_tensors(saved, {name: t.clone().zero_() for name, t in tensors.items()}, {})
    assert torch.equal(again["weight"], tensors["weight"])


@pytest.mark.parametrize("failure", ["facts", "half written", "not moved"])
def test_a_failed_save_leaves_the_old_file_and_no_draft(saved, tensors, monkeypatch, failure):
    metadata = {}
    if failure == "facts":
        metadata = {"a": object()}
    elif failure == "half written":

        @contextlib.contextmanager
        def full_disk(path, mode):
            with open(path, mode) as stream:
                yield stream
                stream.truncate(10)
                raise OSError("disk full")

        monkeypatch.setattr("neurosvt.files.open", full_disk, raising=False)
    else:

        def refuse(*paths):
            raise OSError("no")

        monkeypatch.setattr("os.replace", refuse)
    with pytest.raises((OSError, TypeError)):
        checkpoint.write_tensors(saved, {"other": torch.zeros(2)}, metadata)
    assert list(saved.parent.iterdir()) == [saved]
    again, old = checkpoint.read_tensors(saved)
    assert old == FACTS
    assert torch.equal(again["weight"], tensors["weight"])


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_checkpoint_is_a_file_like_others(saved, tmp_path):
    """Readable by whoever may read what this user writes: safetensors' own files are not."""
    (tmp_path / "other").touch()
    assert saved.stat().st_mode == (tmp_path / "other").stat().st_mode


def assert_one_line(error, path):
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 60, 0.5, 0.9, -1])
def test_a_cut_file_is_named(saved, kept):
    whole = saved.read_bytes()
    length = int(kept * len(whole)) if isinstance(kept, float) else kept
    saved.write_bytes(whole[:length])
    with pytest.raises(UserError, match="is cut or is no checkpoint") as error:
        checkpoint.read_tensors(saved)
    assert_one_line(error, saved)


@pytest.mark.parametrize(
    "metadata",
    [None, {"format": "pt"}, {"facts": "{"}],
    ids=["none", "foreign", "broken"],
)
def test_a_file_of_someone_else_is_named(tmp_path, metadata):
    path = tmp_path / "theirs.safetensors"
    save_file({"weight": torch.zeros(2)}, path, metadata)
    with pytest.raises(UserError, match="no checkpoint of neurosvt") as error:
        checkpoint.read_tensors(path)
    assert_one_line(error, path)


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "none.safetensors"
    with pytest.raises(FileNotFoundError, match="no checkpoint at") as error:
        checkpoint.read_tensors(path)
    assert_one_line(error, path)


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_nothing_pickled_is_ever_run(tmp_path):
    path, mark = tmp_path / "evil.safetensors", tmp_path / "ran"
    torch.save({"weight": Trap(mark)}, path)
    with pytest.raises(UserError):
        checkpoint.read_tensors(path)
    assert not mark.exists()


def test_a_checkpoint_is_a_table_of_contents_and_plain_bytes(saved):
    whole = saved.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    assert json.loads(header["__metadata__"]["facts"]) == FACTS


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_optimisers_go_on_as_they_would_have(name, tmp_path):
    def begun():
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(3, 5, bias=False), nn.Linear(5, 2), nn.PReLU())
        return model, OPTIMIZERS[name](model, 0.1, 0.01)

    def stepped(model, optimizers, count):
        for _ in range(count):
            model.zero_grad()
            model(torch.ones(2, 3)).square().sum().backward()
            for optimizer in optimizers:
                optimizer.step()

    whole, optimizers = begun()
    stepped(whole, optimizers, 2)
    path = tmp_path / "a.safetensors"
    checkpoint.write_tensors(path, checkpoint.optimizer_tensors(optimizers), {})
    again, others = begun()
    again.load_state_dict(whole.state_dict())
    checkpoint.restore_optimizers(others, checkpoint.read_tensors(path)[0])
    stepped(whole, optimizers, 3)
    stepped(again, others, 3)
    for name, parameter in whole.named_parameters():
        assert torch.equal(parameter, again.get_parameter(name))
