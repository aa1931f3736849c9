import pytest

from neurosvt.config import UserError
from neurosvt.experiments.checkpoints import WEIGHTS
from neurosvt.experiments.suites import suite_of
from neurosvt.permanence.suite import Suite
from neurosvt.training import checkpoint

SHORT = Suite((30,), 4, ({"blind": True},))


def test_a_suite_of_a_run_is_its_family_on_scenes_and_ours_varied():
    said = []
    usual, blind = suite_of(SHORT, "permanence", seed=3, say=said.append)
    standing = ["leaky", "lif", "none", "latch", "last_seen", "velocity"]
    assert [entrant.name for entrant in usual.entrants] == standing
    assert [entrant.name for entrant in blind.entrants] == ["leaky"]
    assert (usual.plan.judged_task.seed, usual.plan.state_noise) == (3, 0.01)
    assert blind.plan.blind
    (line,) = said
    assert line.startswith("no weights for charge_2, ")


def test_recordings_are_judged_where_nobody_named_a_run_and_they_are_there(data_root, monkeypatch):
    monkeypatch.setenv("NEUROSVT_DATA", str(data_root.resolve()))
    names = [part.plan.task.name for part in suite_of(SHORT)]
    assert names == ["scenes", "scenes", "nmnist"]


def test_recordings_that_are_not_there_are_left_out_and_told(monkeypatch, tmp_path):
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    said = []
    assert len(suite_of(SHORT, say=said.append)) == 2
    assert said[-1].startswith("N-MNIST left out: ")


def test_a_training_that_has_not_ended_is_not_judged(tmp_path):
    tensors, metadata = checkpoint.read_tensors(WEIGHTS / "permanence.safetensors")
    for word in ("finished", "settled"):
        metadata.pop(word, None)
    checkpoint.write_tensors(tmp_path / "begun.safetensors", tensors, metadata)
    with pytest.raises(UserError, match=r"begun\.safetensors is not trained to its end"):
        suite_of(SHORT, str(tmp_path / "begun.safetensors"))
