"""What older versions wrote is read in today's words."""

import pytest
import torch

from neurosvt.experiments.checkpoints import WEIGHTS, read_checkpoint
from neurosvt.experiments.migrate import migrate_metadata, migrate_run
from neurosvt.experiments.registry import load_run
from neurosvt.experiments.runs import build_run
from neurosvt.training.checkpoint import write_tensors

OLD = {
    "model": {
        "image_size": 64, "least_neighbours": 1, "classes": 8, "tau": 1.1, "memory": "leaky",
        "memory_channels": 128, "memory_tau": [4.0, 1000.0],
        "memory_rules": {
            "learns_tau": True, "gated": True, "write_gates": 16, "looks_back": True,
            "divided": False, "resets": False, "fires": False,
        },
        "memory_read": "position", "tau_memory": 2.0, "head_width": 256, "head_depth": 2,
        "head_strengths": 8,
    },
    "data": {"variety": {"turn": 0.2}},
}  # fmt: skip


def changed(**model):
    return {**OLD, "model": {**OLD["model"], **model}}


def test_settings_that_stood_beside_each_other_are_nested():
    assert build_run(migrate_run(OLD)).model == load_run("permanence_stage4").model


@pytest.mark.parametrize(
    ("model", "memory"),
    [
        ({"memory": "none"}, {"kind": "none", "channels": 128}),
        ({"memory": "lif", "tau_memory": 5.0}, {"kind": "lif", "tau": 5.0}),
    ],
    ids=str,
)
def test_memories_become_kinds(model, memory):
    assert migrate_run(changed(**model))["model"]["memory"] == memory


@pytest.mark.parametrize(
    ("rule", "stood", "kind"),
    [("gated", False, "ungated"), ("divided", True, "divided_drive"), ("resets", True, "resetting"),
     ("fires", True, "spikes_out")],
)  # fmt: skip
def test_switches_become_kinds(rule, stood, kind):
    rules = {**OLD["model"]["memory_rules"], rule: stood}
    assert migrate_run(changed(memory_rules=rules))["model"]["memory"]["kind"] == kind


def test_a_read_by_attention_becomes_a_kind():
    assert migrate_run(changed(memory_read="attention"))["model"]["memory"]["kind"] == (
        "read_by_attention"
    )


def test_today_s_words_stay_as_they_are():
    plain = {"model": {"memory": {"kind": "none"}}, "data": {"augmentation": {"turn": 0.1}}}
    assert migrate_run(plain) == plain
    assert migrate_metadata({"finished": True, "run": plain}) == {"finished": True, "run": plain}


def test_metadata_and_tensors_have_their_names_of_today(tmp_path):
    assert migrate_metadata({"settled": True}) == {"finished": True}
    token = torch.ones(2)
    for former in ("memory.start", "model.memory.start"):
        write_tensors(tmp_path / "old.safetensors", {former: token}, {"settled": True})
        tensors, metadata = read_checkpoint(tmp_path / "old.safetensors")
        assert list(tensors) == [former.replace("start", "token")]
        assert metadata == {"finished": True}


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.safetensors")), ids=lambda path: path.stem)
def test_every_shipped_model_says_a_run_that_can_be_built(path):
    tensors, metadata = read_checkpoint(path)
    model = build_run(metadata["run"]).network()
    assert model.state_dict().keys() == tensors.keys()
