import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from neurosvt.cli import main
from neurosvt.experiments.checkpoints import load
from neurosvt.training import checkpoint

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def train(tiny_settings, tmp_path, monkeypatch):
    """train(name, *options, key=value): a tiny training below an empty folder; its exit code."""
    monkeypatch.chdir(tmp_path)

    def run(*words, **settings):
        return main(["train", *words, *tiny_settings(**settings)])

    return run


def weights_of(path):
    tensors, _ = checkpoint.read_tensors(path)
    return tensors


def assert_same(one, two):
    assert one.keys() == two.keys()
    assert not [name for name in one if not torch.equal(one[name], two[name])]


def test_a_file_is_a_run_too(train, tmp_path):
    (tmp_path / "mine.toml").write_text("[model.memory]\nlearns_tau = false\n")
    assert train("mine.toml", train_steps=1) == 0
    assert not load("runs/mine").run.model.memory.learns_tau


def test_variants_are_trained_beside_each_other_and_told_as_rows(train, capsys, rows_of):
    words = ("permanence_stage1", "--over", "train.seed=3,4", "--out", "variants")
    assert train(*words, train_steps=1) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in told if line.startswith("train.seed ")] == ["3", "4"]
    rows = rows_of(Path("variants/sweep.json"))["rows"]
    assert [row["train.seed"] for row in rows] == ["3", "4"]


def test_variants_are_named_and_ray_is_for_them(refused):
    assert "--ray spreads variants" in refused("train", "permanence_stage1", "--ray")
    line = refused("train", "--resume", "--out", "none", "--over", "train.seed=0,1")
    assert "--over goes on by itself: name the run" in line


def test_a_training_is_not_overwritten(train, tmp_path, refused, tiny_settings):
    assert train("permanence_stage1", "--out", "out", train_steps=1) == 0
    line = refused("train", "permanence_stage1", "--out", "out", *tiny_settings(train_steps=1))
    assert "out holds a training" in line
    assert "--resume" in line


@pytest.mark.parametrize("name", [["permanence_stage1"], []], ids=["by name", "by folder"])
def test_resuming_takes_the_settings_from_the_folder(name, train, capsys, files_in, tmp_path):
    assert train("permanence_stage1", "--out", "out", "--no-amp", train_rate=0.002) == 0
    before = files_in(tmp_path)
    capsys.readouterr()
    assert main(["train", *name, "--resume", "--out", "out"]) == 0
    assert "out is trained: 4 of 4 steps" in capsys.readouterr().out
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("given", [["--set", "train.steps=1"], ["--set", "model.width=8"]], ids=str)
def test_resuming_takes_settings_that_are_those_of_the_folder(given, train):
    assert train("permanence_stage1", "--out", "out", train_steps=1) == 0
    assert main(["train", "permanence_stage1", "--resume", "--out", "out", *given]) == 0


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["--set", "train.rate=0.001"], "train.rate is 0.003 there, 0.001 here"),
        (["--set", "data.hidden=[4, 5]"], "data.hidden is [3, 6] there, [4, 5] here"),
        (["--no-amp"], "train.amp is 'auto' there, False here"),
        (["--set", "train.rata=1"], "unknown setting 'train.rata'; did you mean 'rate'"),
    ],
    ids=str,
)
def test_resuming_with_a_setting_that_differs_is_refused(given, names, train, refused):
    assert train("permanence_stage1", "--out", "out", train_steps=1) == 0
    assert names in refused("train", "permanence_stage1", "--resume", "--out", "out", *given)


def test_resume_auto_begins_what_is_not_there_and_goes_on_with_what_is(train, capsys, refused):
    words = ["permanence_stage1", "--out", "out", "--resume", "auto"]
    assert train(*words, train_steps=1) == 0
    capsys.readouterr()
    assert main(["train", "--resume", "auto", "--out", "out"]) == 0
    assert "out is trained: 1 of 1 steps" in capsys.readouterr().out
    assert "none holds no training: name a run" in refused(
        "train", "--resume", "auto", "--out", "none"
    )
    assert "--resume takes auto or nothing, got 'never'" in refused(
        "train", "permanence_stage1", "--resume", "never"
    )


def test_a_name_behind_resume_is_the_run(train):
    assert train("permanence_stage1", train_steps=1) == 0
    assert main(["train", "--resume", "permanence_stage1"]) == 0


def test_a_run_that_nobody_names_is_asked_for(refused):
    for words in ([], ["--resume"], ["--out", "out"]):
        assert "name a run (neurosvt list runs)" in refused("train", *words)


def test_there_has_to_be_something_to_resume(refused, tiny_settings):
    line = refused("train", "permanence_stage1", "--resume", *tiny_settings())
    assert "no checkpoint at runs/permanence_stage1/last.safetensors" in line


def test_a_cut_checkpoint_is_not_resumed(train, tmp_path, refused, tiny_settings):
    assert train("permanence_stage1", "--out", "out", train_steps=1) == 0
    last = tmp_path / "out" / "last.safetensors"
    last.write_bytes(last.read_bytes()[:-100])
    line = refused(
        "train", "permanence_stage1", "--out", "out", "--resume", *tiny_settings(train_steps=1)
    )
    assert "last.safetensors is cut or is no checkpoint" in line


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (
            ["permanence_stage1", "--set", "train.stepz=3"],
            "unknown setting 'train.stepz'; did you mean",
        ),
        (["permanence_stage1", "--set", "stepz"], "expected key=value"),
        (["permanence_stage1", "--set", "train.steps=many"], "train.steps must be a whole number"),
        (
            ["permanence_stage1", "--set", "model.memory=laeky"],
            "memory 'laeky' is unknown; did you mean 'leaky'",
        ),
        (["permanence_stage1", "--set", "data.tiers=['fog']"], "tier 'fog' is unknown"),
        (["permanence_stage1", "--set", "model.classes=3"], "model.classes is 3"),
        (["permanence_stage1", "--set", "model.image_size=50"], "image_size 50 is not a multiple"),
        (["permanence_stage1", "--set", "model.heads=3"], "not a multiple of heads 3"),
        (["permanence_stage1", "--set", "model.kernel_size=9"], "kernel_size 9"),
        (["permanence_stage1", "--set", "model.memory.tau_range=[0.5, 9.0]"], "tau"),
        (["permanence_stage1", "--set", "train.weight_decay=-1.0"], "weight_decay"),
        (["permanence_stage1", "--set", "model.heads=0"], "heads"),
        (["permanense"], "run 'permanense' is unknown; did you mean 'permanence'"),
        (["none.toml"], "none.toml"),
        (["permanence_stage1", "--backend", "cuda"], "backend 'cuda' is unknown"),
        (["permanence_stage1", "--threads", "0"], "--threads must be at least 1"),
        (["permanence_stage1", "--threads", "x"], "--threads"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_the_user_got_wrong_is_one_line_and_leaves_nothing(
    words, names, refused, tiny_settings
):
    name, *options = words
    tiny = tiny_settings(train_steps=1)  # should it be taken after all, not for an hour
    assert names in refused("train", name, *tiny, *options)


def test_a_file_where_the_folder_should_be_is_told_before_training(
    refused, tmp_path, tiny_settings
):
    (tmp_path / "out").write_text("mine")
    assert "out" in refused(
        "train", "permanence_stage1", "--out", "out", *tiny_settings(train_steps=1)
    )


def test_missing_recordings_are_one_line(refused, monkeypatch, tiny_settings):
    monkeypatch.setenv("NEUROSVT_DATA", "nowhere")
    assert "nmnist_train900.npz" in refused("train", "nmnist")


def test_damaged_recordings_are_one_line(refused, tmp_path, monkeypatch):
    (tmp_path / "nmnist_small").mkdir()
    (tmp_path / "nmnist_small" / "nmnist_train900.npz").write_bytes(b"PK\x03\x04 cut")
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    assert "not a readable npz file" in refused("train", "nmnist")


def wait_for(process, text, seconds=240):
    """Reads standard error until `text` comes; what came."""
    end, seen = time.monotonic() + seconds, b""
    while text.encode() not in seen:
        assert time.monotonic() < end, f"not within {seconds} s: {text!r}; got {seen.decode()}"
        assert process.poll() is None, seen.decode()
        if select.select([process.stderr], [], [], 1)[0]:
            seen += os.read(process.stderr.fileno(), 4096)
    return seen


@pytest.fixture
def settings_of_many_steps(tiny_settings):
    return tiny_settings(train_steps=45, train_validate_every=10, data_after=2)


@pytest.mark.parametrize(
    ("number", "resume"),
    [
        pytest.param(signal.SIGINT, ["--resume"], marks=pytest.mark.slow),
        (signal.SIGTERM, ["--resume", "auto"]),
        pytest.param(
            getattr(signal, "SIGUSR1", None), ["--resume", "auto"],
            marks=[
                pytest.mark.slow,
                pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here"),
            ],
        ),
    ],
    ids=["Ctrl-C", "SIGTERM", "SIGUSR1"],
)  # fmt: skip
def test_an_interrupted_training_resumes_to_the_same_bits(
    number, resume, tmp_path, settings_of_many_steps, monkeypatch, one_thread, capsys
):
    """Signals go to the trainer and to the processes that make its data, as in a terminal."""
    words = ["train", "permanence_stage1", *settings_of_many_steps]
    quickly = (
        "import sys\n"
        "from neurosvt.cli import main\n"
        "from neurosvt.experiments import recipes\n"
        "judged = recipes.validation_score\n"
        "recipes.validation_score = lambda m, e, n, **o: judged(m, e, 4, [4], **o)\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", quickly, *words, "--out", "cut"],
        cwd=tmp_path, env=one_thread, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(process, "step 10: ")
        os.killpg(process.pid, number)
        _, told = process.communicate(timeout=240)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 128 + number, told.decode()
    assert "--resume goes on" in told.decode()
    assert "Traceback" not in told.decode()

    monkeypatch.chdir(tmp_path)
    _, metadata = checkpoint.read_tensors(tmp_path / "cut" / "last.safetensors")
    assert 10 <= metadata["step"] < 45
    assert main(["train", "--out", "cut", *resume]) == 0
    assert main([*words, "--out", "whole"]) == 0
    for name in ("last", "best"):
        one, two = (weights_of(tmp_path / run / f"{name}.safetensors") for run in ("cut", "whole"))
        assert_same(one, two)
    histories = [
        [
            {name: value for name, value in entry.items() if name != "seconds"}
            for entry in json.loads((tmp_path / run / "history.json").read_text())["history"]
        ]
        for run in ("cut", "whole")
    ]
    assert histories[0] == histories[1]


def test_the_command_runs_as_a_module(tmp_path, one_thread):
    done = subprocess.run(
        [sys.executable, "-m", "neurosvt", "train", "permanence_stage1", "--set", "train.stepz=1"],
        cwd=tmp_path, env=one_thread, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_not_here_is_refused(refused):
    assert "device 'cuda:99' is not here; choose from cpu" in refused(
        "train", "permanence_stage1", "--device", "cuda:99"
    )


def test_what_a_training_starts_from_has_to_be_there(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = refused("train", "permanence")
    assert "is to be trained first: neurosvt train permanence_stage10" in line
