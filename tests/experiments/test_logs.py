import socket

import pytest

from neurosvt.cli import main
from neurosvt.config import ConfigError
from neurosvt.experiments.logs import LOGS, TrainingLog

TINY = (
    "model.width=16", "model.heads=2", "model.memory.channels=16", "model.readout.strengths=2",
    "model.readout.width=8",
    'data.tiers=["blackout"]', "data.seen=[2, 3]", "data.hidden=[2, 3]", "data.after=0",
    "train.steps=4", "train.batch=2", "train.validate_every=2",
)  # fmt: skip


@pytest.fixture
def trained(tmp_path, monkeypatch, soon_hidden):
    """A tiny training that logs, and may call nobody."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))

    connect = socket.socket.connect

    def refuse(self, address):
        if self.family != socket.AF_UNIX:
            raise AssertionError(f"it calls {address}")
        return connect(self, address)

    def train(log, *more):
        with monkeypatch.context() as patch:
            patch.setattr(socket.socket, "connect", refuse)
            words = [word for setting in TINY for word in ("--set", setting)]
            command = ["train", "permanence_stage1", "--out", "runs/tiny", "--log", log]
            return main([*command, *words, *more])

    return train


def test_numbers_of_a_training_are_told_to_every_log_on_this_machine(trained, monkeypatch, capsys):
    told = []

    class Kept(TrainingLog):
        def __init__(self, folder, settings):
            told.append((folder.name, settings["train"]["steps"]))

        def log(self, values, step):
            told.append((step, *values))

        def close(self):
            told.append("closed")

    monkeypatch.setitem(LOGS, "kept", Kept)
    assert trained("kept", "--quiet") == 0
    assert told[0] == ("tiny", 4)
    assert [one[0] for one in told[1:-1] if one[1].startswith("loss/")] == [1, 2, 3, 4]
    assert [one[0] for one in told[1:-1] if "validation/score" in one] == [2, 4]
    assert told[-1] == "closed"
    out = capsys.readouterr()
    assert out.out == out.err == "", "quiet"


def test_trackio_keeps_them_without_a_call(trained, tmp_path):
    pytest.importorskip("trackio", reason="the extra trackio")
    assert trained("trackio") == 0
    kept = list((tmp_path / "trackio").glob("*.db"))
    assert [path.name for path in kept] == ["neurosvt.db"]
    assert b"validation/score" in kept[0].read_bytes() or list((tmp_path / "trackio").glob("*wal"))


@pytest.mark.parametrize("name", ["tensorboard", "trackio"])
def test_a_log_that_is_not_installed_is_one_line(name, tmp_path, monkeypatch):
    import sys

    missing = {"tensorboard": "torch.utils.tensorboard", "trackio": "trackio"}[name]
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError, match=rf"--log {name} needs: pip install 'neurosvt\[{name}\]'"):
        LOGS[name](tmp_path, {})


def test_a_log_that_is_none_is_refused_before_anything_begins(trained, tmp_path, capsys):
    assert trained("tensorbord") == 2
    assert "did you mean 'tensorboard'" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
