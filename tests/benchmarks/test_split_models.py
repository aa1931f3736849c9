"""The two halves of the cause: a GRU on our spikes, and our memory behind a dense front end."""

import runpy
from pathlib import Path

import pytest
import torch

from neurosvt.experiments.registry import load_run
from neurosvt.nn.norm import ScaleNorm

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
OWN = runpy.run_path(str(BENCHMARKS / "split_models.py"))


@pytest.fixture(params=["gru_on_spikes", "memory_on_dense"])
def split(request):
    torch.manual_seed(0)
    model = load_run(str(BENCHMARKS / f"{request.param}.toml")).network("auto")
    for norm in (m for m in model.modules() if isinstance(m, ScaleNorm)):
        norm.momentum = 0.5
    with torch.no_grad():
        for _ in range(8):  # until norms know what comes
            model(frames())
    return model.eval()


def frames(steps=6):
    shown = torch.rand(steps, 2, 2, 64, 64) < 0.02
    shown[2] = False
    return shown


@torch.no_grad()
def test_it_remembers_and_stopping_changes_nothing(split):
    shown = frames()
    whole, _ = split(shown)
    _, state = split(shown[:4])
    rest, _ = split(shown[4:], state)
    for one, both in zip(rest, whole, strict=True):
        torch.testing.assert_close(one, both[4:], rtol=1e-5, atol=1e-5)
    other = shown.clone()
    other[0] = False
    assert (split(other)[0].class_logits[-1] - whole.class_logits[-1]).abs().max() > 1e-4


@torch.no_grad()
def test_its_state_takes_noise(split):
    shown = frames()
    clean, noisy = split(shown)[0], split(shown, state_noise=0.1)[0]
    assert (clean.class_logits - noisy.class_logits).abs().amin(-1).min() > 0


def test_every_parameter_learns(split):
    belief, _ = split.train()(frames())
    sum(part.square().sum() for part in belief).backward()
    silent = [n for n, p in split.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent
