"""Processes that train one run together: as one process would, and as if nobody had been killed."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
import torch

from neurosvt.config import UserError, override
from neurosvt.experiments import processes
from neurosvt.experiments import trainer as trainer_module
from neurosvt.experiments.folder_lock import locked
from neurosvt.experiments.interrupt import TrainingStopped
from neurosvt.experiments.registry import run_settings
from neurosvt.experiments.runs import build_run, whole_run
from neurosvt.experiments.trainer import Trainer, train
from neurosvt.training import checkpoint
from tests.processes import exit_codes, launched, needs_fork
from tests.tiny_runs import TINY, short_validation

pytestmark = needs_fork


@pytest.fixture(scope="module", autouse=True)
def quick():
    with short_validation():
        yield


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def tiny(**changes):
    """A tiny run of eight steps; _ for the first dot."""
    changes = {"train_steps": 8, "train_amp": "false"} | changes
    settings = TINY | {key.replace("_", ".", 1): value for key, value in changes.items()}
    pairs = (f"{key}={value}" for key, value in settings.items())
    return build_run(override(run_settings("permanence_stage1"), pairs))


def tensors_of(path):
    return checkpoint.read_tensors(Path(path))[0]


def losses_of(folder):
    history = json.loads(Path(folder, "history.json").read_text())["history"]
    return [entry["loss"] for entry in history]


def test_what_is_killed_and_resumed_ends_as_if_it_had_not_been(monkeypatch):
    """The memory's noise is drawn by every process for itself, and goes on where it stood."""
    run, taken = tiny(), Trainer._step

    def kill(trainer, record):
        taken(trainer, record)
        if record.step == 5 and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)

    def work(rank):
        train(run, "cut", quiet=True, resume="auto")

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", kill)
        codes = launched(work)
    assert codes[1] == -signal.SIGKILL
    assert codes[0] != 0
    assert checkpoint.read_tensors(Path("cut/last.safetensors"))[1]["step"] == 3
    assert launched(work) == [0, 0]
    assert launched(lambda rank: train(run, "whole", quiet=True)) == [0, 0]
    cut, whole = tensors_of("cut/last.safetensors"), tensors_of("whole/last.safetensors")
    assert {"rng", "rng.1"} <= cut.keys() == whole.keys()
    assert not [name for name in cut if not torch.equal(cut[name], whole[name])]
    assert losses_of("cut") == losses_of("whole")
    assert not torch.equal(cut["rng"], cut["rng.1"])
    assert sorted(os.listdir("cut")) == [
        "best.safetensors", "earlier.safetensors", "history.json", "last.safetensors",
    ]  # fmt: skip


def test_two_processes_and_two_passes_learn_from_the_batches_of_one(capfd):
    settings = {"train_state_noise": 0, "train_validate_every": 2, "train_steps": 4}
    assert launched(lambda rank: train(tiny(train_batch=2, **settings), "two")) == [0, 0]
    assert "2 processes share batches of 4" in capfd.readouterr().err
    train(tiny(train_batch=4, **settings), "one", quiet=True)
    assert losses_of("two") == pytest.approx(losses_of("one"), rel=1e-3)
    train(tiny(train_batch=2, train_accumulate=2, **settings), "passes", quiet=True)
    assert losses_of("passes") == pytest.approx(losses_of("one"), rel=0.2)  # norms see other rows


def test_a_signal_to_one_stops_all_at_the_same_step(monkeypatch):
    taken = Trainer._step

    def press(trainer, record):
        if record.step == 2 and os.environ["RANK"] == "1":
            signal.raise_signal(signal.SIGTERM)
        taken(trainer, record)

    def work(rank):
        try:
            train(tiny(), "out", quiet=True)
        except TrainingStopped as stopped:  # the first, who tells
            raise SystemExit(stopped.exit_code + 1) from None

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", press)
        assert launched(work) == [128 + signal.SIGTERM + 1, 128 + signal.SIGTERM]
    assert checkpoint.read_tensors(Path("out/last.safetensors"))[1]["step"] == 2


def test_fewer_processes_go_on_with_batches_as_large_as_before():
    run = tiny(train_steps=1)
    assert launched(lambda rank: train(run, "out", quiet=True)) == [0, 0]
    trainer = Trainer(run, Path("out"), "auto", torch.device("cpu"), resume=True, quiet=True)
    assert trainer.whole.train.batch == 2 * run.train.batch
    assert whole_run(tiny(train_accumulate=3), 2).train.batch == 6 * run.train.batch


def test_more_processes_than_sequences_are_refused(monkeypatch):
    train(tiny(train_steps=1), "out", quiet=True)
    monkeypatch.setattr(trainer_module, "processes", lambda: 3)
    with pytest.raises(UserError, match="batches of 2, which this training began with, are too"):
        Trainer(tiny(train_steps=1), Path("out"), "auto", torch.device("cpu"), resume=True)


def test_what_one_cannot_do_none_does():
    def work(rank):
        with processes.process_group("cpu"):
            with processes.agreed():
                if rank == 1:
                    raise UserError("no recordings on this machine")
            os._exit(9)

    def told(rank):
        if rank == 0:
            with pytest.raises(UserError, match="no recordings on this machine"):
                work(rank)
        else:
            work(rank)

    assert launched(told) == [0, 2]  # the second without a word


def test_weights_are_those_of_the_first():
    def work(rank):
        with processes.process_group("cpu"):
            model = torch.nn.BatchNorm1d(3)
            torch.nn.init.constant_(model.weight, rank + 1)
            model.running_mean.fill_(rank + 5)
            processes.same_everywhere(model)
            assert model.weight.tolist() == [1, 1, 1]
            assert model.running_mean.tolist() == [5, 5, 5]

    assert launched(work) == [0, 0]


def test_a_launcher_that_leaves_something_out_is_named(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    names = "WORLD_SIZE is 2, and LOCAL_RANK, MASTER_ADDR, MASTER_PORT is not set"
    with pytest.raises(UserError, match=names), processes.process_group("cpu"):
        pass


def test_a_folder_is_trained_into_by_one_at_a_time():
    held = Path("out")

    def hold(rank):
        if rank == 0:
            with locked(held):
                Path("ready").touch()
                time.sleep(600)
        while not Path("ready").exists():
            time.sleep(0.01)
        owner = Path("out/.lock").read_text()
        with pytest.raises(UserError, match=f"out is being trained into by {owner}; --out DIR"):
            train(tiny(), "out", quiet=True)
        # The system gives back what a process held that is killed.
        os.kill(int(owner.split()[1]), signal.SIGKILL)

    assert exit_codes(hold, 2) == [-signal.SIGKILL, 0]
    assert Path("out/.lock").exists()
    with locked(held):
        pass
    assert not Path("out/.lock").exists()
