"""Where models run, and what is told where GPUs or their kernels are not there."""

import pytest
import torch

from neurosvt.cli import main
from neurosvt.config import UserError
from neurosvt.experiments import devices
from neurosvt.experiments.checkpoints import load
from neurosvt.native.cuda import launching
from neurosvt.ops import gpu

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
COMMANDS = [
    ["demo"], ["stream", "scenes:curtain"], ["predict", "permanence", "x.npz"], ["train", "digits"],
    ["evaluate"], ["permanence"], ["energy"], ["heatmap", "dysvit"], ["bench", "latency"],
]  # fmt: skip


@pytest.fixture(autouse=True)
def asked_anew():
    gpu.why_not.cache_clear()
    yield
    gpu.why_not.cache_clear()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_every_command_that_runs_a_model_takes_a_device(command, capsys):
    assert main([*command, "--device", "cuda:7"]) == 2
    assert "device 'cuda:7' is not here; choose from cpu" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["gpu", "cuda", "cuda:0", "meta"])
def test_a_device_that_is_not_there_is_refused(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="is not here; choose from cpu"):
        devices.checked_device(name)
    assert devices.checked_device("cpu") == CPU


def test_models_go_where_they_are_asked_to(monkeypatch):
    assert devices.place() == CPU
    monkeypatch.setattr(devices, "checked_device", torch.device)
    with devices.models_on("meta"):
        assert load("permanence").model.membranes_like().is_meta
    assert load("permanence").model.membranes_like().is_cpu


def test_kernels_are_refused_where_asked_and_for_as_long():
    with devices.models_on("cpu", cupy=False):
        assert gpu.why_not() == "they were refused"
    assert gpu.why_not() != "they were refused"


@pytest.mark.parametrize("backend", ["auto", "cupy"])
def test_without_cupy_one_line_says_what_would_bring_it(backend, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(launching, "find_spec", lambda name: None)
    line = devices.missing_kernels(backend, CUDA)
    assert "PyTorch alone" in line
    assert "pip install 'neurosvt[cuda]'" in line
    assert "\n" not in line


def test_cupy_that_does_not_load_is_told_in_one_line(monkeypatch):
    def broken():
        raise RuntimeError("libnvrtc.so.12\nis not there")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(launching, "find_spec", lambda name: object())
    monkeypatch.setattr(launching, "_cupy", broken)
    assert gpu.why_not() == "CuPy does not load: libnvrtc.so.12 is not there"


def test_nothing_is_told_where_nobody_asked_for_kernels(monkeypatch):
    assert devices.missing_kernels("auto", CPU) is None
    assert devices.missing_kernels("manual", CUDA) is None
    monkeypatch.setattr(launching, "why_missing", lambda: None)
    monkeypatch.setattr(gpu, "why_missing", lambda: None)
    assert devices.missing_kernels("cupy", CUDA) is None


def test_cupy_on_the_cpu_is_told_and_is_pytorch():
    assert "is for CUDA devices, and this is cpu" in devices.missing_kernels("cupy", CPU)


def test_one_cannot_ask_for_kernels_and_refuse_them(capsys):
    assert main(["train", "digits", "--backend", "cupy", "--no-cupy"]) == 2
    assert "leave one of them out" in capsys.readouterr().err
